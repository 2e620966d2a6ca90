package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// A condition that no event can meet is an error, as far as its text tells; one that some can is none.
func TestConditionsThatCannotHold(t *testing.T) {
	for _, test := range []struct {
		where string
		want  string // part of the message; empty: nothing is said
	}{
		{`false`, "no event can meet"},
		{`null`, "where is true or false"},
		{`1 == 2`, "no event can meet"},
		{`"a" == "b"`, "no event can meet"},
		{`event == "another"`, "no event can meet"},
		{`"another" == event`, "no event can meet"},
		{`event in ["another", "third"]`, "no event can meet"},
		{`event == 5`, "compare text with text"},
		{`properties.n > null`, "no event can meet"},
		{`properties.plan == "a" && properties.plan == "b"`, "no event can meet"},
		{`properties.plan == "a" && properties.n > 1 && properties["plan"] == "b"`, "no event can meet"},
		{`properties.n > 5 && properties.n < 3`, "no event can meet"},
		{`properties.n > 5 && properties.n <= 5`, "no event can meet"},
		{`3 > properties.n && 5 < properties.n`, "no event can meet"},
		{`properties.n == 2 && properties.n > 2.5`, "no event can meet"},
		{`(false || properties.n > 5 && properties.n < 3)`, "no event can meet"},
		{`properties.a == 1 && false`, "no event can meet"},
		{`properties.a + 1`, "where is true or false"},
		{`properties.a * properties.b`, "where is true or false"},
		{`size(properties.a)`, "where is true or false"},
		{`"pro"`, "where is true or false"},
		{`true`, "every event meets"},

		{`event == "e"`, ""},
		{`event in ["another", "e"]`, ""},
		{`event != "another"`, ""},
		{`properties.plan`, ""},
		{`properties.plan == "a" || properties.plan == "b"`, ""},
		{`properties.plan == "a" && properties.other == "b"`, ""},
		{`properties.n == 1 && properties.n == 1.0`, ""},
		{`properties.n >= 5 && properties.n <= 5`, ""},
		{`properties.n > 3 && properties.n < 5`, ""},
		{`properties.n < 3 || properties.n > 5`, ""},
		{`!(properties.n > 5 && properties.n < 3)`, ""},
		{`properties.items.exists(i, i.a == 1) && properties.items.exists(i, i.a == 2)`, ""},
		{`properties.n == null`, ""},
	} {
		_, problems := catalog.Load([]byte(minimal(fmt.Sprintf("{event: e, where: %q}", test.where))), kind.All)
		text := problems.Format("f")
		if test.want == "" && text != "" || !strings.Contains(text, test.want) || strings.Count(text, "\n") > 1 {
			t.Errorf("%s: %q, want %q", test.where, text, test.want)
		}
	}
}

func TestWholeDays(t *testing.T) {
	c := mustLoad(t, strings.Replace(minimal("signed_up"), "value: v}]", "value: v},\n  {name: act, kind: activation, cohort: c, within: 7d, steps: [done]}]", 1))
	out := c.WholeDays(30).Format("f")
	if !strings.Contains(out, "within: 7d holds 8 days") || !strings.Contains(out, "write 6d23h for 7 days") || !strings.HasPrefix(out, "f:5:") {
		t.Error(out)
	}
}
