package catalog

import (
	"testing"
	"time"

	"firstlight/pipeline/event"
)

// Soon is far more than any input may take, on a machine that does much else.
const Soon = 20 * time.Second

func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{
		{`properties.plan == "pro" && properties.n > 5`, `{"plan":"pro","n":6}`},
		{`!(properties.a.b[0].c < 3.5)`, `{"a":{"b":[{"c":1e400}]}}`},
		{`properties.items.exists(i, i.price > 3) || has(properties.x.y)`, `{"items":[{"price":4},null,"x"]}`},
		{`properties.all(k, properties[k] != null)`, `{"a":1,"a":2,"\ud800":"\u0000"}`},
		{`properties.a + properties.b == "xy" ? context.c : event in ["e"]`, `{"a":"x","b":"y"}`},
		{`properties.s.matches(properties.p) && size(properties) > 1u`, `{"s":"aaaa","p":"(a*)*b"}`},
		{`timestamp(properties.t).getHours("Europe/Berlin") == 3 && duration(properties.d) > duration("1h")`, `{"t":"x","d":"y"}`},
		{`{"a": 1}[properties.k] == 1 && [1, 2][properties.i] == 2 && bytes(properties.k) == b"a"`, `{"k":"a","i":1.0}`},
		{`type(properties.a) == int || dyn(properties.b).c == null || string(properties.a) == "1"`, `{"a":1}`},
		{`properties.a == properties`, `{"a":{"a":{}}}`},
	} {
		f.Add(s[0], []byte(s[1]), []byte(`{"page":{}}`))
	}
	f.Fuzz(func(t *testing.T, where string, properties, context []byte) {
		checked, issues := environment().Compile(where)
		if _, err := compile(where); err != nil || issues.Err() != nil {
			return
		}
		c := &Catalog{Selectors: []Selector{
			{Text: "as written", Names: []string{"e"}, Where: where},
			{Text: "canonical", Names: []string{"e"}, Where: canonical(checked, where)},
		}}
		ev := &event.Event{Name: "e", Properties: properties, Context: context}
		m := c.NewMatcher()
		start := time.Now()
		first := m.Match(ev)
		if took := time.Since(start); took > Soon {
			t.Errorf("%s on %d bytes took %v", where, len(properties), took)
		}
		if second := m.Match(ev); first != second {
			t.Errorf("%s on %s: %v, then %v", where, properties, first, second)
		}
		if first.Has(0) != first.Has(1) || m.FailureCounts()[0] != m.FailureCounts()[1] {
			t.Errorf("%s and %s differ on %s: %v %v", where, c.Selectors[1].Where, properties, first, m.Failures())
		}
		if n := m.FailureCounts()[0]; n != 0 && n != 2 || n > 0 && first.Has(0) {
			t.Errorf("%s on %s: %d failures in 2 evaluations, match %v", where, properties, n, first.Has(0))
		}
	})
}
