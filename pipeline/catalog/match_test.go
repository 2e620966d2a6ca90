package catalog_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
)

const selectorsCatalog = `version: 1
defaults: {owner: o, objective: o, indicator: leading, direction: down, action: a}
cohorts:
  - {name: signup, grain: week, entry: signed_up}
  - {name: first, grain: week, entry: {first_seen: true}}
metrics:
  - name: activated
    kind: activation
    cohort: signup
    within: 7d
    steps:
      - {event: [invite_sent, invite_resent], where: 'properties.role != "guest"'}
      - {event: invite_sent, name: Any invite}
  - {name: pro, kind: ttfv, cohort: first, value: {event: "*", where: 'properties.plan == "pro"'}}
  - {name: exports, kind: adoption, cohort: first, feature: export_run}
`

func TestMatch(t *testing.T) {
	c, problems := catalog.Load([]byte(selectorsCatalog), kind.All)
	if len(problems) > 0 {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	m := c.NewMatcher()
	for _, test := range []struct{ name, properties, want string }{
		{"signed_up", ``, "signed_up | *"},
		{"signed_up", `{"plan":"pro"}`, "signed_up | * | * where properties.plan == \"pro\""},
		{"invite_sent", `{"role":"guest"}`, "* | invite_sent"},
		{"invite_sent", `{}`, `* | invite_resent, invite_sent where properties.role != "guest" | invite_sent`},
		{"invite_resent", `{"role":"admin"}`, `* | invite_resent, invite_sent where properties.role != "guest"`},
		{"something_else", `{"plan":"pro"}`, `* | * where properties.plan == "pro"`},
		{"something_else", ``, "*"},
		{"export_run", ``, "* | export_run"},
	} {
		mask := m.Match(&event.Event{Name: test.name, Properties: []byte(test.properties)})
		var got []string
		for i, s := range c.Selectors {
			if mask.Has(i) {
				got = append(got, s.Text)
			}
		}
		if got := strings.Join(got, " | "); got != test.want {
			t.Errorf("%s %s matches %s, want %s", test.name, test.properties, got, test.want)
		}
	}
	if f := m.Failures(); len(f) > 0 {
		t.Errorf("failures %v", f)
	}
}

// What exclude leaves out is asked of every event, and an expression that fails leaves nothing out and is counted.
func TestExcludes(t *testing.T) {
	m := mustLoad(t, "exclude: {where: 'event == \"ping\" || properties.n > 5'}\n"+gov(defined)).NewMatcher()
	for _, test := range []struct {
		name, properties string
		want             bool
	}{
		{"ping", `{}`, true},
		{"signed_up", `{}`, false},
		{"signed_up", `{"n":6}`, true},
		{"signed_up", `{"n":5}`, false},
		{"signed_up", `{"n":"six"}`, false},
		{"ping", `{"n":"six"}`, true},
	} {
		if got := m.Excludes(&event.Event{Name: test.name, Properties: []byte(test.properties)}); got != test.want {
			t.Errorf("%s %s: left out is %v, want %v", test.name, test.properties, got, test.want)
		}
	}
	const failed = `exclude.where: event == "ping" || properties.n > 5`
	before := m.Failures()
	if len(before) != 1 || before[failed] != 1 {
		t.Errorf("failures %v, want one of %s", before, failed)
	}
	m.AddFailures(before)
	if got := m.Failures()[failed]; got != 2 {
		t.Errorf("%d failures after the restart, want 2", got)
	}
	if mustLoad(t, gov(defined)).NewMatcher().Excludes(&event.Event{Name: "ping"}) {
		t.Error("a catalog that excludes nothing leaves out an event")
	}
}

func TestMatcherOfAHandMadeCatalog(t *testing.T) {
	c := &catalog.Catalog{Selectors: []catalog.Selector{
		{Text: "a", Names: []string{"a"}},
		{Text: "a where properties.n > 1", Names: []string{"a"}, Where: "properties.n > 1"},
		{Text: "broken", Names: []string{"a"}, Where: "properties.n >"},
	}}
	m := c.NewMatcher()
	mask := m.Match(&event.Event{Name: "a", Properties: []byte(`{"n":2}`)})
	if mask != (catalog.Mask{0b011}) {
		t.Errorf("mask %b, want the first two selectors", mask[0])
	}
	if got := m.Failures()["broken"]; got != 1 {
		t.Errorf("the broken expression failed %d times, want 1", got)
	}
}

func TestFailureCountsContinue(t *testing.T) {
	c := withWhere(t, "properties.n < 3")
	m := c.NewMatcher()
	clash := &event.Event{Name: "e", Properties: []byte(`{"n":"x"}`)}
	m.Match(clash)
	before := m.Failures()
	if want := "e where properties.n < 3"; before[want] != 1 {
		t.Fatalf("failures %v, want one of %s", before, want)
	}
	restarted := c.NewMatcher()
	restarted.AddFailures(before)
	restarted.AddFailures(map[string]uint64{"of an older catalog": 7})
	restarted.Match(clash)
	if got := restarted.FailureCounts()[c.Cohorts[0].Entry]; got != 2 {
		t.Errorf("%d failures after the restart, want 2", got)
	}
	restarted.ResetFailures()
	if got := restarted.Failures(); len(got) != 0 {
		t.Errorf("%v after the reset", got)
	}
}

// Expressions and events that would keep a worker busy for minutes are cut off and counted.
func TestNoEventStalls(t *testing.T) {
	numbers := "[" + strings.Repeat("1,", 60_000) + "1]"
	nested := "[[" + strings.Repeat("[1],", 20_000) + "[2]]]"
	text := strings.Repeat("a", 120_000)
	for _, test := range []struct{ where, properties string }{
		{`properties.a.all(x, properties.a.all(y, x == y))`, `{"a":` + numbers + `}`},
		{`properties.a.map(x, properties.a).size() > properties.a.map(x, properties.a.map(y, x + y)).size()`, `{"a":` + numbers + `}`},
		{
			`properties.n.all(i, properties.n.all(j, properties.a == properties.b && i == j))`,
			`{"n":` + numbers[:2000] + `1],"a":` + nested + `,"b":` + nested + `}`,
		},
		{`properties.s.matches(properties.p)`, `{"s":"` + text + `","p":"` + strings.Repeat("a?", 50_000) + `b"}`},
		{`properties.s.matches("(a*)*(a*)*(a*)*(a*)*b") && properties.s.matches("(a|aa)*(a|aa)*c")`, `{"s":"` + text + `"}`},
		{`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d,
			[1,2,3,4,5,6,7,8,9].all(e, [1,2,3,4,5,6,7,8,9].all(f, [1,2,3,4,5,6,7,8,9].all(g, a + b + c + d + e + f + g > 0)))))))`, `{}`},
		{`properties.n.map(i, properties.s + properties.s).size() > 0`, `{"n":` + numbers[:2000] + `1],"s":"` + text + `"}`},
	} {
		c := withWhere(t, test.where)
		m := c.NewMatcher()
		if mask := m.Match(&event.Event{Name: "e", Properties: []byte(test.properties)}); mask.Has(c.Cohorts[0].Entry) {
			t.Errorf("%s matches", test.where)
		}
		t.Log(test.where, m.Failures())
	}
}

func BenchmarkMatch(b *testing.B) {
	c, problems := catalog.Load([]byte(selectorsCatalog), kind.All)
	if problems.Failed() {
		b.Fatal(problems.Format("catalog.yaml"))
	}
	properties := []byte(`{"path":"/projects/42","role":"guest","plan":"pro","amount":12.5,"tags":["a","b"],"nested":{"x":1}}`)
	for _, name := range []string{"export_run", "invite_sent"} {
		for _, any := range []bool{false, true} {
			in := *c
			if !any { // without the selector of any event, whose expression runs for all names
				in = catalog.Catalog{Selectors: c.Selectors[:4]}
			}
			m := in.NewMatcher()
			ev := &event.Event{Name: name, Properties: properties}
			b.Run(fmt.Sprintf("%s/expressions=%d", name, m.Asks(name)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					m.Match(ev)
				}
			})
		}
	}
}

// Matchers of one catalog share its compiled expressions, one matcher per partition and goroutine.
func TestMatchersShareACatalog(t *testing.T) {
	c := withWhere(t, `properties.a.b != 1 && (properties.n < 3 || properties.tags.exists(x, x.startsWith("t")))`)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			m := c.NewMatcher()
			for n := range 200 {
				ev := &event.Event{Name: "e", Properties: fmt.Appendf(nil, `{"n":%d,"tags":["x","t%d"]}`, n, i)}
				if mask := m.Match(ev); !mask.Has(c.Cohorts[0].Entry) {
					t.Errorf("%s does not match", ev.Properties)
				}
				m.Match(&event.Event{Name: "e"})
			}
		})
	}
	group.Wait()
}
