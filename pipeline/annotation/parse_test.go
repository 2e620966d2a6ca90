package annotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/event"
)

func ms(text string) int64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}

var stored = ms("2026-03-03T12:00:00.250Z")

func parse(body string, header map[string][]string) (annotation.Annotation, event.Reason, string) {
	return annotation.Parse(&event.Message{Subject: "annotations.ci", Header: header, Stored: stored, Sequence: 7, Data: []byte(body)})
}

func TestParseAccepts(t *testing.T) {
	base := annotation.Annotation{Source: "ci", ID: "7", Kind: annotation.Deploy, At: stored, Title: "Release 7"}
	with := func(change func(*annotation.Annotation)) annotation.Annotation {
		a := base
		change(&a)
		return a
	}
	for _, c := range []struct {
		name, body string
		header     map[string][]string
		want       annotation.Annotation
	}{
		{"the least", `{"id":"7","kind":"deploy","title":"Release 7"}`, nil, base},
		{
			"everything",
			`{"id":"7","kind":"expected","title":"Sale","time":"2026-03-01T00:00:00.1239+01:00","until":"2026-03-08T00:00:00+01:00",
			  "url":"https://example.com/sale?x=1","metric":"activated","text":"More than\nusual","author":"Ann","extra":[{}]}`, nil,
			annotation.Annotation{
				Source: "ci", ID: "7", Kind: annotation.Expected, At: ms("2026-02-28T23:00:00.123Z"), Until: ms("2026-03-07T23:00:00Z"),
				Title: "Sale", URL: "https://example.com/sale?x=1", Metric: "activated", Text: "More than\nusual", Author: "Ann",
			},
		},
		{"null is missing", `{"id":"7","kind":"deploy","title":"Release 7","time":null,"until":null,"url":null,"metric":null,"text":null,"author":null,"deleted":null}`, nil, base},
		{"an empty url", `{"id":"7","kind":"deploy","title":"Release 7","url":""}`, nil, base},
		{"a numeric id", `{"id":7,"kind":"deploy","title":"Release 7"}`, nil, base},
		{"the last of two", `{"id":"6","id":"7","kind":"x","kind":"deploy","title":"Release 7"}`, nil, base},
		{"the id of the header", `{"kind":"deploy","title":"Release 7"}`, map[string][]string{"Nats-Msg-Id": {"7"}}, base},
		{"the field before the header", `{"id":"7","kind":"deploy","title":"Release 7"}`, map[string][]string{"Nats-Msg-Id": {"8"}}, base},
		{
			"a received time of its own", `{"id":"7","kind":"deploy","title":"Release 7"}`,
			map[string][]string{event.ReceivedHeader: {"2026-01-01T00:00:00Z"}},
			with(func(a *annotation.Annotation) { a.At = ms("2026-01-01T00:00:00Z") }),
		},
		{
			"an action", `{"id":"7","kind":"action","title":"Release 7","metric":"activated","expects":"+0.05","incident":"i1"}`, nil,
			with(func(a *annotation.Annotation) {
				a.Kind, a.Metric, a.Expects, a.Incident = annotation.Action, "activated", 0.05, "i1"
			}),
		},
		{
			"an action that expects a number", `{"id":"7","kind":"action","title":"Release 7","metric":"activated","expects":-0.05}`, nil,
			with(func(a *annotation.Annotation) { a.Kind, a.Metric, a.Expects = annotation.Action, "activated", -0.05 }),
		},
		{
			"a moment with an end", `{"id":"7","kind":"deploy","title":"Release 7","until":"2026-03-03T12:00:00.250Z"}`, nil,
			with(func(a *annotation.Annotation) { a.Until = stored }),
		},
		{
			"the longest", `{"id":"7","kind":"deploy","title":"` + strings.Repeat("ü", 100) + `"}`, nil,
			with(func(a *annotation.Annotation) { a.Title = strings.Repeat("ü", 100) }),
		},
		{
			"the future", `{"id":"7","kind":"campaign","title":"Release 7","time":"2199-12-31T23:59:59.999Z"}`, nil,
			with(func(a *annotation.Annotation) { a.Kind, a.At = annotation.Campaign, ms("2199-12-31T23:59:59.999Z") }),
		},
		{"deleted", `{"id":"7","deleted":true}`, nil, annotation.Annotation{Source: "ci", ID: "7", At: stored, Deleted: true}},
		{
			"deleted, whatever else it says", `{"id":"7","deleted":true,"kind":"x","title":5,"time":"x","url":"x"}`, nil,
			annotation.Annotation{Source: "ci", ID: "7", At: stored, Deleted: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reason, detail := parse(c.body, c.header)
			if reason != "" {
				t.Fatalf("refused as %s: %s", reason, detail)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		body, reason, word string // the detail holds the word
	}{
		{strings.Repeat(" ", 256<<10) + "{}", "too_large", "262146"},
		{"", "malformed", "JSON"},
		{"{", "malformed", "JSON"},
		{"[]", "malformed", "object"},
		{`{"kind":"deploy","title":"` + "\xff" + `"}`, "malformed", "UTF-8"},
		{`{"kind":"deploy","title":"x","a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "malformed", "nested"},
		{`{"kind":"deploy","title":"x","id":true}`, "malformed", "id is not a string"},
		{`{"kind":"deploy","title":"x","id":"` + strings.Repeat("x", 101) + `"}`, "malformed", "101"},
		{`{"kind":"deploy","title":"x","metric":["a"]}`, "malformed", "metric"},
		{`{"kind":"deploy","title":"x","text":7}`, "malformed", "text"},
		{`{"kind":"deploy","title":"x","author":{}}`, "malformed", "author"},
		{`{"kind":"deploy","title":"x","deleted":"yes"}`, "malformed", "deleted"},
		{`{"deleted":true}`, "malformed", "id"},
		{`{"kind":"deploy","title":"x","time":"yesterday"}`, "bad_timestamp", "yesterday"},
		{`{"kind":"deploy","title":"x","time":""}`, "bad_timestamp", "RFC 3339"},
		{`{"kind":"deploy","title":"x","time":1772357400}`, "bad_timestamp", "time"},
		{`{"kind":"deploy","title":"x","time":"1970-12-31T23:59:59Z"}`, "bad_timestamp", "1971"},
		{`{"kind":"deploy","title":"x","time":"2200-01-01T00:00:00Z"}`, "bad_timestamp", "2199"},
		{`{"kind":"deploy","title":"x","until":"2026-03-03T12:00:00.249Z"}`, "bad_timestamp", "until"},
		{`{"kind":"deploy","title":"x","until":"9999-01-01T00:00:00Z"}`, "bad_timestamp", "2199"},
		{`{"title":"x"}`, "invalid_kind", "deploy, campaign, incident, action, expected"},
		{`{"kind":"deplyo","title":"x"}`, "invalid_kind", `did you mean "deploy"?`},
		{`{"kind":"Incident","title":"x"}`, "invalid_kind", `did you mean "incident"?`},
		{`{"kind":"holiday","title":"x"}`, "invalid_kind", "deploy, campaign, incident, action, expected"},
		{`{"kind":7,"title":"x"}`, "invalid_kind", "string"},
		{`{"kind":"deploy","title":"x","metric":"a","expects":0.05}`, "invalid_expects", "only of an action"},
		{`{"kind":"deploy","title":"x","incident":"i1"}`, "invalid_expects", "only an action"},
		{`{"kind":"action","title":"x","expects":0.05}`, "invalid_expects", "which metric"},
		{`{"kind":"action","title":"x","metric":"a","expects":"more"}`, "invalid_expects", "+0.05"},
		{`{"kind":"action","title":"x","metric":"a","expects":5}`, "invalid_expects", "5, is no share"},
		{`{"kind":"action","title":"x","metric":"a","expects":0}`, "invalid_expects", "leave it out"},
		{`{"kind":"action","title":"x","metric":"a","expects":{}}`, "invalid_expects", "no number"},
		{`{"kind":"action","title":"x","incident":"` + strings.Repeat("x", 101) + `"}`, "malformed", "101"},
		{`{"kind":"deploy"}`, "missing_title", "title"},
		{`{"kind":"deploy","title":" \n"}`, "missing_title", "title"},
		{`{"kind":"deploy","title":["x"]}`, "missing_title", "string"},
		{`{"kind":"deploy","title":"` + strings.Repeat("x", 201) + `"}`, "missing_title", "201"},
		{`{"kind":"deploy","title":"x","url":"example.com/7"}`, "invalid_url", "example.com/7"},
		{`{"kind":"deploy","title":"x","url":"javascript:alert(1)"}`, "invalid_url", "https://"},
		{`{"kind":"deploy","title":"x","url":"http:///x"}`, "invalid_url", "https://"},
		{`{"kind":"deploy","title":"x","url":"https://` + strings.Repeat("x", 2048) + `"}`, "invalid_url", "2056"},
		{`{"kind":"deploy","title":"x","url":1}`, "invalid_url", "string"},
	} {
		_, reason, detail := parse(c.body, nil)
		if string(reason) != c.reason || !strings.Contains(detail, c.word) || strings.Contains(detail, "\n") {
			t.Errorf("%.80q is %q (%s), want %s and a line with %q", c.body, reason, detail, c.reason, c.word)
		}
	}
	if _, reason, _ := parse(`{"kind":"deploy","title":"x"}`, map[string][]string{event.ReceivedHeader: {"x"}}); reason != event.BadTimestamp {
		t.Errorf("an unreadable received time is %q", reason)
	}
}

// TestDerivedID: without an id, the same body at the same time is one annotation, at another time it is another.
func TestDerivedID(t *testing.T) {
	id := func(body string, at int64, header map[string][]string) string {
		a, reason, detail := annotation.Parse(&event.Message{Subject: "annotations.ci", Header: header, Stored: at, Data: []byte(body)})
		if reason != "" {
			t.Fatal(detail)
		}
		return a.ID
	}
	const timed, untimed = `{"kind":"deploy","title":"x","time":"2026-03-03T00:00:00Z"}`, `{"kind":"deploy","title":"x"}`
	if id(timed, stored, nil) != id(timed, stored+1, nil) {
		t.Error("a copy of an annotation with a time has another id")
	}
	if id(untimed, stored, nil) == id(untimed, stored+1, nil) {
		t.Error("two annotations without a time, at two moments, have one id")
	}
	if got := id(timed, stored, map[string][]string{"Nats-Msg-Id": {strings.Repeat("x", 101)}}); got != id(timed, stored, nil) {
		t.Errorf("an over-long header gives the id %q", got)
	}
}

func TestOverlaps(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at, until := ms("2026-03-28T12:00:00Z"), ms("2026-03-28T13:00:00Z")
	// 29 March 2026 has 23 hours in Berlin: its local end is at 22:00 UTC.
	for _, c := range []struct {
		name        string
		a           annotation.Annotation
		first, past string // first and past-the-last moment covered
	}{
		{"a moment", annotation.Annotation{Kind: annotation.Deploy, At: at}, "2026-03-28T12:00:00Z", "2026-03-28T12:00:00.001Z"},
		{"an end", annotation.Annotation{Kind: annotation.Deploy, At: at, Until: until}, "2026-03-28T12:00:00Z", "2026-03-28T13:00:00Z"},
		{"expected with an end", annotation.Annotation{Kind: annotation.Expected, At: at, Until: until}, "2026-03-28T12:00:00Z", "2026-03-28T13:00:00Z"},
		{"an expected moment", annotation.Annotation{Kind: annotation.Expected, At: at, Until: at}, "2026-03-28T12:00:00Z", "2026-03-28T12:00:00.001Z"},
		{"expected without an end", annotation.Annotation{Kind: annotation.Expected, At: at}, "2026-03-28T12:00:00Z", "2026-03-28T23:00:00Z"},
		{"a short day", annotation.Annotation{Kind: annotation.Expected, At: ms("2026-03-28T23:30:00Z")}, "2026-03-28T23:30:00Z", "2026-03-29T22:00:00Z"},
	} {
		first, past := ms(c.first), ms(c.past)
		for _, w := range []struct {
			from, until int64
			want        bool
		}{{first - 10, first, false}, {first - 10, first + 1, true}, {past - 1, past + 10, true}, {past, past + 10, false}, {first, past, true}} {
			if got := c.a.Overlaps(w.from, w.until, berlin); got != w.want {
				t.Errorf("%s: overlaps [%d, %d) after its start: %t", c.name, w.from-first, w.until-first, got)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"7","kind":"expected","title":"Sale","time":"2026-03-01T00:00:00Z","until":"2026-03-08T00:00:00+01:00","url":"https://e.com"}`), "")
	f.Add([]byte(`{"id":-1.5e3,"deleted":true,"kind":"\ud800"}`), "x")
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		a, reason, detail := parse(string(body), map[string][]string{"Nats-Msg-Id": {id}})
		if (reason == "") != (detail == "") {
			t.Fatalf("reason %q with detail %q", reason, detail)
		}
		if reason != "" {
			return
		}
		if a.ID == "" || len(a.ID) > annotation.MaxID || !a.Deleted && (a.Title == "" || a.Kind == "" || a.At < event.Earliest) || a.Until != 0 && a.Until < a.At && !a.Deleted {
			t.Fatalf("accepted as %+v", a)
		}
	})
}

// TestMuteIsBounded: one that says 2020 to 2199 mutes 31 days, and says so; other kinds cover what they say.
func TestMuteIsBounded(t *testing.T) {
	const day = 24 * 3600 * 1000
	start := ms("2020-01-01T00:00:00Z")
	for _, c := range []struct {
		kind    annotation.Kind
		until   int64
		covers  int64 // ms
		tooLong bool
	}{
		{annotation.Expected, ms("2199-12-31T00:00:00Z"), 31 * day, true},
		{annotation.Expected, start + 31*day + 1, 31 * day, true},
		{annotation.Expected, start + 31*day, 31 * day, false},
		{annotation.Expected, start + day, day, false},
		{annotation.Expected, 0, day, false},
		{annotation.Campaign, start + 90*day, 90 * day, false},
	} {
		a := annotation.Annotation{Kind: c.kind, At: start, Until: c.until}
		from, until := a.Span(time.UTC)
		if from != start || until-from != c.covers || a.TooLong() != c.tooLong {
			t.Errorf("%s until %d covers %d days, too long: %v", c.kind, c.until, (until-from)/day, a.TooLong())
		}
		if c.tooLong && a.Overlaps(ms("2026-03-01T00:00:00Z"), ms("2026-03-02T00:00:00Z"), time.UTC) {
			t.Errorf("%s until %d mutes years later", c.kind, c.until)
		}
	}
}
