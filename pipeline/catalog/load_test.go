package catalog

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The catalog of the contract, in short, with every default left out.
func TestLoad(t *testing.T) {
	c, problems := Load([]byte(`version: 1
product: acme
timezone: Europe/Berlin
week_start: sunday
users: all
allowed_lateness: 2y
settle: 1h30m
false_alarms_per_month: 0.5
example_users: 3
windows: [1h, 1mo, 28d/1d]
defaults: {owner: growth, objective: stay, indicator: leading, direction: up, action: call, labels: {team: a}}
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
    steps: [project_created, {event: [b, a], count: 2, where: 'properties.role!="guest"'}]
    order: sequence
    within: 1w
    owner: someone
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
`))
	if len(problems) > 0 {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	shared := Governance{
		Owner: "growth", Objective: "stay", Indicator: "leading", Direction: "up", Action: "call",
		Labels: map[string]string{"team": "a"},
	}
	activated, report := shared, shared
	activated.Owner, activated.Labels = "someone", map[string]string{"team": "b"}
	activated.Target = &Target{Value: 0.4, By: "2030-01-01"}
	activated.Guardrails = []Guardrail{{
		Severity: "critical", Below: new(0.2), Age: 24 * time.Hour, Window: "1mo", MinSample: 200, Consecutive: 2,
	}}
	report.Target = &Target{Value: 7200}
	report.Guardrails = []Guardrail{{
		Severity: "warning", Above: new(7200.0), Median: true, Window: "28d/1d", MinSample: 1, Consecutive: 1,
	}}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	want := &Catalog{
		Product: "acme", Timezone: "Europe/Berlin", Location: berlin, WeekStart: time.Sunday, AllUsers: true,
		AllowedLateness: 2 * 365 * 24 * time.Hour, Settle: 90 * time.Minute, FalseAlarms: 0.5, ExampleUsers: 3,
		Windows: []Window{{"1h", Hour, 0}, {"1mo", Month, 0}, {"28d/1d", Trailing, 28}},
		Cohorts: []Cohort{
			{Name: "signup", Entry: 0, Grain: GrainWeek, Segments: []Segment{
				{"plan", []string{"properties", "plan"}, nil},
				{"country", []string{"context", "location", "country"}, []string{"DE", "49", "true"}},
				{"planType", []string{"properties", "planType"}, nil},
			}},
			{Name: "everyone", FirstSeen: true, Entry: 1, Grain: GrainMonth},
		},
		Metrics: []Metric{
			{
				Name: "activated", Kind: Activation, Cohort: 1, Sequence: true, Within: 7 * 24 * time.Hour,
				Steps:      []Step{{"project_created", 2, 1}, {"a or b", 3, 2}},
				Governance: activated,
			},
			{Name: "first_report", Kind: TTFV, Cohort: 0, Steps: []Step{{"Signed again", 0, 1}}, Governance: report},
			{Name: "exports", Kind: Adoption, Cohort: 0, Steps: []Step{{"export_run", 4, 1}}, Active: 1, Governance: shared},
		},
		Selectors: []Selector{
			{Text: "signed_up", Names: []string{"signed_up"}},
			{Text: "*"},
			{Text: "project_created", Names: []string{"project_created"}},
			{Text: `a, b where properties.role != "guest"`, Names: []string{"a", "b"}, Where: `properties.role != "guest"`},
			{Text: "export_run", Names: []string{"export_run"}},
		},
	}
	sameZone := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Catalog{}), sameZone); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	c, problems := Load([]byte(minimal("e")))
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
			"f:2:1: error: unknown key \"foo\" in a catalog: the keys are version, product, timezone, week_start, users, " +
				"allowed_lateness, settle, windows, false_alarms_per_month, example_users, defaults, cohorts or metrics\n",
		},
	} {
		c, problems := Load([]byte(test.data))
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
	fill := func(s string) string { return strings.Repeat(s, 60_000/len(s)) }
	for _, s := range []string{
		fill("["), fill("{"), fill("- "), fill("? "), fill("a: "), fill("&a "), fill("!a "), fill("*a "), fill("a\n"), fill("a:\n"),
		fill("'"), fill(`"`), fill("#\n"), fill("\t"), fill("---\n"), fill("a: ["), fill("[\n]\n"), fill("- a: b\n"), fill("\r"),
		"a: |\n" + fill(" x\n"), "a: \"x\n" + fill("  y\n") + `"`, "{" + fill("a: 1,") + "}", "a: &a {x: 1}\n" + fill("<<: *a\n"),
		"metrics: &m [{name: a}]\ncohorts: [" + fill("*m,") + "]",
	} {
		c, problems := Load([]byte(s))
		if c != nil || len(problems) == 0 || len(problems) > 1000 {
			t.Errorf("%.20q…: catalog %v, %d problems", s, c != nil, len(problems))
		}
	}
}

// A misplaced character anywhere gives problems with places inside the file, never a panic.
func TestEveryTruncationAndDeletion(t *testing.T) {
	data, err := os.ReadFile("../../schemas/examples/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Count(data, []byte("\n")) + 1
	for i := 0; i < len(data); i += 13 {
		for _, cut := range [][]byte{data[:i], append(append([]byte(nil), data[:i]...), data[i+1:]...)} {
			_, problems := Load(cut)
			for _, p := range problems {
				if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" || strings.Contains(p.Message, "\n") {
					t.Fatalf("cut at %d: %+v", i, p)
				}
			}
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10m": 10 * time.Minute, "24h": day, "7d": 7 * day, "2w": 14 * day, "1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour,
		"2y": 730 * day, "1y1w1d1h1m1s": 373*day + time.Hour + time.Minute + time.Second, "0s": 0, "0h": 0, "100y": 36500 * day,
	} {
		got, hint := parseDuration(text)
		if got != want || hint != "" {
			t.Errorf("%s is %v (%s), want %v", text, got, hint, want)
		}
		if again, hint := parseDuration(formatDuration(want)); again != want || hint != "" {
			t.Errorf("%v is written as %s, which reads as %v (%s)", want, formatDuration(want), again, hint)
		}
	}
	for _, text := range []string{"", "h", "7", "7 d", "d7", "1h1d", "1d1d", "1mo", "-1d", "1.5h", "101y", "1ms", "9999999999999999999d", "40001d"} {
		if d, hint := parseDuration(text); hint == "" {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
}
