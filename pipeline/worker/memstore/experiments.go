package memstore

import (
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
)

// trial counts the users of an experiment's metric, by variant.
func (e *evaluator) trial(x *catalog.Experiment, m *catalog.Metric) {
	type dealt struct{ users, eligible, leftOut uint64 }
	counts := map[string]*dealt{}
	over := func(c *placed) bool {
		if m.Periods.Last > 0 {
			return e.ended(m.Periods.Unit, c, m.Trial.Period)
		}
		return e.old(c, int64(m.Within.Seconds()))
	}
	for _, c := range e.cells[about{"entry", x.Cohort.Name, catalog.VariantSegment}] {
		if counts[c.Value] == nil {
			counts[c.Value] = &dealt{}
		}
		n := counts[c.Value]
		n.users += uint64(c.N)
		if over(&c) {
			n.eligible += uint64(c.N)
		}
	}
	did := map[string]uint64{}
	for _, c := range e.cells[about{"reach", m.Name, catalog.VariantSegment}] {
		switch {
		case !over(&c):
		case c.Stage == cohort.TrialLeftOut:
			counts[c.Value].eligible, counts[c.Value].leftOut = counts[c.Value].eligible-uint64(c.N), counts[c.Value].leftOut+uint64(c.N)
		default:
			did[c.Value] += uint64(c.N)
		}
	}
	for variant, n := range counts {
		if n.users == 0 {
			continue
		}
		columns := Row{"users": n.users, "eligible": n.eligible, "left_out": n.leftOut, "value": nil, "as_of": instant(e.asOf)}
		if n.eligible > 0 {
			columns["value"] = float64(did[variant]) / float64(n.eligible)
		}
		e.add("experiment_results", "", Row{"experiment": x.Name, "metric": m.Trial.Of, "variant": variant}, columns)
	}
}
