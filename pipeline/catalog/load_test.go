package catalog_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/kind/activation"
	"firstlight/pipeline/kind/adoption"
	"firstlight/pipeline/kind/ttfv"
)

// The catalog of the contract, in short, with every default left out.
func TestLoad(t *testing.T) {
	c, problems := catalog.Load([]byte(`version: 1
product: acme
timezone: Europe/Berlin
week_start: sunday
users: all
allowed_lateness: 2y
settle: 1h30m
false_alarms_per_month: 0.5
example_users: 3
windows: [1h, 1mo, 28d/1d]
defaults: {owner: growth, objective: stay, indicator: leading, direction: down, action: call, labels: {team: a}}
cohorts:
  - name: signup
    entry: signed_up
    grain: week
    segments: [plan, {path: context.location.country, values: [DE, 49, True]}, {name: planType}]
  - {name: everyone, entry: {first_seen: true}, grain: month, segments: []}
metrics:
  - name: activated
    kind: activation
    cohort: everyone
    steps: [project_created, {event: [b, a], count: 2, distinct: day, where: 'properties.role!="guest"'}]
    order: sequence
    within: 1w
    owner: someone
    direction: up
    labels: {team: b}
    target: {value: 0.4, by: 2030-01-01}
    guardrails: [{severity: critical, below: 0.2, age: 24h, min_sample: 200, consecutive: 2}]
  - name: first_report
    kind: ttfv
    cohort: signup
    value: {event: signed_up, name: Signed again}
    target: {value: 2h}
    guardrails: [{severity: warning, above: 2h, window: 28d/1d, min_sample: 1}]
  - {name: exports, kind: adoption, cohort: signup, feature: {event: export_run}, guardrails: []}
`), kind.All)
	if len(problems) > 0 {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	shared := catalog.Governance{
		Owner: "growth", Objective: "stay", Indicator: "leading", Direction: "down", Action: "call",
		Labels: map[string]string{"team": "a"},
	}
	activated, report := shared, shared
	activated.Owner, activated.Direction, activated.Labels = "someone", "up", map[string]string{"team": "b"}
	activated.Target = &catalog.Target{Value: 0.4, By: "2030-01-01"}
	activated.Guardrails = []catalog.Guardrail{{
		Severity: "critical", Below: new(0.2), Age: 24 * time.Hour, Window: "1mo", MinSample: 200, Consecutive: 2,
	}}
	report.Target = &catalog.Target{Value: 7200}
	report.Guardrails = []catalog.Guardrail{{
		Severity: "warning", Above: new(7200.0), Median: true, Window: "28d/1d", MinSample: 1, Consecutive: 1,
	}}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	want := &catalog.Catalog{
		Product: "acme", Timezone: "Europe/Berlin", Location: berlin, WeekStart: time.Sunday, AllUsers: true,
		AllowedLateness: 2 * 365 * 24 * time.Hour, Settle: 90 * time.Minute, FalseAlarms: 0.5, ExampleUsers: 3,
		Windows: []catalog.Window{{"1h", catalog.Hour, 0}, {"1mo", catalog.Month, 0}, {"28d/1d", catalog.Trailing, 28}},
		Cohorts: []catalog.Cohort{
			{Name: "signup", Entry: 0, Grain: catalog.GrainWeek, Segments: []catalog.Segment{
				{"plan", []string{"properties", "plan"}, nil},
				{"country", []string{"context", "location", "country"}, []string{"DE", "49", "true"}},
				{"planType", []string{"properties", "planType"}, nil},
			}},
			{Name: "everyone", FirstSeen: true, Entry: 1, Grain: catalog.GrainMonth},
		},
		Metrics: []catalog.Metric{
			{
				Name: "activated", Kind: activation.Kind{}, Cohort: 1, Sequence: true, Within: 7 * 24 * time.Hour, Active: catalog.NoSelector,
				Steps:      []catalog.Step{{"project_created", 2, 1, false}, {"a or b", 3, 2, true}},
				Governance: activated,
			},
			{Name: "first_report", Kind: ttfv.Kind{}, Cohort: 0, Steps: []catalog.Step{{"Signed again", 0, 1, false}}, Active: catalog.NoSelector, Place: 1, Governance: report},
			{Name: "exports", Kind: adoption.Kind{}, Cohort: 0, Steps: []catalog.Step{{"export_run", 4, 1, false}}, Active: 1, Place: 2, Governance: shared},
		},
		Selectors: []catalog.Selector{
			{Text: "signed_up", Names: []string{"signed_up"}},
			{Text: "*"},
			{Text: "project_created", Names: []string{"project_created"}},
			{Text: `a, b where properties.role != "guest"`, Names: []string{"a", "b"}, Where: `properties.role != "guest"`},
			{Text: "export_run", Names: []string{"export_run"}},
		},
	}
	sameZone := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(catalog.Catalog{}), sameZone); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	c, problems := catalog.Load([]byte(minimal("e")), kind.All)
	if len(problems) > 0 {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	got := fmt.Sprint(c.Timezone, c.Location, c.WeekStart, c.AllUsers, c.AllowedLateness, c.Settle, c.Windows)
	if want := "UTCUTC Monday false 24h0m0s 10m0s [{1h 0 0} {1d 1 0} {7d/1d 4 7}]"; got != want {
		t.Errorf("defaults are %s, want %s", got, want)
	}
}

// Bytes that no text editor should have saved.
func TestOddBytes(t *testing.T) {
	good := minimal("e")
	for _, test := range []struct{ name, data, want string }{
		{"a byte order mark", "\ufeff" + good, ""},
		{"lines that end as on Windows", strings.ReplaceAll(good, "\n", "\r\n"), ""},
		{"no newline at the end", strings.TrimSuffix(good, "\n"), ""},
		{"a document start and end", "---\n" + good + "...\n", ""},
		{"comments and blank lines", "# hello\n\n" + good + "\n# bye\n", ""},
		{"a NUL byte", "version: 1\nprod\x00uct: acme\n", "f:2:5: error: the file holds a NUL byte: save it as plain UTF-8 text\n"},
		{"Latin-1", "version: 1\nproduct: caf\xe9\n", "f:2:13: error: this is not UTF-8: save the file in the encoding UTF-8\n"},
		{"UTF-16", "\xff\xfev\x00e\x00", "f:1:1: error: this is not UTF-8: save the file in the encoding UTF-8\n"},
		{
			"10 MB of garbage", strings.Repeat("\x80{[&*!|>'\"%@`", 10<<20/13),
			"f:1:1: error: the file has 10485748 bytes: a catalog has at most 524288; is this the right file?\n",
		},
		{
			"an error on a line that ends as on Windows", "version: 1\r\nfoo: 1\r\n" + strings.TrimPrefix(good, "version: 1\n"),
			"f:2:1: error: unknown key \"foo\" in a catalog: the keys are " + catalog.List(catalog.CatalogKeys) + "\n",
		},
	} {
		c, problems := catalog.Load([]byte(test.data), kind.All)
		if got := problems.Format("f"); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
		if (c != nil) != (test.want == "") {
			t.Errorf("%s: catalog %v", test.name, c)
		}
	}
}

// Input that is small enough to read but made to exhaust a parser ends in a few problems, soon.
func TestHostileYAML(t *testing.T) {
	onlyInFull(t)
	fill := func(s string) string { return strings.Repeat(s, 60_000/len(s)) }
	for _, s := range []string{
		fill("["), fill("{"), fill("- "), fill("? "), fill("a: "), fill("&a "), fill("!a "), fill("*a "), fill("a\n"), fill("a:\n"),
		fill("'"), fill(`"`), fill("#\n"), fill("\t"), fill("---\n"), fill("a: ["), fill("[\n]\n"), fill("- a: b\n"), fill("\r"),
		"a: |\n" + fill(" x\n"), "a: \"x\n" + fill("  y\n") + `"`, "{" + fill("a: 1,") + "}", "a: &a {x: 1}\n" + fill("<<: *a\n"),
		"metrics: &m [{name: a}]\ncohorts: [" + fill("*m,") + "]",
	} {
		c, problems := catalog.Load([]byte(s), kind.All)
		if c != nil || len(problems) == 0 || len(problems) > 1000 {
			t.Errorf("%.20q…: catalog %v, %d problems", s, c != nil, len(problems))
		}
	}
}

// onlyInFull leaves a test of many texts out of a -short run, which is for the race detector: one goroutine works in it.
func onlyInFull(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("many texts: run without -short")
	}
}

// A misplaced character anywhere gives problems with places inside the file, never a panic.
func TestEveryTruncationAndDeletion(t *testing.T) {
	onlyInFull(t)
	data, err := os.ReadFile("../../schemas/examples/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Count(data, []byte("\n")) + 1
	for i := 0; i < len(data); i += 13 {
		for _, cut := range [][]byte{data[:i], append(append([]byte(nil), data[:i]...), data[i+1:]...)} {
			_, problems := catalog.Load(cut, kind.All)
			for _, p := range problems {
				if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" || strings.Contains(p.Message, "\n") {
					t.Fatalf("cut at %d: %+v", i, p)
				}
			}
		}
	}
}

// Event names may hold colons, in a list too.
func TestColonsInNames(t *testing.T) {
	c := mustLoad(t, minimal("{event: [order:created, user:signed_up]}"))
	if diff := cmp.Diff([]string{"order:created", "user:signed_up"}, c.Selectors[c.Cohorts[0].Entry].Names); diff != "" {
		t.Error(diff)
	}
}

// A problem behind such text is still at its place.
func TestColonsKeepPlaces(t *testing.T) {
	_, problems := catalog.Load([]byte(minimal("{event: [order:created, user:signed_up, 5]}")), kind.All)
	at := slices.IndexFunc(problems, func(p catalog.Problem) bool { return strings.Contains(p.Message, "an event's name is text") })
	if at < 0 || problems[at].Line != 3 || problems[at].Column != len(`cohorts: [{name: c, grain: day, entry: {event: [order:created, user:signed_up, `)+1 {
		t.Error(problems.Format("f"))
	}
}
