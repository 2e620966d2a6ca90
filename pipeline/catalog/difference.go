package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Difference says what a catalog asks for beside an earlier one: what has to be computed from the stream's start, what goes, and what
// stays as it is counted.
type Difference struct {
	Everywhere []string // what belongs to every definition and differs, such as "timezone: UTC -> Asia/Tokyo"
	Cohorts    []Part   // in the order of the catalog, those that went last
	Metrics    []Part
	Voices     []Part

	Experiments []Part
}

// Part is a cohort or a metric of either catalog.
type Part struct {
	Name  string
	State PartState
	Why   []string // of one that changed: what differs, such as "within: 7d -> 14d"
}

// PartState is what became of a part.
type PartState int

// The states of a part. An added or changed one is computed from the stream's start.
const (
	Unchanged PartState = iota
	Added
	Changed
	Removed
)

func (s PartState) String() string {
	return [...]string{"unchanged", "new", "changed", "removed"}[s]
}

// Computes reports whether something is to be computed that the earlier catalog does not give.
func (d *Difference) Computes() bool {
	return len(d.Everywhere) > 0 || slices.ContainsFunc(d.parts(), func(p Part) bool { return p.State == Added || p.State == Changed })
}

// parts are those of every sort.
func (d *Difference) parts() []Part {
	return slices.Concat(d.Cohorts, d.Metrics, d.Experiments, d.Voices)
}

// Loses reports whether something that the earlier catalog counted is counted otherwise, so that what is computed of it needs all events
// that were counted before.
func (d *Difference) Loses() bool {
	return len(d.Everywhere) > 0 || slices.ContainsFunc(d.parts(), func(p Part) bool { return p.State == Changed })
}

// Of returns the metrics and experiments in a state, by name.
func (d *Difference) Of(state PartState) (names []string) {
	for _, p := range slices.Concat(d.Metrics, d.Experiments) {
		if p.State == state {
			names = append(names, p.Name)
		}
	}
	return names
}

// Difference compares the catalog with an earlier definition. The product's name, settle and the order of cohorts and metrics decide
// no number; windows decide those of metrics that are counted by window.
func (c *Catalog) Difference(earlier []byte) (*Difference, error) {
	var before, after definition
	if err := json.Unmarshal(earlier, &before); err != nil {
		return nil, fmt.Errorf("read the definition of an earlier catalog: %w", err)
	}
	if err := json.Unmarshal(c.Definition(), &after); err != nil {
		return nil, fmt.Errorf("read the definition of the catalog: %w", err)
	}
	var everywhere, windows differences
	everywhere.fields("", before.everywhere(), after.everywhere())
	windows.fields("", before.windows(), after.windows())
	d := &Difference{Everywhere: everywhere, Cohorts: compareParts(before.cohorts(), after.cohorts()), Voices: compareParts(before.voices(), after.voices())}
	names := c.stepsKeys()
	d.Metrics = compareParts(before.metrics(names), after.metrics(names))
	for i := range c.Metrics { // compareParts keeps their order
		m := &c.Metrics[i]
		if cohort := &d.Cohorts[m.Cohort]; cohort.State != Unchanged {
			d.Metrics[i].touch("the cohort " + cohort.Name + " is " + cohort.State.String())
		}
		if m.Kind.Traits().ByWindow.View != "" {
			d.Metrics[i].touch(windows...)
		}
		d.Metrics[i].touch(everywhere...)
	}
	d.Experiments = compareParts(before.experiments(names), after.experiments(names))
	for i := range c.Experiments {
		d.Experiments[i].touch(everywhere...)
	}
	for i := range c.Metrics {
		for _, other := range c.Metrics[i].Reads() {
			if read := &d.Metrics[other]; read.State != Unchanged {
				d.Metrics[i].touch("the metric " + read.Name + " is " + read.State.String())
			}
		}
	}
	return d, nil
}

// touch has a part that was there before be changed by what it depends on.
func (p *Part) touch(why ...string) {
	if len(why) == 0 || p.State == Added {
		return
	}
	p.State, p.Why = Changed, append(p.Why, why...)
}

// compareParts returns the parts of after in their order, then those that went.
func compareParts(before, after []part) []Part {
	out := make([]Part, 0, len(after))
	for _, is := range after {
		p := Part{Name: is.name, State: Added}
		if i := find(before, is.name); i >= 0 {
			var why differences
			why.fields("", before[i].fields, is.fields)
			p.State = Unchanged
			p.touch(why...)
		}
		out = append(out, p)
	}
	for _, was := range before {
		if find(after, was.name) < 0 {
			out = append(out, Part{Name: was.name, State: Removed})
		}
	}
	return out
}

// As returns what the numbers of a catalog show of a later one: the metrics that both have, as they are counted, and those that these
// read; and all that takes effect at once, the governance of metrics that did not change included.
func (c *Catalog) As(later *Catalog) *Catalog {
	d, err := later.Difference(c.Definition())
	if err != nil {
		panic("BUG: a definition cannot be compared: " + err.Error())
	}
	shown := *c
	shown.Product, shown.Settle, shown.FalseAlarms, shown.ExampleUsers, shown.Sources, shown.Review = later.Product, later.Settle, later.FalseAlarms, later.ExampleUsers, later.Sources, later.Review
	shown.Metrics, shown.Voices = nil, c.voicesOf(later)
	byWindow, named := false, []string{}
	for i, part := range d.Metrics {
		if part.State == Added || part.State == Removed {
			continue
		}
		m := c.Metrics[c.named(part.Name)]
		predicts := c.predicted(&m)
		if part.State == Unchanged {
			m.Governance = later.Metrics[i].Governance
			predicts = later.predicted(&m)
		}
		named = append(named, predicts)
		byWindow = byWindow || m.Kind.Traits().ByWindow.View != ""
		shown.Metrics = append(shown.Metrics, m)
	}
	if !byWindow {
		shown.Windows = later.Windows
	}
	for i, name := range named {
		shown.Metrics[i].predict(shown.named(name))
	}
	shown.readWithin(c)
	shown.Experiments = c.experimentsAs(later, d)
	return &shown
}

// experimentsAs are the experiments that both catalogs have, as they are counted: what takes effect at once is that of a later catalog.
func (c *Catalog) experimentsAs(later *Catalog, d *Difference) (shown []Experiment) {
	for i, part := range d.Experiments {
		if part.State == Added || part.State == Removed {
			continue
		}
		e := c.Experiments[slices.IndexFunc(c.Experiments, func(e Experiment) bool { return e.Name == part.Name })]
		if part.State == Unchanged {
			now := &later.Experiments[i]
			e.Hypothesis, e.Owner, e.Variants, e.Control, e.Least = now.Hypothesis, now.Owner, now.Variants, now.Control, now.Least
			e.Metrics = slices.Clone(e.Metrics)
			for m := range e.Metrics { // their definition lists them in order
				e.Metrics[m].Governance = now.Metrics[m].Governance
			}
		}
		shown = append(shown, e)
	}
	return shown
}

// named returns where a catalog has the metric of a name, NoMetric where it has none.
func (c *Catalog) named(name string) int {
	return slices.IndexFunc(c.Metrics, func(m Metric) bool { return m.Name == name })
}

// predicted is the name of the metric that one of a catalog stands for; empty where there is none.
func (c *Catalog) predicted(m *Metric) string {
	if m.Predicts == nil {
		return ""
	}
	return c.Metrics[m.Predicts.Metric].Name
}

// predict has a metric stand for the one that has another place now, or for none.
func (m *Metric) predict(other int) {
	if m.Predicts == nil || other == NoMetric {
		m.Predicts = nil
		return
	}
	p := *m.Predicts
	p.Metric = other
	m.Predicts = &p
}

// readWithin has the metrics of a part of a catalog find those that they read, which it takes over where the part lacks them.
func (c *Catalog) readWithin(all *Catalog) {
	for i := range c.Metrics { // what is read reads nothing itself
		reads := c.Metrics[i].Reads()
		at := map[int]int{NoMetric: NoMetric}
		for _, other := range reads {
			place := slices.IndexFunc(c.Metrics, func(m Metric) bool { return m.Place == all.Metrics[other].Place })
			if place < 0 {
				place = len(c.Metrics)
				c.Metrics = append(c.Metrics, all.Metrics[other])
			}
			at[other] = place
		}
		if p := &c.Metrics[i].Periods; len(reads) > 0 {
			p.After, p.Split = at[p.After], at[p.Split]
		}
	}
}

// everywhere is what every number depends on.
func (d *definition) everywhere() []field {
	return append([]field{
		{"timezone", d.Timezone}, {"week_start", d.WeekStart}, {"users", d.Users}, {"allowed_lateness", d.Lateness},
	}, d.Exclude.fields()...)
}

func (d *definition) windows() []field { return []field{{"windows", strings.Join(d.Windows, ", ")}} }

// stepsKeys is what the catalog calls the steps of each metric.
func (c *Catalog) stepsKeys() map[string]string {
	keys := map[string]string{}
	for i := range c.Metrics {
		keys[c.Metrics[i].Name] = c.Metrics[i].Kind.Keys()[0]
	}
	return keys
}

// Kept says what of a catalog stays as an earlier one counts it.
type Kept struct {
	Metrics, Cohorts []bool // by index in the computed catalog
}

// Any reports whether some metric stays, an experiment's included: else all is computed anew.
func (k *Kept) Any() bool { return slices.Contains(k.Metrics, true) }

// Kept returns what of the catalog stays by the difference to an earlier one.
func (c *Catalog) Kept(d *Difference) *Kept {
	all := c.Computed()
	k := &Kept{Metrics: make([]bool, len(all.Metrics)), Cohorts: make([]bool, len(all.Cohorts))}
	if len(d.Everywhere) > 0 {
		return k
	}
	stays := map[string]bool{}
	for _, p := range d.Experiments {
		stays[hidden+p.Name] = p.State == Unchanged
	}
	for i := range all.Cohorts {
		k.Cohorts[i] = stays[all.Cohorts[i].Name] || i < len(c.Cohorts) && d.Cohorts[i].State == Unchanged
	}
	for i := range all.Metrics {
		k.Metrics[i] = i < len(c.Metrics) && d.Metrics[i].State == Unchanged || i >= len(c.Metrics) && k.Cohorts[all.Metrics[i].Cohort]
	}
	return k
}
