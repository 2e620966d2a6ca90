package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
)

// Each change of a catalog, and what becomes of its cohorts and metrics.
func TestDifference(t *testing.T) {
	before := mustLoad(t, gov(defined)).Definition()
	for _, test := range []struct {
		what, from, to string
		want           string
	}{
		{"nothing", "product: acme", "product: acme", ""},
		{"an owner", "owner: o", "owner: p", ""},
		{"the product", "product: acme", "product: acme2", ""},
		{"settling", "product: acme", "product: acme\nsettle: 0s", ""},
		{"a time", "within: 7d", "within: 14d", "metric activated changed: within: 7d -> 14d"},
		{"a step", "project_created,", "project_made,", "metric activated changed: steps: project_created; 2 times invite_sent -> project_made; 2 times invite_sent"},
		{"a window", "[1h, 1d]", "[1h]", "metric exports changed: windows: 1h, 1d -> 1h"},
		{
			"a cohort", "grain: week", "grain: day",
			"cohort signup changed: grain: week -> day\nmetric activated changed: the cohort signup is changed\nmetric report changed: the cohort signup is changed",
		},
		{"another cohort", "kind: ttfv, cohort: signup", "kind: ttfv, cohort: everyone", "metric report changed: cohort: signup -> everyone"},
		{"a name", "name: exports", "name: downloads", "metric downloads new\nmetric exports removed"},
		{
			"a cohort's name", "cohort: everyone, feature", "cohort: all, feature",
			"cohort all new\ncohort everyone removed\nmetric exports changed: cohort: everyone -> all; the cohort all is new",
		},
		{
			"a zone", "product: acme", "product: acme\ntimezone: Asia/Tokyo",
			"timezone: UTC -> Asia/Tokyo\nmetric activated changed: timezone: UTC -> Asia/Tokyo\nmetric exports changed: timezone: UTC -> Asia/Tokyo\nmetric report changed: timezone: UTC -> Asia/Tokyo",
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			text := strings.Replace(gov(defined), test.from, test.to, 1)
			if test.what == "a cohort's name" {
				text = strings.Replace(text, "name: everyone", "name: all", 1)
			}
			d, err := mustLoad(t, text).Difference(before)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, describeDifference(d)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if want := test.want != ""; d.Computes() != want {
				t.Errorf("Computes is %v, want %v", d.Computes(), want)
			}
		})
	}
	if _, err := mustLoad(t, gov(defined)).Difference([]byte("{")); err == nil {
		t.Error("a broken definition is compared")
	}
}

func TestDifferenceOfReaders(t *testing.T) {
	text := gov(defined) + gov("  - {name: back, kind: retention, cohort: signup, period: week, periods: 4, after: activated, GOV}\n")
	d, err := mustLoad(t, strings.Replace(text, "within: 7d", "within: 8d", 1)).Difference(mustLoad(t, text).Definition())
	if err != nil {
		t.Fatal(err)
	}
	want := "metric activated changed: within: 7d -> 8d\nmetric back changed: the metric activated is changed"
	if diff := cmp.Diff(want, describeDifference(d)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Where metrics only go, or come in another order, nothing is computed.
func TestDifferenceWithoutComputing(t *testing.T) {
	base := mustLoad(t, gov(defined)).Definition()
	lines := strings.SplitAfter(gov(defined), "\n")
	for what, less := range map[string][]string{
		"a metric less":    slices.Delete(slices.Clone(lines), 8, 9),
		"in another order": append(append(slices.Clone(lines[:7]), lines[9], lines[8]), lines[7]),
	} {
		d, err := mustLoad(t, strings.Join(less, "")).Difference(base)
		if err != nil {
			t.Fatal(err)
		}
		if d.Computes() {
			t.Errorf("%s: %s", what, describeDifference(d))
		}
	}
}

// TestDifferenceFollowsHashes: a metric is unchanged exactly if its hash is, and the windows are where it is counted by window.
func TestDifferenceFollowsHashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(which string) *catalog.Catalog {
			pick := func(what string, values ...string) string {
				return rapid.SampledFrom(values).Draw(t, which+" "+what)
			}
			text := fmt.Sprintf(strings.NewReplacer("acme\n", "acme\ntimezone: %s\n", "[1h, 1d]", "%s", "grain: week", "grain: %s", "within: 7d", "within: %s").Replace(gov(defined)),
				pick("zone", "UTC", "UTC", "UTC", "Asia/Tokyo"), pick("windows", "[1h, 1d]", "[1d]"), pick("grain", "week", "day"), pick("within", "7d", "168h", "8d"))
			return mustLoad(t, text+gov("  - {name: back, kind: retention, cohort: signup, period: week, periods: 4, after: activated, GOV}\n"))
		}
		before, after := draw("before"), draw("after")
		d, err := after.Difference(before.Definition())
		if err != nil {
			t.Fatal(err)
		}
		for i := range after.Metrics {
			same := before.MetricHash(i) == after.MetricHash(i)
			if after.Metrics[i].Name == "exports" {
				same = same && len(before.Windows) == len(after.Windows)
			}
			if got := d.Metrics[i].State == catalog.Unchanged; got != same {
				t.Errorf("metric %s: unchanged is %v, want %v (%v)", after.Metrics[i].Name, got, same, d.Metrics[i].Why)
			}
		}
	})
}

func describeDifference(d *catalog.Difference) string {
	lines := slices.Clone(d.Everywhere)
	for what, parts := range map[string][]catalog.Part{"cohort": d.Cohorts, "metric": d.Metrics} {
		for _, p := range parts {
			if p.State == catalog.Unchanged {
				continue
			}
			line := what + " " + p.Name + " " + p.State.String()
			if len(p.Why) > 0 {
				line += ": " + strings.Join(p.Why, "; ")
			}
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	return strings.Join(lines, "\n")
}

// rank sorts lines that are of no part before those of cohorts before those of metrics.
func rank(line string) string {
	for i, what := range []string{"cohort ", "metric "} {
		if strings.HasPrefix(line, what) {
			return fmt.Sprint(i + 1)
		}
	}
	return ""
}

// TestAs: what is shown of a later catalog while the numbers are of an earlier one.
func TestAs(t *testing.T) {
	back := gov("  - {name: back, kind: retention, cohort: signup, period: week, periods: 4, after: activated, GOV}\n")
	base := gov(defined) + back
	names := func(c *catalog.Catalog) (out []string) {
		for i := range c.Metrics {
			m := &c.Metrics[i]
			out = append(out, fmt.Sprintf("%s %d %s %s", m.Name, m.Place, m.Owner, c.NameOf(m.Periods.After, m)))
		}
		return out
	}
	lines := strings.SplitAfter(base, "\n")
	for _, test := range []struct {
		what, later string
		want        []string
	}{
		{"the same", base, []string{"activated 0 o ", "exports 1 o ", "report 2 o ", "back 3 o activated"}},
		{"other owners", strings.ReplaceAll(base, "owner: o", "owner: p"), []string{"activated 0 p ", "exports 1 p ", "report 2 p ", "back 3 p activated"}},
		{
			"one that changed keeps its owner", strings.ReplaceAll(strings.Replace(base, "export_run", "export_done", 1), "owner: o", "owner: p"),
			[]string{"activated 0 p ", "exports 1 o ", "report 2 p ", "back 3 p activated"},
		},
		{"less, in another order", strings.Join(append(slices.Clone(lines[:7]), lines[10], lines[7]), ""), []string{"back 3 o activated", "activated 0 o "}},
		{
			"one goes that another read", strings.Join(lines[:7], "") + strings.Replace(back, "after: activated, ", "", 1),
			[]string{"back 3 o activated", "activated 0 o "},
		},
		{"more", base + strings.Replace(back, "name: back", "name: again", 1), []string{"activated 0 o ", "exports 1 o ", "report 2 o ", "back 3 o activated"}},
	} {
		if diff := cmp.Diff(test.want, names(mustLoad(t, base).As(mustLoad(t, test.later)))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.what, diff)
		}
	}
	// What a metric stands for is found where it stands now.
	predicts := func(text string) string {
		return strings.Replace(strings.Replace(text, "after: activated", "split_by: activated", 1), "cohort: signup, within", "predicts: {metric: back, period: 4}, cohort: signup, within", 1)
	}
	moved := mustLoad(t, predicts(base)).As(mustLoad(t, predicts(strings.Join(append(slices.Clone(lines[:7]), lines[10], lines[7]), ""))))
	if p := moved.Metrics[1].Predicts; p == nil || moved.Metrics[p.Metric].Name != "back" {
		t.Errorf("what activated stands for is %v", p)
	}
	shown := mustLoad(t, base).As(mustLoad(t, strings.Replace(base, "product: acme", "product: acme2\nsettle: 0s", 1)))
	if shown.Product != "acme2" || shown.Settle != 0 {
		t.Errorf("the product is %s and settles in %s", shown.Product, shown.Settle)
	}
}
