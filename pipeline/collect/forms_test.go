package collect

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"firstlight/pipeline/event"
)

func zipped(text string) string {
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // to memory
	_ = w.Close()
	return b.String()
}

// TestForms: what each form of request becomes in the stream, message by message.
func TestForms(t *testing.T) {
	b := newBench(t, testKeys, nil)
	u, a := event.Subject("backend", "u1"), event.Subject("backend", "anon")
	track := `{"type":"track","event":"signed_up","userId":"u1","messageId":"m#","timestamp":"2026-11-29T09:00:00Z","properties":{"plan":"team"}}`
	for i, c := range []struct {
		name, path, body string
		headers          []string
		want             []message
	}{
		{"an event, as it is", "/v1/track", track, nil, []message{{u, "backend:m#", track, nil}}},
		{"white space around it", "/v1/t", "\n " + track + "\n", nil, []message{{u, "backend:m#", track, nil}}},
		{"a byte order mark", "/v1/track", "\ufeff" + track, nil, []message{{u, "backend:m#", track, nil}}},
		{"text/plain, as browsers send it", "/v1/t", track, []string{"Content-Type", "text/plain"}, []message{{u, "backend:m#", track, nil}}},
		{"gzip", "/v1/track", "zip:" + track, []string{"Content-Encoding", "gzip"}, []message{{u, "backend:m#", track, nil}}},
		{"the type that the path says", "/v1/identify", `{"userId":"u1"}`, nil, []message{{u, "", `{"userId":"u1","type":"identify"}`, nil}}},
		{"the short form of it", "/v1/p", `{"userId":"u1","type":null}`, nil, []message{{u, "", `{"userId":"u1","type":null,"type":"page"}`, nil}}},
		{"the body's type where it has one", "/v1/page", `{"type":"screen","userId":"u1"}`, nil, []message{{u, "", `{"type":"screen","userId":"u1"}`, nil}}},
		{"the write key of a body is not stored", "/v1/track", `{"writeKey":"` + serverKey + `","event":"e","userId":"u1"}`, nil, []message{{u, "", `{"writeKey":null,"event":"e","userId":"u1"}`, nil}}},
		{
			"nor what others call them", "/v1/track", `{"event":"e","userId":"u1","request_ip":"192.0.2.7","ip":"192.0.2.7","properties":{"$ip":"192.0.2.7","a":1}}`, nil,
			[]message{{u, "", `{"event":"e","userId":"u1","request_ip":null,"ip":null,"properties":{"$ip":null,"a":1}}`, nil}},
		},
		{
			"nor as nobody calls them", "/v1/track", `{"event":"e","userId":"u1","properties":{"\u0024ip":"192.0.2.7"},"context":{"\u0069p":"192.0.2.7"}}`, nil,
			[]message{{u, "", `{"event":"e","userId":"u1","properties":{"\u0024ip":null},"context":{"\u0069p":null}}`, nil}},
		},
		{"addresses are not stored", "/v1/track", `{"event":"e","userId":"u1","context":{"ip":"192.0.2.7","locale":"de"}}`, nil, []message{{u, "", `{"event":"e","userId":"u1","context":{"ip":null,"locale":"de"}}`, nil}}},
		{"only an anonymous id", "/v1/track", `{"event":"e","anonymousId":"anon"}`, nil, []message{{a, "", `{"event":"e","anonymousId":"anon"}`, nil}}},
		{
			"a batch that says when it was sent", "/v1/batch",
			`{"batch":[{"type":"track","event":"a","userId":"u1","messageId":"1#"}, {"type":"page","userId":"u1","messageId":"2#","sentAt":"2026-11-29T08:00:00Z"}],"sentAt":"2026-11-29T09:00:00.000Z","writeKey":"x"}`, nil,
			[]message{
				{u, "backend:1#", `{"type":"track","event":"a","userId":"u1","messageId":"1#","sentAt":"2026-11-29T09:00:00.000Z"}`, nil},
				{u, "backend:2#", `{"type":"page","userId":"u1","messageId":"2#","sentAt":"2026-11-29T08:00:00Z"}`, nil},
			},
		},
		{"an empty batch", "/v1/import", `{"batch":[]}`, nil, nil},
		{"a beacon", "/beacon/v1/batch", `{"batch":[` + track + `]}`, []string{"Content-Type", "text/plain"}, []message{{u, "backend:m#", track, nil}}},
		{"lines", "/events", track + "\n\n" + `{"event":"b","userId":"u1"}` + "\n", nil, []message{{u, "backend:m#", track, nil}, {u, "", `{"event":"b","userId":"u1"}`, nil}}},
		{"a list", "/events", "[" + track + "]", nil, []message{{u, "backend:m#", track, nil}}},
		{"one event on many lines", "/events", "{\n \"event\": \"b\",\n \"userId\": \"u1\"\n}", nil, []message{{u, "", "{\n \"event\": \"b\",\n \"userId\": \"u1\"\n}", nil}}},
		{
			"a CloudEvent", "/events", `{"specversion":"1.0","id":"c1#","type":"signed_up","source":"s","subject":"u1","data":{"plan":"team"}}`,
			[]string{"Content-Type", "application/cloudevents+json; charset=utf-8"},
			[]message{{u, "backend:c1#", `{"specversion":"1.0","id":"c1#","type":"signed_up","source":"s","subject":"u1","data":{"plan":"team"}}`, nil}},
		},
		{
			"CloudEvents, batched", "/events", `[{"specversion":"1.0","id":"c1#","type":"a","subject":"u1"},{"specversion":"1.0","id":"c2#","type":"b","subject":"u1"}]`,
			[]string{"Content-Type", "application/cloudevents-batch+json"},
			[]message{{u, "backend:c1#", `{"specversion":"1.0","id":"c1#","type":"a","subject":"u1"}`, nil}, {u, "backend:c2#", `{"specversion":"1.0","id":"c2#","type":"b","subject":"u1"}`, nil}},
		},
		{
			"a CloudEvent in binary mode", "/events", `{"plan":"team"}`,
			[]string{"Ce-Specversion", "1.0", "Ce-Id", "c1#", "Ce-Type", "signed_up", "Ce-Source", "s", "Ce-Subject", "u1", "Content-Type", "application/json"},
			[]message{{u, "backend:c1#", `{"plan":"team"}`, map[string][]string{"ce-specversion": {"1.0"}, "ce-id": {"c1#"}, "ce-type": {"signed_up"}, "ce-source": {"s"}, "ce-subject": {"u1"}}}},
		},
		{
			"one without data", "/events", ``,
			[]string{"Ce-Specversion", "1.0", "Ce-Type", "seen", "Ce-Subject", "u1"},
			[]message{{u, "", ``, map[string][]string{"ce-specversion": {"1.0"}, "ce-type": {"seen"}, "ce-subject": {"u1"}}}},
		},
		{
			"PostHog's server SDKs", "/batch/", `{"api_key":"phc","sent_at":"2026-11-29T09:00:01Z","batch":[{"event":"signed_up","distinct_id":"u1","uuid":"p1#","timestamp":"2026-11-29T09:00:00Z","properties":{"plan":"team","$lib":"posthog-node"}}]}`, nil,
			[]message{{u, "backend:p1#", `{"type":"track","event":"signed_up","userId":"u1","messageId":"p1#","timestamp":"2026-11-29T09:00:00Z","sentAt":"2026-11-29T09:00:01Z","properties":{"plan":"team","$lib":"posthog-node"}}`, nil}},
		},
		{
			"PostHog's browser SDK, before the user is known", "/e/?sent_at=1795942800000", `[{"uuid":"p2#","event":"$pageview","properties":{"token":"phc","distinct_id":"anon","$device_id":"anon","$is_identified":false,"$current_url":"https://x"},"timestamp":"2026-11-29T09:00:00Z"}]`, nil,
			[]message{{a, "backend:p2#", `{"type":"page","anonymousId":"anon","messageId":"p2#","timestamp":"2026-11-29T09:00:00Z","sentAt":"2026-11-29T09:00:00.000Z","properties":{"token":null,"distinct_id":"anon","$device_id":"anon","$is_identified":false,"$current_url":"https://x"}}`, nil}},
		},
		{
			"the same once he is", "/i/v0/e/", `{"event":"$identify","properties":{"distinct_id":"u1","$device_id":"anon","$anon_distinct_id":"anon","$ip":"192.0.2.7"}}`, nil,
			[]message{{u, "", `{"type":"identify","event":"$identify","userId":"u1","anonymousId":"anon","properties":{"distinct_id":"u1","$device_id":"anon","$anon_distinct_id":"anon","$ip":null}}`, nil}},
		},
		{
			"a distinct id that is the device's", "/capture/", `{"event":"$pageleave","properties":{"distinct_id":"anon","$device_id":"anon"}}`, nil,
			[]message{{a, "", `{"type":"track","event":"$pageleave","anonymousId":"anon","properties":{"distinct_id":"anon","$device_id":"anon"}}`, nil}},
		},
		{
			"gzip that only the address tells", "/e/?compression=gzip-js", `zip:{"event":"e","distinct_id":"u1"}`,
			[]string{"Content-Type", "text/plain"},
			[]message{{u, "", `{"type":"track","event":"e","userId":"u1"}`, nil}},
		},
		{
			"base64 in a form", "/e/?compression=base64", "data=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(`{"event":"e","distinct_id":"u1","properties":{"a":"ü?>"}}`))),
			[]string{"Content-Type", "application/x-www-form-urlencoded"},
			[]message{{u, "", `{"type":"track","event":"e","userId":"u1","properties":{"a":"ü?>"}}`, nil}},
		},
		{
			"PostHog's newer form", "/i/v1/analytics/events", `{"created_at":"2026-11-29T09:00:00Z","batch":[{"event":"e","uuid":"p3#","distinct_id":"u1","timestamp":"2026-11-29T08:59:59Z","options":{"disable_skew_correction":true},"properties":{}}]}`, nil,
			[]message{{u, "backend:p3#", `{"type":"track","event":"e","userId":"u1","messageId":"p3#","timestamp":"2026-11-29T08:59:59Z","properties":{}}`, nil}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			own := strings.NewReplacer("#", fmt.Sprint("-", i)) // ids: the stream remembers those of the cases before
			body := own.Replace(c.body)
			if text, zip := strings.CutPrefix(body, "zip:"); zip {
				body = zipped(text)
			}
			for i := range c.headers {
				c.headers[i] = own.Replace(c.headers[i])
			}
			got := b.post(c.path, body, c.headers...)
			if got.code != 200 || got.Stored != len(c.want) || !got.Success {
				t.Fatalf("answers %d %s", got.code, got.text)
			}
			have := b.stored()
			if len(have) != len(c.want) {
				t.Fatalf("%d messages: %v", len(have), have)
			}
			for i := range have {
				if c.want[i].header == nil {
					c.want[i].header = map[string][]string{}
				}
				if have[i].header == nil {
					have[i].header = map[string][]string{}
				}
				if want := own.Replace(fmt.Sprint(c.want[i])); fmt.Sprint(have[i]) != want {
					t.Errorf("stored\n%v, want\n%v", have[i], want)
				}
			}
		})
	}
}
