package event

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// binary parses a message with headers, given as pairs of name and value.
func binary(body string, headers ...string) (Event, Result) {
	m := Message{Subject: "events.web.t", Stored: stored, Data: []byte(body), Header: map[string][]string{}}
	for i := 0; i < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	var ev Event
	r := Parse(&m, false, &ev)
	return ev, r
}

func TestCloudEventsInBinaryMode(t *testing.T) {
	const version, opened = "ce-specversion", "opened"
	ann := Event{Name: opened, User: "ann", Time: stored}
	with := func(change func(*Event)) Event {
		e := ann
		change(&e)
		return e
	}
	tests := []struct {
		name, body string
		headers    []string
		want       Event
		outcome    string
	}{
		{
			"all attributes", ` {"plan":"team"} `,
			[]string{version, "1.0", "ce-type", opened, "ce-id", "m1", "ce-time", "2026-03-01T09:30:00Z", "ce-subject", "ann", "ce-source", "/web"},
			Event{Name: opened, User: "ann", ID: "m1", Time: ms("2026-03-01T09:30:00Z"), Properties: []byte(`{"plan":"team"}`)},
			"accepted",
		},
		{"other spellings", `{}`, []string{"Ce-Specversion", "1.0", "CE-Type", opened, "Ce-Subject", "ann"}, with(func(e *Event) { e.Properties = []byte(`{}`) }), "accepted"},
		{"no body", ``, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, ann, "accepted"},
		{"a body of null", `null`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, ann, "accepted"},
		{"the user in data", `{"userId":7}`, []string{version, "1.0", "ce-type", opened}, with(func(e *Event) { e.User, e.Properties = "7", []byte(`{"userId":7}`) }), "accepted"},
		{"the body is data whatever it holds", `{"specversion":"1.0","type":"x","event":"y"}`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, with(func(e *Event) { e.Properties = []byte(`{"specversion":"1.0","type":"x","event":"y"}`) }), "accepted"},
		{"percent-encoded", ``, []string{version, "1.0", "ce-type", "plan%20changed", "ce-subject", "Zo%C3%AB"}, with(func(e *Event) { e.Name, e.User = "plan changed", "Zoë" }), "accepted"},
		{"a percent sign that encodes nothing", ``, []string{version, "1.0", "ce-type", "100%", "ce-subject", "ann"}, with(func(e *Event) { e.Name = "100%" }), "accepted"},
		{"the id is text", ``, []string{version, "1.0", "ce-type", opened, "ce-id", "7", "ce-subject", "ann"}, with(func(e *Event) { e.ID = "7" }), "accepted"},
		{"an over-long id is none", ``, []string{version, "1.0", "ce-type", opened, "ce-id", strings.Repeat("m", 101), "ce-subject", "ann"}, ann, "accepted"},
		{
			"a content type of structured mode", `{"specversion":"1.0","type":"opened","subject":"ann"}`,
			[]string{version, "1.0", "ce-type", "x", "Content-Type", "Application/CloudEvents+json; charset=UTF-8"},
			ann, "accepted",
		},
		{"attributes without specversion are no CloudEvent", `{"event":"opened","userId":"ann"}`, []string{"ce-type", "x"}, ann, "accepted"},
		{"identify", ``, []string{version, "1.0", "ce-type", "identify"}, Event{}, "ignored"},
		{"an anonymous user", `{"anonymousId":"a1"}`, []string{version, "1.0", "ce-type", opened}, Event{}, "ignored"},
		{"no type", `{}`, []string{version, "1.0", "ce-subject", "ann"}, Event{}, "missing_event"},
		{"no user", `{}`, []string{version, "1.0", "ce-type", opened}, Event{}, "missing_user"},
		{"a user that is none", `{}`, []string{version, "1.0", "ce-type", opened, "ce-subject", "undefined"}, Event{}, "invalid_user"},
		{"a time that is none", `{}`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann", "ce-time", "noon"}, Event{}, "bad_timestamp"},
		{"data that is a list", `[]`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, Event{}, "malformed"},
		{"data that is no JSON", `{"a":1}}`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, Event{}, "malformed"},
		{"data that would end the event", `{},"type":"x"`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, Event{}, "malformed"},
		{"65 levels of data", `{"a":` + nested(64) + `}`, []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, Event{}, "malformed"},
		{"an attribute that is no UTF-8", `{}`, []string{version, "1.0", "ce-type", opened, "ce-subject", "%ff"}, Event{}, "malformed"},
		{"257 KiB of data", strings.Repeat(" ", MaxPayload+1), []string{version, "1.0", "ce-type", opened, "ce-subject", "ann"}, Event{}, "too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, r := binary(tt.body, tt.headers...)
			if outcome(r) != tt.outcome {
				t.Fatalf("%s (%s), want %s", outcome(r), r.Detail, tt.outcome)
			}
			if r.Verdict == Accepted {
				tt.want.Source, tt.want.Received, tt.want.Payload = "web", stored, []byte(tt.body)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
	if _, r := binary(`{"a":`+nested(63)+`}`, version, "1.0", "ce-type", opened, "ce-subject", "ann"); r.Verdict != Accepted {
		t.Errorf("64 levels of data: %s", r.Detail)
	}
}

// The two modes of a CloudEvent say the same.
func TestBinaryModeIsStructuredMode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attributes := rapid.MapOf(rapid.SampledFrom([]string{"type", "id", "time", "subject", "source"}),
			rapid.SampledFrom([]string{"", "opened", "page", "identify", "ann", "null", "2026-03-01T09:30:00Z", "100%", "a b", "Zoë\n\"", "%41"})).Draw(t, "attributes")
		data := rapid.SampledFrom([]string{"", "null", "{}", `{"userId":7}`, `{"anonymousId":"a"}`, "[]", "7", "{"}).Draw(t, "data")
		all := rapid.Bool().Draw(t, "users: all")

		m := Message{Subject: "events.web.t", Stored: stored, Data: []byte(data), Header: map[string][]string{"ce-specversion": {"1.0"}}}
		body := map[string]any{"specversion": "1.0"}
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			m.Header["ce-"+name] = []string{url.PathEscape(attributes[name])}
			body[name] = attributes[name]
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if data != "" {
			text = append(append(append(text[:len(text)-1], `,"data":`...), data...), '}')
		}
		var a, b Event
		got := Parse(&m, all, &a)
		want := Parse(&Message{Subject: m.Subject, Stored: stored, Data: text}, all, &b)
		got.Detail, want.Detail, a.Payload, b.Payload = "", "", nil, nil
		if diff := cmp.Diff(want, got) + cmp.Diff(b, a); diff != "" {
			t.Fatalf("structured (-), binary (+):\n%s", diff)
		}
	})
}

// What the server and Firstlight put into the stream is no event, whatever it holds.
func TestHousekeeping(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   bool
	}{
		{"Nats-Marker-Reason", true},
		{"Nats-Schedule", true},
		{ControlHeader, true},
		{"Nats-Scheduler", false}, // an event that a schedule published
		{"Nats-Msg-Id", false},
	} {
		for _, body := range []string{``, `{"event":"opened","userId":"ann"}`, strings.Repeat(" ", MaxPayload+1)} {
			ev, r := binary(body, tt.header, "x")
			if got := r == (Result{Verdict: Ignored}) && ev.Name == ""; got != tt.want {
				t.Errorf("%s with %d bytes: %+v, want housekeeping %v", tt.header, len(body), r, tt.want)
			}
		}
	}
}
