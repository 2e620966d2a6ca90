package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
)

// withWhere is a catalog whose cohort is entered by the event e where the expression holds.
func withWhere(t *testing.T, where string) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load([]byte(minimal(fmt.Sprintf("{event: e, where: %q}", where))), kind.All)
	if problems.Failed() {
		t.Fatalf("where %s:\n%s", where, problems.Format("catalog.yaml"))
	}
	return c
}

// minimal is the smallest catalog with an entry.
func minimal(entry string) string {
	return `version: 1
defaults: {owner: o, objective: o, indicator: leading, direction: down, action: a}
cohorts: [{name: c, grain: day, entry: ` + entry + `}]
metrics: [{name: m, kind: ttfv, cohort: c, value: v}]
`
}

func TestWhere(t *testing.T) {
	const (
		match  = "match"
		no     = "no match"
		failed = "failed" // no match, and counted
	)
	for _, test := range []struct{ where, properties, want string }{
		// Plain comparisons.
		{`properties.plan == "pro"`, `{"plan":"pro"}`, match},
		{`properties.plan == "pro"`, `{"plan":"free"}`, no},
		{`properties.plan == "pro"`, `{"plan":["pro"]}`, no},
		{`properties["plan name"] == "pro"`, `{"plan name":"pro"}`, match},
		{`properties.plan in ["pro", "team"]`, `{"plan":"team"}`, match},
		{`properties.plan in ["pro", "team"]`, `{"plan":"free"}`, no},
		{`properties.plan.startsWith("p")`, `{"plan":"pro"}`, match},
		{`properties.plan.matches("^p.o$")`, `{"plan":"pro"}`, match},
		{`event == "e"`, `{}`, match},
		{`event.startsWith("x")`, `{}`, no},
		{`context.page.path == "/home"`, `{}`, match},
		{`context.page["path"] == "/home"`, `{}`, match},
		{`properties.paid`, `{"paid":true}`, match},
		{`!properties.paid`, `{"paid":true}`, no},
		{`properties.a == properties.b`, `{"a":{"x":[1,2.0]},"b":{"x":[1.0,2]}}`, match},
		{`properties.a == properties.b`, `{"a":{"x":[1,2]},"b":{"x":[1,3]}}`, no},
		{`properties.a == {"x": 1}`, `{"a":{"x":1}}`, match},
		{`properties.tags.exists(t, t == "new")`, `{"tags":["old","new"]}`, match},
		{`properties.items.all(i, i.price > 1)`, `{"items":[{"price":2},{"price":1.5}]}`, match},
		{`properties.items[1].price > 1`, `{"items":[{"price":2},{"price":1.5}]}`, match},
		{`properties.items.filter(i, i.price > 1).size() == 1`, `{"items":[{"price":2},{"price":1}]}`, match},
		{`properties.items.map(i, i.price) == [2, 1]`, `{"items":[{"price":2},{"price":1}]}`, match},
		{`"new" in properties.tags`, `{"tags":["old","new"]}`, match},
		{`"plan" in properties`, `{"plan":null}`, match},
		{`size(properties) == 2`, `{"a":1,"b":2}`, match},
		{`properties.exists(k, k == "b")`, `{"a":1,"b":2}`, match},
		{`timestamp(properties.at) > timestamp("2026-01-01T00:00:00Z")`, `{"at":"2026-05-01T00:00:00Z"}`, match},
		{`properties[properties.key] == 1`, `{"key":"a","a":1}`, match},
		{`(properties.a ? properties.b : properties.c).d == 1`, `{"a":true,"b":{"d":1}}`, match},

		// Numbers are numbers, in arithmetic too.
		{`properties.price * 2 > 20`, `{"price":10.5}`, match},
		{`properties.price * 2.0 > 20.0`, `{"price":11}`, match},
		{`properties.price * 2 * 1.5 == 33`, `{"price":11}`, match},
		{`2 * properties.price == 21.0`, `{"price":10.5}`, match},
		{`properties.a * properties.b >= 100`, `{"a":25,"b":4.0}`, match},
		{`properties.a - 0.5 == 1`, `{"a":1.5}`, match},
		{`properties.a + 1.5 == 4`, `{"a":2.5}`, match},
		{`properties.a + 2u == 4`, `{"a":2.0}`, match},
		{`properties.a - 3u == -1`, `{"a":2}`, match},
		{`properties.a / 2 == 3.5`, `{"a":7}`, match},
		{`properties.a / 2 == 3.5`, `{"a":7.0}`, match},
		{`properties.a / 2 == 4`, `{"a":8}`, match},
		{`properties.a % 3 == 1`, `{"a":7.0}`, match},
		{`properties.a % 3 == 1.5`, `{"a":7.5}`, match},
		{`7 / 2 > 3 && 1 + 1.5 == 2.5`, `{}`, match},
		{`size(properties.tags) * 0.5 == 1.0`, `{"tags":["a","b"]}`, match},
		{`double(properties.age) + 1 == 27`, `{"age":"26"}`, match},
		{`int(properties.age) + 0.5 > 26`, `{"age":"26"}`, match},
		{`properties.id + 1 == 9007199254740994`, `{"id":9007199254740993}`, match},
		{`properties.id + 1 > 9223372036854775000`, `{"id":9223372036854775807}`, match},
		{`properties.id > 9223372036854775807`, `{"id":9223372036854775808}`, match},
		{`properties.id == 18446744073709551615u`, `{"id":18446744073709551615}`, match},
		{`properties.id == 18446744073709551614u`, `{"id":18446744073709551615}`, no},
		{`properties.id * properties.id > 1e37`, `{"id":9223372036854775807}`, match},
		{`properties.id - 1 > 0`, `{"id":18446744073709551615}`, match},
		{`properties.a / properties.b > 1`, `{"a":4,"b":0}`, failed},
		{`properties.a / properties.b > 1`, `{"a":4.0,"b":0.0}`, failed},
		{`properties.a % properties.b > 1`, `{"a":4.5,"b":0}`, failed},
		{`properties.a + properties.b == "xy"`, `{"a":"x","b":"y"}`, match},
		{`properties.a + properties.b == [1, 2.5]`, `{"a":[1],"b":[2.5]}`, match},
		{`properties.a + 1 > 0`, `{"a":"x"}`, failed},
		{`properties.a * 2 > 0`, `{"a":"x"}`, failed},
		{`properties.a * properties.b > 0`, `{"a":2.5}`, no},
		{`timestamp(properties.b) - timestamp(properties.a) > duration("1h")`, `{"a":"2026-01-01T00:00:00Z","b":"2026-01-01T02:00:00Z"}`, match},

		// A missing property is null: != matches it.
		{`properties.role != "guest"`, `{}`, match},
		{`properties.role != "guest"`, `{"role":null}`, match},
		{`properties.role == "guest"`, `{}`, no},
		{`properties.role == null`, `{}`, match},
		{`properties.role != null`, `{}`, no},
		{`properties.a.b.c == null`, `{}`, match},
		{`properties.a.b.c != 1`, `{"a":{}}`, match},
		{`properties.a.b.c != 1`, `{"a":"text"}`, match},
		{`properties.a.b.c != 1`, `{"a":{"b":[1]}}`, match},
		{`properties.items[5] == null`, `{"items":[1]}`, match},
		{`properties.items[0].sku != "x"`, `{"items":[]}`, match},
		{`properties.items[-1] == null`, `{"items":[1]}`, match},
		{`properties["no such"]["key"] == null`, `{}`, match},
		{`properties[properties.key] == null`, `{}`, match},
		{`context.campaign.name != "ads"`, `{}`, match},
		{`!(properties.plan in ["pro"])`, `{}`, match},
		{`properties.tags.exists(t, t.name != "x")`, `{"tags":[{}]}`, match},
		{`has(properties.plan)`, `{}`, no},
		{`!has(properties.plan)`, `{}`, match},
		{`has(properties.plan)`, `{"plan":null}`, match},
		{`has(properties.a.b.c)`, `{}`, no},
		{`has(properties.a.b)`, `{"a":"text"}`, no},
		{`has(context.page.path)`, `{}`, match},

		// <, > and functions on a missing property do not match, also turned around, and are nobody's fault.
		{`properties.n < 3`, `{}`, no},
		{`properties.n > 3`, `{}`, no},
		{`properties.n >= 3`, `{"n":null}`, no},
		{`3 > properties.n`, `{}`, no},
		{`!(properties.n < 3)`, `{}`, no},
		{`!(properties.a.b < 3)`, `{"a":{}}`, no},
		{`properties.n + 1 > 0`, `{}`, no},
		{`-properties.n < 0`, `{}`, no},
		{`size(properties.name) > 0`, `{}`, no},
		{`!(size(properties.name) > 0)`, `{}`, no},
		{`properties.name.startsWith("a")`, `{}`, no},
		{`!properties.name.startsWith("a")`, `{}`, no},
		{`"abc".contains(properties.name)`, `{}`, no},
		{`!(properties.name.matches("a"))`, `{}`, no},
		{`string(properties.n) == "null"`, `{}`, no},
		{`int(properties.n) == 0`, `{}`, no},
		{`timestamp(properties.at).getFullYear() == 2026`, `{}`, no},
		{`"x" in properties.tags`, `{}`, no},
		{`!("x" in properties.tags)`, `{}`, no},
		{`properties.tags.exists(t, t == "x")`, `{}`, no},
		{`!properties.tags.exists(t, t == "x")`, `{}`, no},
		{`properties.items.all(i, i.price > 1)`, `{"items":[{"price":2},{}]}`, no},
		{`!properties.items.all(i, i.price > 1)`, `{"items":[{"price":2},{}]}`, no},
		{`properties.paid`, `{}`, no},
		{`!properties.paid`, `{}`, no},
		{`properties.paid ? true : true`, `{}`, no},
		{`properties.paid && true`, `{}`, no},
		{`properties.n < 3 && properties.m > 1`, `{"m":2}`, no},
		{`[properties.n].exists(n, n > 3)`, `{}`, no},

		// The other side of "or" still decides.
		{`properties.n < 3 || properties.plan == "pro"`, `{"plan":"pro"}`, match},
		{`properties.plan == "pro" || properties.n < 3`, `{"plan":"pro"}`, match},
		{`properties.n < 3 || properties.plan == "pro"`, `{"plan":"free"}`, no},

		// Numbers compare across int and double.
		{`properties.n == 1`, `{"n":1.0}`, match},
		{`properties.n == 1.0`, `{"n":1}`, match},
		{`properties.n > 1`, `{"n":1.5}`, match},
		{`properties.n > 1.5`, `{"n":2}`, match},
		{`properties.n < 1.5`, `{"n":2}`, no},
		{`properties.n in [1, 2]`, `{"n":2.0}`, match},
		{`properties.n != 1`, `{"n":1.0}`, no},
		{`properties.n == 1000`, `{"n":1e3}`, match},
		{`properties.n > 2`, `{"n":1e999}`, match},
		{`properties.n > 2`, `{"n":123456789012345678901234567890}`, match},
		{`properties.n == 9007199254740993`, `{"n":9007199254740993}`, match},
		{`properties.n < 9007199254740993`, `{"n":9007199254740992}`, match},
		{`properties.n == 0`, `{"n":-0}`, match},

		// Text and numbers are different things.
		{`properties.n == "1"`, `{"n":1}`, no},
		{`properties.n != "1"`, `{"n":1}`, match},

		// Everything else that fails is counted.
		{`properties.n < 3`, `{"n":"2"}`, failed},
		{`!(properties.n < 3)`, `{"n":"2"}`, failed},
		{`properties.n < 3`, `{"n":true}`, failed},
		{`properties.n < 3`, `{"n":{}}`, failed},
		{`properties.name.startsWith("a")`, `{"name":1}`, failed},
		{`size(properties.n) > 0`, `{"n":5}`, failed},
		{`properties.paid`, `{"paid":"yes"}`, failed},
		{`properties.paid`, `{"paid":1}`, failed},
		{`properties.paid && true`, `{"paid":"yes"}`, failed},
		{`properties.a / properties.b > 1`, `{"a":1,"b":0}`, failed},
		{`int(properties.n) > 1`, `{"n":"many"}`, failed},
		{`properties.tags.exists(t, t == "x")`, `{"tags":5}`, failed},
		{`"x" in properties.tags`, `{"tags":"x"}`, failed},
		{`timestamp(properties.at) > timestamp("2026-01-01T00:00:00Z")`, `{"at":"soon"}`, failed},

		// Odd JSON.
		{`properties.a == 2`, `{"a":1,"a":2}`, match}, // the last of two equal keys
		{`properties.a == "é\n"`, `{"a":"\u00e9\n"}`, match},
		{`properties["a.b"] == 1`, `{"a.b":1,"a":{"b":2}}`, match},
		{`properties["*"] == 1`, `{"x":2,"*":1}`, match},
		{`properties["é"] == 1`, `{"\u00e9":1}`, match},
		{`properties.k19 == 19`, wide(20), match},
		{`properties.k3 == 3`, wide(20), match},
		{`properties.no == null`, wide(20), match},
	} {
		t.Run(test.where+" on "+test.properties, func(t *testing.T) {
			c := withWhere(t, test.where)
			m := c.NewMatcher()
			ev := &event.Event{
				Name:       "e",
				Properties: []byte(test.properties),
				Context:    []byte(`{"page":{"path":"/home"}}`),
			}
			mask := m.Match(ev)
			got := no
			if mask.Has(c.Cohorts[0].Entry) {
				got = match
			}
			if failures := m.FailureCounts()[c.Cohorts[0].Entry]; failures == 1 {
				got = failed
			} else if failures > 1 {
				t.Errorf("one event counted as %d failures", failures)
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if again := m.Match(ev); again != mask {
				t.Errorf("a second look at the event gave %v, not %v", again, mask)
			}
		})
	}
}

// wide is an object with n properties k0, k1, ….
func wide(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// Expressions as long as they may be: long chains are fine, deep nesting is refused, both soon.
func TestLongExpressions(t *testing.T) {
	for _, test := range []struct {
		where string
		ok    bool
	}{
		{"properties.a == 1" + strings.Repeat(" || properties.a == 1", 150), true},
		{"properties.a in ['x'" + strings.Repeat(",'x'", 600) + "]", true},
		{strings.Repeat("(", 30) + "properties.a" + strings.Repeat(")", 30) + " == 1", true},
		{strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), false},
		{strings.Repeat("[", 60) + strings.Repeat("]", 60) + " == []", false},
		{"1" + strings.Repeat(" + 1", 500) + " > 3", false},
		{"properties.a == '" + strings.Repeat("x", catalog.MaxExpression) + "'", false},
	} {
		c, problems := catalog.Load([]byte(minimal(fmt.Sprintf("{event: e, where: %q}", test.where))), kind.All)
		if (c != nil) != test.ok {
			t.Errorf("%.40s…: %s", test.where, problems.Format("f"))
		}
		if c != nil && strings.Contains(c.Selectors[0].Text, "\n") {
			t.Errorf("the selector's text has several lines: %q", c.Selectors[0].Text)
		}
	}
}
