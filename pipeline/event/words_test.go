package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"firstlight/pipeline/event"
)

// said returns what an event whose property reason has a JSON value says.
func said(value string) string {
	e := event.Event{Properties: []byte(`{"reason":` + value + `}`)}
	return e.Words([]string{"properties", "reason"})
}

func TestWords(t *testing.T) {
	quoted := func(text string) string {
		b, _ := json.Marshal(text)
		return string(b)
	}
	wave := "\U0001F44B" // four bytes
	for _, test := range []struct{ value, want string }{
		{`"Too expensive"`, "Too expensive"},
		{`"  \t\n Too  expensive \n"`, "Too  expensive"},
		{`"<script>alert(1)</script> & more"`, "<script>alert(1)</script> & more"},
		{`"one\r\ntwo\rthree\n\tfour"`, "one\ntwo\nthree\n\tfour"},
		{`"a\u0000b\u001bc\u007fd\u0085e"`, "abcde"},
		{`"say \u202egnp.exe\u202c \u2066x\u2069"`, "say gnp.exe x"},
		{`"\u200d"`, ""},
		{`" \u200b\u00a0\n "`, ""},
		{`"\u0000"`, ""},
		{`"\ud83d\udc4b"`, wave},
		{`"\ud83d"`, "\ufffd"},
		{`"?"`, "?"},
		{`""`, ""},
		{`7`, ""},
		{`true`, ""},
		{`null`, ""},
		{`["a"]`, ""},
		{`{"a":"b"}`, ""},
		{quoted(strings.Repeat("x", 250_000)), strings.Repeat("x", 2000)},
		{quoted(strings.Repeat(" ", 250_000) + "x"), "x"},
		{quoted("x" + strings.Repeat(wave, 1000)), "x" + strings.Repeat(wave, 499)},
		{quoted(strings.Repeat("x", 1999) + " y"), strings.Repeat("x", 1999)},
	} {
		if got := said(test.value); got != test.want {
			t.Errorf("%.60s: %.60q, want %.60q", test.value, got, test.want)
		}
	}
	e := event.Event{Properties: []byte(`{"form":{"reason":"slow"}}`), Context: []byte(`{"page":{"note":"here"}}`)}
	for path, want := range map[string]string{"properties.form.reason": "slow", "context.page.note": "here", "properties.form": "", "properties.none": "", "other.form": "", "properties": ""} {
		if got := e.Words(strings.Split(path, ".")); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// Whatever is said, what is kept of it is short, can be read, and is kept as it is when it is said again.
func TestWordsOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringN(1500, 3000, -1), rapid.StringMatching(`[ \x00-\x20a\x{202a}-\x{202f}]*`)).Draw(t, "text")
		value, _ := json.Marshal(text)
		got := said(string(value))
		if len(got) > event.MaxWords || !utf8.ValidString(got) || strings.TrimSpace(got) != got {
			t.Fatalf("%q is kept of %q", got, text)
		}
		value, _ = json.Marshal(got)
		if again := said(string(value)); again != got {
			t.Fatalf("%q is kept of %q, and %q of that", got, text, again)
		}
	})
}
