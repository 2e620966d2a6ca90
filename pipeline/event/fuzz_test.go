package event

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse feeds any bytes and any header, and holds what comes out against the promises of Parse and
// against the standard library's reading of the same JSON.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		string(typical(1)),
		`{"specversion":"1.0","type":"opened","subject":"","id":"m1","time":"2026-03-01T09:30:00Z","data":{"userId":7,"anonymousId":"a"}}`,
		`{"event":"a","event":"\u0062","userId":1e3,"sentAt":"2026-01-01T00:00:00Z","timestamp":"2025-12-31t23:59:60.5-00:00"}`,
		`{"type":"page","anonymousId":"undefined","context":[],"properties":{"a":{"b":[1,true,null,"\ud800"]}}}`,
		`{"type":"identify"}`, `{}`, `[]`, `null`, ``, "\xff", `{"a":` + nested(64) + `}`,
	} {
		f.Add([]byte(seed), "", stored)
		f.Add([]byte(seed), "2020-01-01T00:00:00Z", stored)
	}
	f.Fuzz(func(t *testing.T, data []byte, header string, at int64) {
		if at < 0 || at > 1<<43 {
			return
		}
		m := Message{Subject: "events.web.t", Stored: at, Data: data}
		if header != "" {
			m.Header = map[string][]string{ReceivedHeader: {header}}
		}
		var ev Event
		r := Parse(&m, true, &ev)
		if r.Received < 0 || r.Received > at || header == "" && r.Received != at {
			t.Fatalf("received %d, stored %d", r.Received, at)
		}
		checkAnonymous(t, &m, ev, r)
		if len(data) < MaxPayload-8 {
			checkWhiteSpace(t, m, ev, r)
		}
		checkAgainstStandardLibrary(t, data, ev, r)
		if r.Verdict == Accepted {
			checkEvent(t, data, ev, r)
		} else if !reflect.DeepEqual(ev, Event{}) {
			t.Fatalf("not accepted, yet filled: %+v", ev)
		}
	})
}

// checkEvent: what every accepted event keeps.
func checkEvent(t *testing.T, data []byte, ev Event, r Result) {
	if ev.Name == "" || len(ev.Name) > MaxName || ev.User == "" || len(ev.User) > MaxUser || len(ev.ID) > MaxID {
		t.Fatalf("out of bounds: %q %q %q", ev.Name, ev.User, ev.ID)
	}
	if !utf8.ValidString(ev.Name) || !utf8.ValidString(ev.User) || !utf8.ValidString(ev.ID) {
		t.Fatalf("not UTF-8: %q %q %q", ev.Name, ev.User, ev.ID)
	}
	if ev.Received != r.Received || ev.Time > ev.Received+skewLimit || ev.Clamped && ev.Time != ev.Received {
		t.Fatalf("times: %+v", ev)
	}
	if ev.Time < earliest && ev.Time != ev.Received {
		t.Fatalf("before 1971: %s", time.UnixMilli(ev.Time))
	}
	if !bytes.Equal(ev.Payload, data) {
		t.Fatal("the payload is not the body")
	}
	for _, object := range [][]byte{ev.Properties, ev.Context} {
		if object != nil && (object[0] != '{' || !json.Valid(object)) {
			t.Fatalf("not an object: %s", object)
		}
	}
	for _, path := range [][]string{{"properties", "plan"}, {"properties", "a", "b"}, {"context", "a"}} {
		if s := ev.Text(path); !utf8.ValidString(s) || len(s) > MaxText {
			t.Fatalf("%v is %q", path, s)
		}
	}
}

// checkAnonymous: `users: all` turns some ignored events into accepted or dead ones, and changes nothing else.
func checkAnonymous(t *testing.T, m *Message, ev Event, r Result) {
	var strict Event
	s := Parse(m, false, &strict)
	if s.Verdict != Ignored && (s != r || !reflect.DeepEqual(strict, ev)) {
		t.Fatalf("known users only: %+v %+v; all: %+v %+v", s, strict, r, ev)
	}
}

// checkWhiteSpace: white space around the event changes nothing.
func checkWhiteSpace(t *testing.T, m Message, ev Event, r Result) {
	m.Data = append(append([]byte(" \n\t"), m.Data...), "\r\n "...)
	var spaced Event
	s := Parse(&m, true, &spaced)
	spaced.Payload, ev.Payload = nil, nil
	if s != r || !reflect.DeepEqual(spaced, ev) {
		t.Fatalf("with white space: %+v %+v; without: %+v %+v", s, spaced, r, ev)
	}
}

// checkAgainstStandardLibrary: the same bodies are malformed, and the fields are the same.
func checkAgainstStandardLibrary(t *testing.T, data []byte, ev Event, r Result) {
	if len(data) > MaxPayload {
		if r.Reason != TooLarge {
			t.Fatalf("%d bytes: %+v", len(data), r)
		}
		return
	}
	var fields map[string]json.RawMessage
	ok := utf8.Valid(data) && json.Unmarshal(data, &fields) == nil && fields != nil && depth(data) <= MaxDepth
	names := [...]string{"event", "userId", "anonymousId", "messageId", "properties"}
	if _, cloud := fields["specversion"]; cloud {
		names = [...]string{"type", "subject", "", "id", "data"}
	}
	properties := string(fields[names[4]])
	ok = ok && (properties == "" || properties == "null" || properties[0] == '{')
	if ok != (r.Reason != Malformed) {
		t.Fatalf("%q: valid %v, result %+v", data, ok, r)
	}
	if r.Verdict != Accepted {
		return
	}
	if want := plainText(fields[names[0]]); ev.Name != want && ev.Name != "page" && ev.Name != "screen" {
		t.Fatalf("%q has name %q, want %q", data, ev.Name, want)
	}
	user := plainText(fields[names[1]])
	if user == "" && names[2] != "" {
		user = plainText(fields[names[2]])
	}
	if user != "" && ev.User != user {
		t.Fatalf("%q has user %q, want %q", data, ev.User, user)
	}
	if want := plainText(fields[names[3]]); ev.ID != want && len(want) <= MaxID {
		t.Fatalf("%q has id %q, want %q", data, ev.ID, want)
	}
	if properties == "null" {
		properties = ""
	}
	if string(ev.Properties) != properties {
		t.Fatalf("%q has properties %q, want %q", data, ev.Properties, properties)
	}
}

// plainText is the text of a string or number, and empty for anything else.
func plainText(raw json.RawMessage) string {
	var s string
	var n json.Number
	switch {
	case len(raw) == 0 || json.Unmarshal(raw, &s) == nil:
		return s
	case raw[0] != '"' && json.Unmarshal(raw, &n) == nil:
		return n.String()
	}
	return ""
}

// depth is how many levels deep valid JSON is nested.
func depth(data []byte) (deepest int) {
	d := json.NewDecoder(bytes.NewReader(data))
	for level := 0; ; {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
			deepest = max(deepest, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}
