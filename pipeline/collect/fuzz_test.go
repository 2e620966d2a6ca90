package collect

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/tidwall/gjson"

	"firstlight/pipeline/event"
)

// The laws of every form, for any body: nothing panics; each event of the body is stored or refused; and what is stored is an event that
// the worker takes, under its user's subject, without the write key and without addresses.

// FuzzSegment: bodies at /v1/batch and the like.
func FuzzSegment(f *testing.F) {
	for _, body := range []string{
		`{"batch":[{"type":"track","event":"e","userId":"u","messageId":"m","context":{"ip":"192.0.2.7"}},{"type":"identify"}],"sentAt":"2026-11-29T09:00:00Z","writeKey":"k"}`,
		`{"event":"e","anonymousId":"a","writeKey":"k"}`, `[{"event":"e","userId":7},null,1]`, `{"userId":"u","context":{"ip":"x","ip":"y"},"context":{}}`, `{}`, `{"batch":{}}`,
	} {
		f.Add([]byte(body), byte(0))
	}
	kinds := []string{"", "track", "identify", "page", "group"}
	f.Fuzz(func(t *testing.T, body []byte, kind byte) {
		p := routed{form: formSegment, kind: kinds[int(kind)%len(kinds)]}
		laws(t, &p, &http.Request{Header: http.Header{}}, body)
	})
}

// FuzzPostHog: bodies at /batch/, /e/ and the like.
func FuzzPostHog(f *testing.F) {
	for _, body := range []string{
		`{"api_key":"k","sent_at":"2026-11-29T09:00:00Z","batch":[{"event":"$pageview","uuid":"m","distinct_id":"u","timestamp":"2026-11-29T09:00:00Z","properties":{"token":"k","$ip":"192.0.2.7","$device_id":"d"}}]}`,
		`[{"event":"e","offset":1000,"properties":{"distinct_id":"u","$is_identified":false}}]`, `{"event":"$identify","properties":{"distinct_id":1e3,"$anon_distinct_id":"a"},"$set":{}}`,
		`{"event":"e","distinct_id":"u","options":{"disable_skew_correction":true},"sent_at":1795942800000}`, `{"properties":[]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		laws(t, &routed{form: formPostHog}, &http.Request{Header: http.Header{}, URL: mustURL("/e/?sent_at=1795942800000")}, body)
	})
}

// FuzzEvents: bodies at /events, as CloudEvents in each mode, and as lines and lists.
func FuzzEvents(f *testing.F) {
	for mode := range byte(4) {
		for _, body := range []string{
			`{"specversion":"1.0","id":"i","type":"t","subject":"u","data":{"a":1}}`, `[{"specversion":"1.0","type":"t","data":{"userId":"u"}}]`,
			"{\"event\":\"e\",\"userId\":\"u\"}\n{\"event\":\"f\",\"userId\":\"u\"}\nnonsense\n", `{"plan":"team"}`, ``, "{\n}", "{}\n", "{}\n{}",
		} {
			f.Add([]byte(body), mode)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, mode byte) {
		r := &http.Request{Header: http.Header{}}
		switch mode % 4 {
		case 1:
			r.Header.Set("Content-Type", "application/cloudevents+json")
		case 2:
			r.Header.Set("Content-Type", "application/cloudevents-batch+json")
		case 3:
			r.Header.Set("Ce-Specversion", "1.0")
			r.Header.Set("Ce-Type", "t")
			r.Header.Set("Ce-Subject", "u")
		}
		laws(t, &routed{form: formEvents}, r, body)
	})
}

// laws reads a body as the collector does, and checks what becomes of it.
func laws(t *testing.T, asked *routed, r *http.Request, body []byte) {
	body = bytes.Trim(body, " \t\r\n")
	if len(body) == 0 && !(asked.form == formEvents && binaryMode(r)) {
		return
	}
	e, p := asked.open(r, body)
	if p != nil {
		return
	}
	if r.URL == nil {
		r.URL = mustURL("/")
	}
	keyOfRequest(r, asked, e)
	in := &intake{source: "web", received: 1_795_942_800_000, maxEvent: 1 << 10}
	b := asked.events(in, r, e)
	if len(b.Events)+b.refused != len(e.events) || len(b.Refused) > maxNamed {
		t.Fatalf("of %d events %d are stored and %d refused", len(e.events), len(b.Events), b.refused)
	}
	for _, stored := range b.Events {
		opened, result := event.Inspect(&event.Message{Header: stored.Header, Stored: in.received, Data: stored.Data})
		if result.Verdict == event.Dead {
			t.Fatalf("%s is stored, and is dead: %s", stored.Data, result.Detail)
		}
		if stored.Subject != event.Subject("web", opened.User) || (stored.ID != "") != (opened.ID != "") {
			t.Fatalf("%s is stored as %s %s", stored.Data, stored.Subject, stored.ID)
		}
		if stored.Header != nil || gjson.GetBytes(stored.Data, "specversion").Exists() {
			continue // as it came
		}
		for _, path := range [][]string{{"context", "ip"}, {"writeKey"}, {"properties", "token"}, {"properties", "$ip"}} {
			if path[0] == "properties" && asked.form != formPostHog {
				continue
			}
			if texts := textsAt(stored.Data, path...); len(texts) > 0 {
				t.Fatalf("%s holds %q at %s", stored.Data, texts, path)
			}
		}
	}
}

// textsAt are all texts that an object has at a path of keys.
func textsAt(object []byte, path ...string) (texts []string) {
	each(object, func(key string, v value) {
		switch {
		case key != path[0]:
		case len(path) == 1 && v.text() != "":
			texts = append(texts, v.text())
		case len(path) > 1 && v.object():
			texts = append(texts, textsAt(v.raw, path[1:]...)...)
		}
	})
	return texts
}

// FuzzUnpack: whatever a body is packed in, what comes out is bounded.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte(zipped(`{"event":"e"}`)), "gzip", "", false)
	f.Add([]byte("data=eyJldmVudCI6ImUifQ%3D%3D"), "", "base64", true)
	f.Add([]byte("data={}&x=1"), "", "", true)
	f.Add([]byte("\ufeff{}"), "", "gzip-js", false)
	f.Fuzz(func(t *testing.T, body []byte, encoding, compression string, form bool) {
		const limit = 4 << 10
		text, p := unpack(body, packing{encoding, compression, form}, limit, func(int) bool { return true })
		if p == nil && (len(text) == 0 || len(text) > max(limit, len(body))) {
			t.Fatalf("%d bytes come out of %d", len(text), len(body))
		}
	})
}
