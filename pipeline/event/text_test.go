package event

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	ev, r := judge(`{"event":"signed_up","userId":"ann",
		"properties": {"plan":"team","empty":"","seats":12,"price":1.50e3,"huge":123456789012345678901234567890,"trial":true,"paid":false,
			"none":null,"list":["a"],"object":{"a":1},"a.b":"dot","*":"star","esc":"a\"\u00e9\u0000\ud83d\ude00","twice":"a","twice":"b",
			"":"nameless","deep":{"er":{"est":"here"}},"long":"`+strings.Repeat("é", 101)+`","odd":"x`+strings.Repeat("é", 100)+`"},
		"context" : {"location":{"country":"DE"},"plan":"from context"}}`, false)
	if r.Verdict != Accepted {
		t.Fatal(r.Detail)
	}
	tests := []struct{ path, want string }{ // keys separated by >
		{"properties>plan", "team"},
		{"properties>empty", ""},
		{"properties>seats", "12"},
		{"properties>price", "1.50e3"},
		{"properties>huge", "123456789012345678901234567890"},
		{"properties>trial", "true"},
		{"properties>paid", "false"},
		{"properties>none", None},
		{"properties>list", None},
		{"properties>object", None},
		{"properties>missing", None},
		{"properties>a.b", "dot"},
		{"properties>*", "star"},
		{"properties>esc", "a\"é\x00😀"},
		{"properties>twice", "b"},
		{"properties>", "nameless"},
		{"properties>deep>er>est", "here"},
		{"properties>deep>er", None},
		{"properties>deep>er>est>more", None},
		{"properties>plan>more", None},
		{"properties>list>0", None},
		{"properties>long", strings.Repeat("é", 100)},
		{"properties>odd", "x" + strings.Repeat("é", 99)},
		{"context>location>country", "DE"},
		{"context>plan", "from context"},
		{"event>plan", None},
		{"properties", None},
		{"context", None},
		{"", None},
	}
	for _, tt := range tests {
		if got := ev.Text(strings.Split(tt.path, ">")); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.path, got, tt.want)
		}
	}
	if got := ev.Text(nil); got != None {
		t.Errorf("no path is %q", got)
	}
	if got := new(Event).Text([]string{"properties", "plan"}); got != None {
		t.Errorf("an event without properties has %q", got)
	}
}

// TestCut: a cut text is the longest prefix of whole characters that fits.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(0, -1, 400).Draw(t, "text")
		got := cut([]byte(s))
		if !strings.HasPrefix(s, got) || !utf8.ValidString(got) || len(got) > MaxText {
			t.Fatalf("%q was cut to %q", s, got)
		}
		if len(got) < len(s) {
			if _, next := utf8.DecodeRuneInString(s[len(got):]); len(got)+next <= MaxText {
				t.Fatalf("%q was cut to %q: one more character fits", s, got)
			}
		}
	})
}
