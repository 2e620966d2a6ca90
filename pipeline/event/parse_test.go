package event

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stored is when the stream stored the messages of these tests.
var stored = ms("2026-03-01T10:00:00Z")

func ms(rfc3339 string) int64 {
	t, err := time.Parse(time.RFC3339Nano, rfc3339)
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}

// judge parses body as a message of the source web, stored at stored.
func judge(body string, allUsers bool) (Event, Result) {
	var ev Event
	m := Message{Subject: "events.web.0123456789abcdef0123456789abcdef", Stored: stored, Data: []byte(body)}
	r := Parse(&m, allUsers, &ev)
	return ev, r
}

// outcome is a verdict in one word: accepted, ignored, or the reason why a message is dead.
func outcome(r Result) string {
	switch r.Verdict {
	case Accepted:
		return "accepted"
	case Ignored:
		return "ignored"
	}
	return string(r.Reason)
}

// track is an event with one more field, given as JSON.
func track(field string) string { return `{"event":"opened","userId":"ann",` + field + `}` }

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

func TestVerdicts(t *testing.T) {
	long := strings.Repeat
	tests := []struct{ rule, body, want string }{
		{"a body of 256 KiB is accepted", track(`"pad":"` + long("x", MaxPayload-len(track(`"pad":""`))) + `"`), "accepted"},
		{"one more byte is too large", track(`"pad":"` + long("x", MaxPayload+1-len(track(`"pad":""`))) + `"`), "too_large"},
		{"size is judged before anything else", long("[", 10<<20), "too_large"},
		{"10 MB of garbage", long("\x00\xff", 5<<20), "too_large"},

		{"an empty body", ``, "malformed"},
		{"only white space", " \r\n\t", "malformed"},
		{"not JSON", `event=opened`, "malformed"},
		{"an array", `[{"event":"opened","userId":"ann"}]`, "malformed"},
		{"a number", `7`, "malformed"},
		{"a string", `"opened"`, "malformed"},
		{"null", `null`, "malformed"},
		{"cut short", `{"event":"opened","userId":"ann"`, "malformed"},
		{"something after the object", track(`"a":1`) + `}`, "malformed"},
		{"a second object", track(`"a":1`) + track(`"a":1`), "malformed"},
		{"a NUL byte after the object", track(`"a":1`) + "\x00", "malformed"},
		{"white space around the object", " \t\r\n" + track(`"a":1`) + "\n ", "accepted"},
		{"other white space around it", "\u00a0" + track(`"a":1`), "malformed"},
		{"a byte order mark", "\ufeff" + track(`"a":1`), "malformed"},
		{"single quotes", `{'event':'opened'}`, "malformed"},
		{"a trailing comma", `{"event":"opened","userId":"ann",}`, "malformed"},
		{"a comment", track(`"a":1/* */`), "malformed"},
		{"a bare NaN", track(`"a":NaN`), "malformed"},
		{"a leading zero", track(`"a":01`), "malformed"},
		{"a number beyond every float", track(`"a":1e999999`), "accepted"},
		{"a number of 1,000 digits", track(`"a":` + long("9", 1000)), "accepted"},
		{"invalid UTF-8 in a value", track(`"a":"` + "\xff" + `"`), "malformed"},
		{"invalid UTF-8 in a key", track(`"` + "\xc3" + `":1`), "malformed"},
		{"a surrogate half as UTF-8", track(`"a":"` + "\xed\xa0\x80" + `"`), "malformed"},
		{"a NUL byte in a string", track("\"a\":\"\x00\""), "malformed"},
		{"a line break in a string", track("\"a\":\"\n\""), "malformed"},
		{"an escaped NUL in a string", track(`"a":"\u0000"`), "accepted"},
		{"an unknown escape", track(`"a":"\x41"`), "malformed"},
		{"an escaped half of a surrogate pair", track(`"a":"\ud800"`), "accepted"},
		{"64 levels: the event and 63 arrays", track(`"a":` + nested(63)), "accepted"},
		{"65 levels", track(`"a":` + nested(64)), "malformed"},
		{"65 levels of properties", track(`"properties":` + long(`{"a":`, 64) + `1` + long(`}`, 64)), "malformed"},
		{"100 arrays side by side are not deep", track(`"a":[` + long("[],", 100) + `[]]`), "accepted"},
		{"brackets in a string are not depth", track(`"a":"` + long("[{", 100) + `\"[` + `"`), "accepted"},
		{"256 KiB of open brackets", long("[", MaxPayload), "malformed"},
		{"256 KiB of open objects", long(`{"a":`, MaxPayload/5), "malformed"},
		{"properties that are a list", track(`"properties":[]`), "malformed"},
		{"properties that are a text", track(`"properties":"{}"`), "malformed"},
		{"properties that are false", track(`"properties":false`), "malformed"},
		{"properties that are null are missing", track(`"properties":null`), "accepted"},
		{"of two properties the last counts", track(`"properties":7,"properties":{}`), "accepted"},
		{"of two properties the last counts, the other way", track(`"properties":{},"properties":7`), "malformed"},
		{"malformed comes before ignored", `{"type":"identify","properties":7}`, "malformed"},
		{"context that is no object is left out", track(`"context":"x"`), "accepted"},
		{"data is no field of Segment's form", track(`"data":7`), "accepted"},

		{"identify needs nothing", `{"type":"identify"}`, "ignored"},
		{"group needs nothing", `{"type":"group"}`, "ignored"},
		{"alias needs nothing", `{"type":"alias"}`, "ignored"},
		{"identify is judged before a bad user", `{"type":"identify","userId":"null"}`, "ignored"},
		{"identify is judged before a bad time", `{"type":"identify","timestamp":"x"}`, "ignored"},
		{"an escaped identify", `{"type":"\u0069dentify"}`, "ignored"},
		{"types are exact", track(`"type":"Identify"`), "accepted"},
		{"track", track(`"type":"track"`), "accepted"},
		{"an unknown type is a track event", track(`"type":"purchase"`), "accepted"},
		{"an unknown type needs a name", `{"type":"purchase","userId":"ann"}`, "missing_event"},
		{"a type that is no text is unknown", track(`"type":7`), "accepted"},
		{"a type of null is missing", track(`"type":null`), "accepted"},
		{"of two types the last counts", track(`"type":"identify","type":"track"`), "accepted"},
		{"page needs no event", `{"type":"page","userId":"ann"}`, "accepted"},
		{"screen needs no event", `{"type":"screen","userId":"ann"}`, "accepted"},
		{"page needs a user", `{"type":"page"}`, "missing_user"},

		{"no event", `{"userId":"ann"}`, "missing_event"},
		{"an empty event", `{"event":"","userId":"ann"}`, "missing_event"},
		{"an event of null", `{"event":null,"userId":"ann"}`, "missing_event"},
		{"an event that is a number", `{"event":5,"userId":"ann"}`, "missing_event"},
		{"an event that is an object", `{"event":{"name":"x"},"userId":"ann"}`, "missing_event"},
		{"200 bytes of event", `{"event":"` + long("é", 100) + `","userId":"ann"}`, "accepted"},
		{"201 bytes of event", `{"event":"` + long("é", 100) + `x","userId":"ann"}`, "missing_event"},
		{"escapes count as what they mean", `{"event":"` + long(`\u0041`, 200) + `","userId":"ann"}`, "accepted"},
		{"the name is judged before the user", `{}`, "missing_event"},

		{"no user", `{"event":"opened"}`, "missing_user"},
		{"an empty user", `{"event":"opened","userId":""}`, "missing_user"},
		{"a user of null", `{"event":"opened","userId":null}`, "missing_user"},
		{"both ids empty", `{"event":"opened","userId":"","anonymousId":""}`, "missing_user"},
		{"the text null", `{"event":"opened","userId":"null"}`, "invalid_user"},
		{"the text undefined", `{"event":"opened","userId":"undefined"}`, "invalid_user"},
		{"the text NaN", `{"event":"opened","userId":"NaN"}`, "invalid_user"},
		{"the text [object Object]", `{"event":"opened","userId":"[object Object]"}`, "invalid_user"},
		{"the text null, escaped", `{"event":"opened","userId":"\u006eull"}`, "invalid_user"},
		{"such texts in any case", `{"event":"opened","userId":"nULL"}`, "invalid_user"},
		{"the text none", `{"event":"opened","userId":"None"}`, "invalid_user"},
		{"the text nil", `{"event":"opened","userId":"nil"}`, "invalid_user"},
		{"the text nan", `{"event":"opened","userId":"nan"}`, "invalid_user"},
		{"the text true", `{"event":"opened","userId":"True"}`, "invalid_user"},
		{"the text false", `{"event":"opened","userId":"false"}`, "invalid_user"},
		{"the text 0", `{"event":"opened","userId":"0"}`, "invalid_user"},
		{"the text anonymous", `{"event":"opened","userId":"Anonymous"}`, "invalid_user"},
		{"the text guest", `{"event":"opened","userId":"GUEST"}`, "invalid_user"},
		{"[object Object] in another case", `{"event":"opened","userId":"[OBJECT object]"}`, "invalid_user"},
		{"such a text as a part", `{"event":"opened","userId":"guest-1"}`, "accepted"},
		{"the text 00", `{"event":"opened","userId":"00"}`, "accepted"},
		{"a blank", `{"event":"opened","userId":" "}`, "invalid_user"},
		{"white space", `{"event":"opened","userId":"\t\n\u00a0\u2003\u3000"}`, "invalid_user"},
		{"a zero-width space", `{"event":"opened","userId":"\u200b"}`, "invalid_user"},
		{"characters without width", "{\"event\":\"opened\",\"userId\":\"\u200c\u200d\u2060\ufeff\u00ad\u180e\ufe0f\"}", "invalid_user"},
		{"a blank does not fall back", `{"event":"opened","userId":" ","anonymousId":"a1"}`, "invalid_user"},
		{"white space around a user", `{"event":"opened","userId":" ann\u200b"}`, "accepted"},
		{"a user of dots", `{"event":"opened","userId":"..."}`, "accepted"},
		{"an invalid user does not fall back", `{"event":"opened","userId":"null","anonymousId":"a1"}`, "invalid_user"},
		{"a user of true", `{"event":"opened","userId":true}`, "invalid_user"},
		{"a user that is an object", `{"event":"opened","userId":{"id":"ann"}}`, "invalid_user"},
		{"a user that is a list", `{"event":"opened","userId":["ann"]}`, "invalid_user"},
		{"a numeric user", `{"event":"opened","userId":7}`, "accepted"},
		{"the user 0", `{"event":"opened","userId":0}`, "invalid_user"},
		{"the user -1", `{"event":"opened","userId":-1}`, "accepted"},
		{"256 bytes of user", `{"event":"opened","userId":"` + long("u", 256) + `"}`, "accepted"},
		{"257 bytes of user", `{"event":"opened","userId":"` + long("u", 257) + `"}`, "invalid_user"},
		{"257 digits of user", `{"event":"opened","userId":` + long("1", 257) + `}`, "invalid_user"},

		{"only an anonymous id", `{"event":"opened","anonymousId":"a1"}`, "ignored"},
		{"only an anonymous id, the user is empty", `{"event":"opened","userId":"","anonymousId":"a1"}`, "ignored"},
		{"only an anonymous id, the user is null", `{"event":"opened","userId":null,"anonymousId":"a1"}`, "ignored"},
		{"an anonymous id is judged like a user", `{"event":"opened","anonymousId":"undefined"}`, "invalid_user"},
		{"an anonymous id that is a guest", `{"event":"opened","anonymousId":"guest"}`, "invalid_user"},
		{"an anonymous event needs a name", `{"anonymousId":"a1"}`, "missing_event"},
		{"an ignored event's time is not judged", `{"event":"opened","anonymousId":"a1","timestamp":"x"}`, "ignored"},

		{"a timestamp of null is missing", track(`"timestamp":null`), "accepted"},
		{"an empty timestamp", track(`"timestamp":""`), "bad_timestamp"},
		{"a timestamp in seconds", track(`"timestamp":1772355600`), "bad_timestamp"},
		{"a timestamp that is true", track(`"timestamp":true`), "bad_timestamp"},
		{"a timestamp without offset", track(`"timestamp":"2026-03-01T09:30:00"`), "bad_timestamp"},
		{"the last moment of 1970", track(`"timestamp":"1970-12-31T23:59:59.9999Z"`), "bad_timestamp"},
		{"the first moment of 1971", track(`"timestamp":"1971-01-01T00:00:00Z"`), "accepted"},
		{"1971 is judged in UTC", track(`"timestamp":"1971-01-01T00:30:00+01:00"`), "bad_timestamp"},
		{"the year 0", track(`"timestamp":"0000-01-01T00:00:00Z"`), "bad_timestamp"},
		{"the year 9999 is clamped", track(`"timestamp":"9999-12-31T23:59:59Z"`), "accepted"},
		{"a time that sentAt moves before 1971", track(`"timestamp":"1980-01-01T00:00:00Z","sentAt":"2090-01-01T00:00:00Z"`), "bad_timestamp"},
		{"a time before 1971 that sentAt would move after it", track(`"timestamp":"1970-01-01T00:00:00Z","sentAt":"1972-01-01T00:00:00Z"`), "bad_timestamp"},
		{"a bad sentAt is ignored", track(`"timestamp":"2026-03-01T09:30:00Z","sentAt":"yesterday"`), "accepted"},
		{"a sentAt that is a number is ignored", track(`"sentAt":7`), "accepted"},
		{"originalTimestamp where timestamp is missing", track(`"originalTimestamp":"x"`), "bad_timestamp"},
		{"originalTimestamp where timestamp is null", track(`"timestamp":null,"originalTimestamp":7`), "bad_timestamp"},
		{"originalTimestamp beside timestamp is not read", track(`"timestamp":"2026-03-01T09:30:00Z","originalTimestamp":"x"`), "accepted"},
		{"a CloudEvent's originalTimestamp is unknown", `{"specversion":"1.0","type":"opened","subject":"ann","originalTimestamp":"x"}`, "accepted"},
		{"an over-long id is ignored", track(`"messageId":"` + long("m", 101) + `"`), "accepted"},

		{"a CloudEvent", `{"specversion":"1.0","type":"opened","subject":"ann"}`, "accepted"},
		{"specversion may be anything", `{"specversion":null,"type":"opened","subject":"ann"}`, "accepted"},
		{"a CloudEvent's name is its type", `{"specversion":"1.0","event":"opened","subject":"ann"}`, "missing_event"},
		{"a CloudEvent's type must be a text", `{"specversion":"1.0","type":5,"subject":"ann"}`, "missing_event"},
		{"a CloudEvent of type identify", `{"specversion":"1.0","type":"identify"}`, "ignored"},
		{"a CloudEvent without subject and data", `{"specversion":"1.0","type":"opened"}`, "missing_user"},
		{"a CloudEvent's userId is in data", `{"specversion":"1.0","type":"opened","userId":"ann"}`, "missing_user"},
		{"a CloudEvent whose data has the user", `{"specversion":"1.0","type":"opened","data":{"userId":"ann"}}`, "accepted"},
		{"a CloudEvent whose data has an anonymous id", `{"specversion":"1.0","type":"opened","data":{"anonymousId":"a1"}}`, "ignored"},
		{"a CloudEvent whose subject is empty", `{"specversion":"1.0","type":"opened","subject":"","data":{"userId":7}}`, "accepted"},
		{"a CloudEvent whose subject is null as text", `{"specversion":"1.0","type":"opened","subject":"null","data":{"userId":7}}`, "invalid_user"},
		{"a CloudEvent's data is an object", `{"specversion":"1.0","type":"opened","subject":"ann","data":[1]}`, "malformed"},
		{"a CloudEvent's data may be null", `{"specversion":"1.0","type":"opened","subject":"ann","data":null}`, "accepted"},
		{"a CloudEvent's properties are unknown", `{"specversion":"1.0","type":"opened","subject":"ann","properties":7}`, "accepted"},
		{"a CloudEvent's time", `{"specversion":"1.0","type":"opened","subject":"ann","time":"noon"}`, "bad_timestamp"},
		{"a CloudEvent's timestamp is unknown", `{"specversion":"1.0","type":"opened","subject":"ann","timestamp":"noon"}`, "accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			_, r := judge(tt.body, false)
			if got := outcome(r); got != tt.want {
				t.Errorf("%.120s\n is %s (%s), want %s", tt.body, got, r.Detail, tt.want)
			}
			if r.Received != stored {
				t.Errorf("Received = %d, want the stored time", r.Received)
			}
			if dead := r.Verdict == Dead; dead != (r.Reason != "") || dead != (r.Detail != "") {
				t.Errorf("verdict %d has reason %q and detail %q", r.Verdict, r.Reason, r.Detail)
			}
			if strings.ContainsAny(r.Detail, "\r\n\x00") || len(r.Detail) > 200 {
				t.Errorf("the detail does not fit a header: %q", r.Detail)
			}
		})
	}
}

func TestFieldsOfBothForms(t *testing.T) {
	tests := []struct {
		name, body string
		want       Event
	}{
		{
			"Segment",
			`{"type":"track","event":"opened","userId":"ann","anonymousId":"a1","messageId":"m1",
			  "timestamp":"2026-03-01T09:30:00.123+00:00","properties":{"plan":"team"},"context":{"ip":"::1"},"extra":[1]}`,
			Event{Name: "opened", User: "ann", ID: "m1", Time: ms("2026-03-01T09:30:00.123Z"), Properties: []byte(`{"plan":"team"}`), Context: []byte(`{"ip":"::1"}`)},
		},
		{
			"CloudEvents",
			`{"specversion":"1.0","type":"opened","subject":"ann","id":"m1","source":"/web","time":"2026-03-01T09:30:00Z",
			  "sentAt":"2026-03-01T09:00:00Z","data":{"userId":"bob"},"context":{"ip":"::1"},"messageId":"m2"}`,
			Event{Name: "opened", User: "ann", ID: "m1", Time: ms("2026-03-01T09:30:00Z"), Properties: []byte(`{"userId":"bob"}`)},
		},
		{
			"CloudEvents, the user in data",
			` {"data" : {"anonymousId":"a1", "userId":"b\u00f6b"}, "type":"opened","specversion":"1.0"}`,
			Event{Name: "opened", User: "böb", Time: stored, Properties: []byte(`{"anonymousId":"a1", "userId":"b\u00f6b"}`)},
		},
		{"page", `{"type":"page","event":"x","name":"Home","userId":"ann"}`, Event{Name: "page", User: "ann", Time: stored}},
		{"page, the event is no text", `{"type":"page","event":5,"userId":"ann"}`, Event{Name: "page", User: "ann", Time: stored}},
		{"screen", `{"type":"screen","userId":"ann"}`, Event{Name: "screen", User: "ann", Time: stored}},
		{"anonymous", `{"event":"opened","anonymousId":"a1"}`, Event{Name: "opened", User: "a1", Time: stored}},
		{"a number is its text", `{"event":"opened","userId":12345678901234567890}`, Event{Name: "opened", User: "12345678901234567890", Time: stored}},
		{"a number keeps its form", `{"event":"opened","userId":1.50e3}`, Event{Name: "opened", User: "1.50e3", Time: stored}},
		{"a numeric message id", track(`"messageId":7`), Event{Name: "opened", User: "ann", ID: "7", Time: stored}},
		{"a message id of true", track(`"messageId":true`), Event{Name: "opened", User: "ann", Time: stored}},
		{"a message id of 100 bytes", track(`"messageId":"` + strings.Repeat("m", 100) + `"`), Event{Name: "opened", User: "ann", ID: strings.Repeat("m", 100), Time: stored}},
		{"a message id of 101 bytes", track(`"messageId":"` + strings.Repeat("m", 101) + `"`), Event{Name: "opened", User: "ann", Time: stored}},
		{"the last of two keys", `{"event":"a","event":"b","userId":"x","userId":"y"}`, Event{Name: "b", User: "y", Time: stored}},
		{"escaped keys", `{"\u0065vent":"a","user\u0049d":"x"}`, Event{Name: "a", User: "x", Time: stored}},
		{"escapes", `{"event":"a\u0000\"\ud83d\ude00","userId":"\ud800\u0041"}`, Event{Name: "a\x00\"😀", User: "\ufffdA", Time: stored}},
		{"white space is content", `{"event":" ","userId":" ann "}`, Event{Name: " ", User: " ann ", Time: stored}},
		{"empty objects", track(`"properties":{},"context":{}`), Event{Name: "opened", User: "ann", Time: stored, Properties: []byte(`{}`), Context: []byte(`{}`)}},
		{"no objects", track(`"properties":null,"context":[]`), Event{Name: "opened", User: "ann", Time: stored}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, r := judge(tt.body, true)
			if r.Verdict != Accepted {
				t.Fatalf("%s: %s", outcome(r), r.Detail)
			}
			tt.want.Source, tt.want.Received, tt.want.Payload = "web", stored, []byte(tt.body)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

func TestAnEventIsOnlyFilledWhenAccepted(t *testing.T) {
	ev, _ := judge(track(`"messageId":"m1"`), false)
	before := ev
	for _, body := range []string{`{"type":"identify"}`, `{"event":"other"}`, track(`"timestamp":7`)} {
		if r := Parse(&Message{Stored: stored, Data: []byte(body)}, false, &ev); r.Verdict == Accepted {
			t.Fatalf("%s was accepted", body)
		}
		if diff := cmp.Diff(before, ev); diff != "" {
			t.Errorf("%s changed the event: %s", body, diff)
		}
	}
	// Used again, it holds nothing of the event before.
	Parse(&Message{Subject: "events.app.t", Stored: stored, Data: []byte(`{"event":"closed","userId":"bob"}`)}, false, &ev)
	want := Event{Source: "app", Name: "closed", User: "bob", Time: stored, Received: stored, Payload: []byte(`{"event":"closed","userId":"bob"}`)}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestSource(t *testing.T) {
	for subject, want := range map[string]string{
		"events.web.0123": "web",
		"events.web":      "web",
		"events.web.a.b":  "web",
		"events..0123":    "",
		"events.":         "",
		"events":          "",
		"":                "",
		"...":             "",
	} {
		if got := source(subject); got != want {
			t.Errorf("source(%q) = %q, want %q", subject, got, want)
		}
	}
}

func TestToken(t *testing.T) {
	// As printf %s USER | sha256sum | cut -c 1-32 prints them.
	for user, want := range map[string]string{
		"":      "e3b0c44298fc1c149afbf4c8996fb924",
		"abc":   "ba7816bf8f01cfea414140de5dae2223",
		"Zoë 😀": "91b7847abee0482651039ac5e0fa8416",
	} {
		if got := Token(user); got != want {
			t.Errorf("Token(%q) = %s, want %s", user, got, want)
		}
	}
	for subject, want := range map[string]bool{
		Subject("web", "abc"): false, "events.3.web." + Token("abc"): false, Subject("web", "abd"): true,
		"events.web": true, "events.web.BA7816BF8F01CFEA414140DE5DAE2223": true,
	} {
		if got := Misrouted(subject, "abc"); got != want {
			t.Errorf("Misrouted(%q) = %v", subject, got)
		}
	}
	if got, want := Subject("web", "abc"), "events.web.ba7816bf8f01cfea414140de5dae2223"; got != want {
		t.Errorf("Subject = %s, want %s", got, want)
	}
}
