package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
)

const tried = defined + `  - {name: back, kind: retention, cohort: signup, GOV}
experiments:
  - name: form
    hypothesis: Shorter is better
    exposure: {event: viewed, where: 'properties.experiment == "form"'}
    variant: properties.variant
    split: {B: 0.5, A: 0.5}
    control: A
    metrics: [activated, {metric: back, period: 4}]
`

// What decides which users an experiment counts is its definition, and what only compares them takes effect at once.
func TestExperimentDifference(t *testing.T) {
	before := mustLoad(t, gov(tried))
	for _, test := range []struct{ what, from, to, want string }{
		{"the hypothesis", "Shorter is", "Longer is", ""},
		{"the order of variants", "{B: 0.5, A: 0.5}", "{A: 0.5, B: 0.5}", ""},
		{"their shares", "{B: 0.5, A: 0.5}", "{B: 0.25, A: 0.75}", ""},
		{"the control", "control: A", "control: B", ""},
		{"an owner, an effect", "control: A", "control: A\n    owner: p\n    least_effect: 0.1", ""},
		{"a variant", "{B: 0.5, A: 0.5}\n    control: A", "{B: 0.5, C: 0.5}\n    control: B", "form changed: split: A, B -> B, C"},
		{"its end", "control: A", "control: A\n    until: 2027-03-31", "form changed: until: none -> 2027-03-31"},
		{"the exposure", `== "form"`, `== "forms"`, `form changed: exposure: viewed where properties.experiment == "form" -> viewed where properties.experiment == "forms"`},
		{"the path", "properties.variant", "context.variant", "form changed: variant: properties.variant -> context.variant"},
		{"a metric's time", "within: 7d", "within: 14d", "form changed: activated.within: 7d -> 14d"},
		{"a period", "period: 4", "period: 3", "form changed: back.compared: 4 -> 3"},
		{"the zone", "product: acme", "product: acme\ntimezone: Asia/Tokyo", "form changed: timezone: UTC -> Asia/Tokyo"},
		{"its name", "name: form", "name: forms", "forms new; form removed"},
	} {
		t.Run(test.what, func(t *testing.T) {
			after := mustLoad(t, strings.Replace(gov(tried), test.from, test.to, 1))
			d, err := after.Difference(before.Definition())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range d.Experiments {
				if e.State != catalog.Unchanged {
					got = append(got, strings.TrimSuffix(e.Name+" "+e.State.String()+": "+strings.Join(e.Why, "; "), ": "))
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if same := after.Hash() == before.Hash(); same != (test.want == "") || d.Computes() == same {
				t.Errorf("the hash is the same: %v, Computes is %v", same, d.Computes())
			}
		})
	}
}

// Numbers in force show of a later catalog the experiments that both have: comparing takes effect at once, and what was not counted so waits.
func TestExperimentsAsLater(t *testing.T) {
	in := mustLoad(t, gov(tried))
	later := mustLoad(t, strings.NewReplacer("control: A", "control: B", "Shorter", "Longer").Replace(gov(tried)))
	if e := in.As(later).Experiments; len(e) != 1 || e[0].Control != "B" || e[0].Hypothesis != "Longer is better" {
		t.Errorf("governance that changed: %+v", e)
	}
	later = mustLoad(t, strings.NewReplacer("control: A", "control: B", "viewed", "seen").Replace(gov(tried)))
	if e := in.As(later).Experiments; len(e) != 1 || e[0].Control != "A" {
		t.Errorf("an experiment that is counted otherwise: %+v", e)
	}
	if e := in.As(mustLoad(t, gov(defined))).Experiments; len(e) != 0 {
		t.Errorf("an experiment that went: %+v", e)
	}
	if e := mustLoad(t, gov(defined)).As(later).Experiments; len(e) != 0 {
		t.Errorf("an experiment that is not counted yet: %+v", e)
	}
}

// What an experiment computes stands behind the catalog's own cohorts and metrics, and nothing else of the catalog shows it.
func TestComputed(t *testing.T) {
	c := mustLoad(t, gov(tried))
	all := c.Computed()
	if len(c.Metrics) != 4 || len(c.Cohorts) != 2 {
		t.Errorf("the catalog has %d metrics and %d cohorts", len(c.Metrics), len(c.Cohorts))
	}
	var names []string
	for i := range all.Metrics {
		names = append(names, all.Metrics[i].Name)
		if all.Metrics[i].Place != i {
			t.Errorf("%s has the place %d, not %d", all.Metrics[i].Name, all.Metrics[i].Place, i)
		}
	}
	if want := []string{"activated", "exports", "report", "back", "experiment:form:activated", "experiment:form:back"}; !slices.Equal(names, want) {
		t.Errorf("computed are %q, want %q", names, want)
	}
	if last := all.Metrics[5]; all.Cohorts[last.Cohort].Name != "experiment:form" {
		t.Errorf("%s is of %s", last.Name, all.Cohorts[last.Cohort].Name)
	}
}

// Experiments with one exposure keep their own variants.
func TestExperimentsOfOneExposure(t *testing.T) {
	c := mustLoad(t, gov(tried)+`  - {name: more, exposure: {event: viewed, where: 'properties.experiment == "form"'}, variant: properties.variant, split: {B: 0.5, C: 0.5}, control: B, metrics: [activated]}
`)
	matcher := c.NewMatcher()
	for _, test := range []struct {
		variant string
		want    []string // what each experiment takes it for
	}{
		{`"A"`, []string{"A", "other"}},
		{`"B"`, []string{"B", "B"}},
		{`"C"`, []string{"other", "C"}},
		{`1`, []string{"other", "other"}},
		{`""`, []string{"none", "none"}},
		{`null`, []string{"none", "none"}},
		{`["A"]`, []string{"none", "none"}},
	} {
		mask := matcher.Match(&event.Event{Name: "viewed", Properties: []byte(`{"experiment":"form","variant":` + test.variant + `}`)})
		var got []string
		for _, e := range c.Experiments {
			trial, seen := e.Metrics[0].Trial, "none"
			for i, s := range trial.Seen {
				if mask.Has(s) {
					seen = append(slices.Clone(trial.Variants), "other")[i]
				}
			}
			if entered := mask.Has(e.Cohort.Entry); entered != (seen != "none") {
				t.Errorf("%s: %s is entered: %v", test.variant, e.Name, entered)
			}
			got = append(got, seen)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s is taken for %q, want %q", test.variant, got, test.want)
		}
	}
}
