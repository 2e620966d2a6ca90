package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

const defined = `version: 1
product: acme
windows: [1h, 1d]
cohorts:
  - {name: signup, grain: week, entry: signed_up, segments: [plan, {name: country, path: context.country, values: [DE, FR]}]}
  - {name: everyone, grain: month, entry: {first_seen: true}}
metrics:
  - {name: activated, kind: activation, cohort: signup, within: 7d, steps: [project_created, {event: invite_sent, count: 2}], GOV}
  - {name: exports, kind: adoption, cohort: everyone, feature: export_run, GOV}
  - {name: report, kind: ttfv, cohort: signup, value: report_shared, GOV}
`

// gov fills in what every metric needs.
func gov(catalog string) string {
	return strings.ReplaceAll(catalog, "GOV", "owner: o, objective: o, indicator: leading, direction: up, action: a")
}

func mustLoad(t interface {
	Helper()
	Fatalf(string, ...any)
}, data string,
) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load([]byte(data), kind.All)
	if problems.Failed() {
		t.Fatalf("%s\n%s", problems.Format("catalog.yaml"), data)
	}
	return c
}

func TestDefinition(t *testing.T) {
	got := string(mustLoad(t, gov(defined)).Definition())
	want := `{"version":1,"product":"acme","timezone":"UTC","week_start":"monday","users":"identified",` +
		`"allowed_lateness":"1d","settle":"10m","windows":["1h","1d"],"cohorts":[` +
		`{"name":"signup","entry":"signed_up","grain":"week","segments":[{"name":"plan","path":"properties.plan"},` +
		`{"name":"country","path":"context.country","values":["DE","FR"]}]},` +
		`{"name":"everyone","entry":"first_seen","grain":"month"}],"metrics":[` +
		`{"name":"activated","kind":"activation","cohort":"signup","steps":[{"name":"project_created","events":"project_created","count":1},` +
		`{"name":"invite_sent","events":"invite_sent","count":2}],"order":"any","within":"7d"},` +
		`{"name":"exports","kind":"adoption","cohort":"everyone","steps":[{"name":"export_run","events":"export_run","count":1}],"active":"*"},` +
		`{"name":"report","kind":"ttfv","cohort":"signup","steps":[{"name":"report_shared","events":"report_shared","count":1}]}]}`
	if got != want {
		t.Errorf("definition\n%s\nwant\n%s", got, want)
	}
}

// A voice is a definition of its own, whose place decides nothing: a new or changed one is computed, one that went is shown no more.
func TestVoicesChange(t *testing.T) {
	const said = "voices:\n  - {name: why, event: left, text: properties.reason}\n  - {name: note, event: [rated, asked], where: properties.n < 7, text: context.note}\n"
	without, with := mustLoad(t, gov(defined)), mustLoad(t, gov(defined+said))
	if with.Hash() == without.Hash() {
		t.Error("voices do not belong to the definition")
	}
	turned := mustLoad(t, gov(defined)+"voices:\n  - {name: note, event: [asked, rated], where: 'properties.n<7', text: context.note}\n  - {name: why, event: left, text: properties.reason}\n")
	if with.Hash() != turned.Hash() {
		t.Error("the order of voices belongs to the definition")
	}
	changed := mustLoad(t, strings.Replace(gov(defined+said), "properties.reason", "properties.why", 1))
	fewer := mustLoad(t, gov(defined)+"voices: [{name: note, event: [asked, rated], where: 'properties.n<7', text: context.note}]\n")
	for _, test := range []struct {
		what          string
		before, after *catalog.Catalog
		computes      bool
		changed       []string
		shown         string // of before's voices
	}{
		{"added", without, with, true, []string{"voices.note: added", "voices.why: added"}, ""},
		{"changed", with, changed, true, []string{"voices.why.text: properties.reason -> properties.why"}, "why properties.reason, note context.note"},
		{"removed", with, fewer, false, []string{"voices.why: removed"}, "note context.note"},
		{"all removed", with, without, false, []string{"voices.note: removed", "voices.why: removed"}, ""},
	} {
		difference, err := test.after.Difference(test.before.Definition())
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, v := range test.before.As(test.after).Voices {
			shown = append(shown, v.Name+" "+strings.Join(v.Path, "."))
		}
		if got := strings.Join(shown, ", "); got != test.shown || difference.Computes() != test.computes {
			t.Errorf("%s: computes %t, shows %q meanwhile, want %t, %q", test.what, difference.Computes(), got, test.computes, test.shown)
		}
		if diff := cmp.Diff(test.changed, test.after.Changed(test.before.Definition())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.what, diff)
		}
		if got := len(difference.Of(catalog.Changed)) + len(difference.Of(catalog.Added)); got > 0 {
			t.Errorf("%s: %d metrics are computed for a voice", test.what, got)
		}
	}
}

// Each change of a catalog, and what it is called.
func TestChanged(t *testing.T) {
	base := mustLoad(t, gov(defined))
	for _, test := range []struct {
		what, from, to string
		want           string // lines; empty when the definition stays
	}{
		// Governance takes effect at once.
		{"an owner", "owner: o", "owner: p", ""},
		{"a target", "cohort: signup, within", "target: {value: 0.4}, cohort: signup, within", ""},
		{"a guardrail", "cohort: signup, within", "guardrails: [{severity: warning, below: 0.1}], cohort: signup, within", ""},
		{"a budget of false alarms", "product: acme", "product: acme\nfalse_alarms_per_month: 3", ""},
		{"a description", "cohort: signup, within", "description: d, cohort: signup, within", ""},

		// Another spelling of the same.
		{"hours for days", "within: 7d", "within: 168h", ""},
		{"a week", "within: 7d", "within: 1w", ""},
		{"a mapping for a name", "entry: signed_up", "entry: {event: signed_up}", ""},
		{"a list of one", "feature: export_run", "feature: {event: [export_run]}", ""},
		{"a step's own name", "steps: [project_created", "steps: [{event: project_created, name: project_created, count: 1}", ""},
		{"the only day of one event", "value: report_shared", "value: {event: report_shared, distinct: day}", ""},
		{"the default order", "within: 7d", "within: 7d, order: any", ""},
		{"the default of active", "feature: export_run", "feature: export_run, active: \"*\"", ""},
		{"defaults of the catalog", "product: acme", "product: acme\ntimezone: UTC\nsettle: 600s\nallowed_lateness: 1d\nweek_start: monday", ""},
		{"a segment in full", "[plan,", "[{name: plan, path: properties.plan},", ""},
		{"values in another order", "[DE, FR]", "[FR, DE]", ""},

		// Everything else is a new definition.
		{"a time", "within: 7d", "within: 14d", "metrics.activated.within: 7d -> 14d"},
		{"no time", "feature: export_run", "feature: export_run, within: 30d", "metrics.exports.within: none -> 30d"},
		{"a count", "count: 2", "count: 3", "metrics.activated.steps: project_created; 2 times invite_sent -> project_created; 3 times invite_sent"},
		{"days for events", "count: 2", "count: 2, distinct: day", "metrics.activated.steps: project_created; 2 times invite_sent -> project_created; invite_sent on 2 different days"},
		{"an order", "within: 7d", "within: 7d, order: sequence", "metrics.activated.order: any -> sequence"},
		{
			"a step's name", "count: 2", "count: 2, name: Invited",
			"metrics.activated.steps: project_created; 2 times invite_sent -> project_created; 2 times invite_sent (Invited)",
		},
		{
			"a condition", "feature: export_run", "feature: {event: export_run, where: 'properties.n>5'}",
			"metrics.exports.feature: export_run -> export_run where properties.n > 5",
		},
		{"what is active", "feature: export_run", "feature: export_run, active: login", "metrics.exports.active: * -> login"},
		{"a value", "value: report_shared", "value: report_seen", "metrics.report.value: report_shared -> report_seen"},
		{"a cohort", "kind: ttfv, cohort: signup", "kind: ttfv, cohort: everyone", "metrics.report.cohort: signup -> everyone"},
		{"a grain", "grain: week", "grain: day", "cohorts.signup.grain: week -> day"},
		{"an entry", "{first_seen: true}", "login", "cohorts.everyone.entry: first_seen -> login"},
		{
			"a segment less", "segments: [plan, ", "segments: [",
			"cohorts.signup.segments: plan; country from context.country (DE, FR) -> country from context.country (DE, FR)",
		},
		{
			"a value less", "[DE, FR]", "[DE]",
			"cohorts.signup.segments: plan; country from context.country (DE, FR) -> plan; country from context.country (DE)",
		},
		{"a zone", "product: acme", "product: acme\ntimezone: Asia/Tokyo", "timezone: UTC -> Asia/Tokyo"},
		{"a week", "product: acme", "product: acme\nweek_start: sunday", "week_start: monday -> sunday"},
		{"users", "product: acme", "product: acme\nusers: all", "users: identified -> all"},
		{"lateness", "product: acme", "product: acme\nallowed_lateness: 2y", "allowed_lateness: 1d -> 730d"},
		{
			"ignored events", "product: acme", "product: acme\nexclude: {where: 'properties.test==true'}",
			"exclude.where: none -> properties.test == true",
		},
		{
			"users left out", "product: acme", "product: acme\nexclude: {users_with: {event: \"*\", where: 'properties.bot==true'}}",
			"exclude.users_with: none -> * where properties.bot == true",
		},
		{"nothing left out", "product: acme", "product: acme\nexclude:", ""},
		{"settling", "product: acme", "product: acme\nsettle: 0s", "settle: 10m -> 0s"},
		{"the product", "product: acme", "product: acme2", "product: acme -> acme2"},
		{"a window", "[1h, 1d]", "[1h, 1d, 7d/1d]", "windows: 1h, 1d -> 1h, 1d, 7d/1d"},
		{"a name", "name: exports", "name: downloads", "metrics.exports: removed\nmetrics.downloads: added"},
		{
			"two at once", "within: 7d, steps: [project_created", "within: 8d, steps: [project_made",
			"metrics.activated.steps: project_created; 2 times invite_sent -> project_made; 2 times invite_sent\nmetrics.activated.within: 7d -> 8d",
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			text := strings.Replace(gov(defined), test.from, test.to, 1)
			if text == gov(defined) {
				t.Fatalf("%q is not in the catalog", test.from)
			}
			c := mustLoad(t, text)
			changed := c.Changed(base.Definition())
			if diff := cmp.Diff(test.want, strings.Join(changed, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (c.Hash() == base.Hash()) != (test.want == "") {
				t.Errorf("the hash is %s, was %s", c.Hash(), base.Hash())
			}
		})
	}
}

func TestChangedOrder(t *testing.T) {
	lines := strings.SplitAfter(gov(defined), "\n")
	base := mustLoad(t, gov(defined))
	swap := func(i, j int) *catalog.Catalog {
		swapped := slices.Clone(lines)
		swapped[i], swapped[j] = swapped[j], swapped[i]
		return mustLoad(t, strings.Join(swapped, ""))
	}
	if got := swap(7, 9).Changed(base.Definition()); !slices.Equal(got, []string{"metrics: order changed"}) {
		t.Errorf("swapped metrics: %q", got)
	}
	if got := swap(4, 5).Changed(base.Definition()); !slices.Equal(got, []string{"cohorts: order changed"}) {
		t.Errorf("swapped cohorts: %q", got)
	}
	if got := base.Changed([]byte("{")); len(got) != 1 || !strings.HasPrefix(got[0], "the old definition cannot be read") {
		t.Errorf("a broken definition: %q", got)
	}
}

// A metric's hash follows its own numbers, not those of its neighbours.
func TestMetricHash(t *testing.T) {
	base := mustLoad(t, gov(defined))
	hashes := func(c *catalog.Catalog) (h []string) {
		for i := range c.Metrics {
			h = append(h, c.MetricHash(i))
		}
		return h
	}
	before := hashes(base)
	for _, test := range []struct {
		from, to string
		changes  []bool // activated, exports, report
	}{
		{"within: 7d", "within: 8d", []bool{true, false, false}},
		{"feature: export_run", "feature: export_done", []bool{false, true, false}},
		{"grain: week", "grain: day", []bool{true, false, true}},
		{"product: acme", "product: other", []bool{false, false, false}},
		{"product: acme", "settle: 1h", []bool{false, false, false}},
		{"product: acme", "timezone: Asia/Tokyo", []bool{true, true, true}},
		{"product: acme", "users: all", []bool{true, true, true}},
		{"product: acme", "allowed_lateness: 2d", []bool{true, true, true}},
		{"product: acme", "week_start: sunday", []bool{true, true, true}},
		{"product: acme", "exclude: {where: properties.test == true}", []bool{true, true, true}},
		{"product: acme", "exclude: {users_with: test_run}", []bool{true, true, true}},
		{"owner: o", "owner: p", []bool{false, false, false}},
	} {
		after := hashes(mustLoad(t, strings.ReplaceAll(gov(defined), test.from, test.to)))
		for i := range before {
			if (before[i] != after[i]) != test.changes[i] {
				t.Errorf("%s to %s: metric %s changed: %v", test.from, test.to, base.Metrics[i].Name, before[i] != after[i])
			}
		}
	}
}

// Spellings, key order, quotes and white space never change a definition; loading is deterministic.
func TestDefinitionIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		metrics := rapid.IntRange(1, 4).Draw(t, "metrics")
		var one, two strings.Builder
		for i := range metrics {
			plain, spelt := drawMetric(t, i)
			one.WriteString(plain)
			two.WriteString(spelt)
		}
		const head = "version: 1\ncohorts:\n  - {name: c, grain: day, entry: e}\nmetrics:\n"
		a, b := mustLoad(t, gov(head+one.String())), mustLoad(t, "# the same\n"+gov(head+two.String()))
		if diff := cmp.Diff(string(a.Definition()), string(b.Definition())); diff != "" {
			t.Fatalf("(-one +two)\n%s\n%s\n%s", diff, one.String(), two.String())
		}
		if changed := b.Changed(a.Definition()); len(changed) > 0 || a.Hash() != b.Hash() {
			t.Fatalf("changed %v", changed)
		}
		if diff := cmp.Diff(a.Selectors, b.Selectors); diff != "" {
			t.Fatalf("the same definition has other selectors\n%s", diff)
		}
	})
}

// drawMetric draws a metric and returns it in two spellings.
func drawMetric(t *rapid.T, i int) (plain, spelt string) {
	days := rapid.IntRange(1, 60).Draw(t, "days")
	event := rapid.SampledFrom([]string{"a", "b", "signed up", "42", "*"}).Draw(t, "event")
	where := rapid.SampledFrom([][2]string{
		{`properties.n > 5`, `(properties.n)>5`},
		{`properties.role != "guest"`, `properties.role   !=   "guest"`},
		{`properties.a && properties.b || has(properties.c)`, `(properties.a && properties.b) ||has( properties.c )`},
		{`properties.tags.exists(t, t == 'x')`, `properties.tags.exists(t,t=="x")`},
	}).Draw(t, "where")
	count := rapid.IntRange(1, 3).Draw(t, "count")
	plain = fmt.Sprintf("  - {name: m%d, kind: activation, cohort: c, within: %dd, steps: [{event: %q, count: %d, where: %q}], GOV}\n",
		i, days, event, count, where[0])
	spelt = fmt.Sprintf("  - GOV2\n    steps:\n      - where: >-\n          %s\n        count: %d\n        event: [%q]\n    within: %dh\n"+
		"    order: \"any\"\n    cohort: 'c'\n    kind: activation\n    name: m%d\n", where[1], count, event, days*24, i)
	spelt = strings.Replace(spelt, "GOV2", "{OPEN", 1)
	return plain, strings.Replace(spelt, "{OPEN", "action: other\n    owner: o\n    objective: p\n    indicator: lagging\n    direction: down", 1)
}

func TestFormula(t *testing.T) {
	c := mustLoad(t, gov(defined+`
  - {name: seq, kind: activation, cohort: everyone, within: 36h, order: sequence, steps: [{event: [b, a]}, {event: c, where: 'properties.n>1'}], GOV}
  - {name: deep, kind: adoption, cohort: signup, within: 1d, feature: {event: "*", where: 'event.startsWith("x")'}, active: {event: [a, b]}, GOV}
  - {name: again, kind: ttfv, cohort: signup, within: 90d, value: {event: signed_up, count: 3}, GOV}
  - {name: habit, kind: activation, cohort: signup, within: 7d, steps: [project_created, {event: opened, count: 3, distinct: day}], GOV}
  - {name: days, kind: ttfv, cohort: signup, value: {event: opened, count: 4, distinct: day}, GOV}
`))
	want := []string{
		"Share of users of cohort signup (first signed_up, by week) who did project_created and 2 times invite_sent within 7 days of it.",
		"Share of active users of cohort everyone (first seen, by month) who did export_run in a window; active is who did anything in it.",
		"Time that users of cohort signup (first signed_up, by week) took from it to their first report_shared.",
		"Share of users of cohort everyone (first seen, by month) who did a or b, then c where properties.n > 1, within 36 hours of it.",
		`Share of active users of cohort signup (first signed_up, by week) who did any event where event.startsWith("x") in a window; ` +
			`active is who did a or b, or that, in it. By cohort: share of all who entered, within 1 day.`,
		"Time that users of cohort signup (first signed_up, by week) took from it to their third signed_up, if within 90 days.",
		"Share of users of cohort signup (first signed_up, by week) who did project_created and opened on 3 different days within 7 days of it.",
		"Time that users of cohort signup (first signed_up, by week) took from it to their 4th different day with opened.",
	}
	for i := range c.Metrics {
		if got := c.Formula(i); got != want[i] {
			t.Errorf("%s\nwant\n%s", got, want[i])
		}
	}
	c = mustLoad(t, "exclude: {where: properties.test, users_with: {event: '*', where: properties.bot == true}}\n"+gov(defined))
	if got, want := c.Formula(2), want[2]+" Left out: events where properties.test; users with any event where properties.bot == true."; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
