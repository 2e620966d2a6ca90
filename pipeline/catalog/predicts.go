package catalog

import (
	"math"
	"slices"

	"firstlight/pipeline/nearest"
)

// Prediction says which lagging metric a leading one stands for: users who reach the leading one come back more.
type Prediction struct {
	Metric int     // index of the metric whose periods tell, which is split by the one that predicts
	Period int     // the one that is compared; it begins when nobody can reach the leading metric any more
	Least  float64 // smallest difference of the two rates that is worth having, a share
}

// leastPrediction is the smallest difference that is worth having where the catalog does not say.
const leastPrediction = 0.02

// predicting is a metric that names one it stands for.
type predicting struct {
	of Object
	by int
}

// predicts reads what a metric stands for once all metrics are known.
func (l *loader) predicts() {
	for _, p := range l.predictions {
		m := &l.catalog.Metrics[p.by]
		if m.Indicator == "lagging" {
			l.warnf(p.of.pos, "%s is lagging, and what comes late predicts nothing: write indicator: leading, or remove \"predicts\"", m.Name)
		}
		n := p.of.require("metric", "write the retention that it stands for")
		if n == nil {
			continue
		}
		name := l.text(n, "metric", "weekly_return")
		if other := l.predicted(n, name, m, p.by); other != NoMetric {
			m.Predicts = &Prediction{Metric: other, Period: l.predictedPeriod(p.of, m, &l.catalog.Metrics[other]), Least: leastPrediction}
			if least := p.of.get("least"); least != nil {
				m.Predicts.Least, _ = l.rate(least, "least")
			}
		}
	}
}

// predicted returns the metric that is named, NoMetric after reporting why it cannot be, or when there is no name.
func (l *loader) predicted(n *node, name string, m *Metric, by int) int {
	at := slices.IndexFunc(l.catalog.Metrics, func(other Metric) bool { return name != "" && other.Name == name })
	if at < 0 {
		l.noMetric(n, name, l.splitBy(by))
		return NoMetric
	}
	other := &l.catalog.Metrics[at]
	switch {
	case !m.Kind.Traits().Milestone:
		l.errorf(n.pos, "%q goes with kind %s, whose users get there or not, and %s is of kind %s: remove it", "predicts", list(l.milestoneKinds()), m.Name, m.Kind)
	case other.Periods.Last == 0:
		l.errorf(n.pos, "%q takes a metric that follows users in periods, and %s is of kind %s%s", "predicts", quoted(name), other.Kind, orWrite(l.splitBy(by)))
	case other.Cohort != m.Cohort:
		l.errorf(n.pos, "%q takes a metric of the same cohort, and %s is of cohort %s%s", "predicts", quoted(name), l.catalog.Cohorts[other.Cohort].Name, orWrite(l.splitBy(by)))
	case other.Periods.Split != by:
		l.errorf(n.pos, "%s does not tell apart who reached %s and who did not: write split_by: %s in %s", quoted(name), m.Name, m.Name, name)
	default:
		return at
	}
	return NoMetric
}

// noMetric reports a name that no metric has.
func (l *loader) noMetric(n *node, name string, fit []string) {
	switch near := nearest.Name(name, fit); {
	case name == "":
	case near != "":
		l.errorf(n.pos, "there is no metric %s: write %s", quoted(name), near)
	default:
		l.errorf(n.pos, "there is no metric %s%s", quoted(name), orWrite(fit))
	}
}

// splitBy names the metrics that tell users apart by one.
func (l *loader) splitBy(by int) (names []string) {
	for i := range l.catalog.Metrics {
		if m := &l.catalog.Metrics[i]; m.Periods.Last > 0 && m.Periods.Split == by {
			names = append(names, m.Name)
		}
	}
	return names
}

// predictedPeriod reads which period is compared, the first that may be unless it is said.
func (l *loader) predictedPeriod(o Object, m, other *Metric) int {
	first := 0
	for first <= other.Periods.Last && other.Periods.Unit.begins(first) < m.Within.Hours() {
		first++
	}
	if first > other.Periods.Last {
		l.errorf(o.pos, "every period of %s begins while users may still reach %s, which has within %s: write more periods there", other.Name, m.Name, formatDuration(m.Within))
		return 0
	}
	k := o.count("period", first, 0, other.Periods.Last)
	if k < first {
		l.errorf(o.get("period").pos, "period %d of %s begins while users may still reach %s, which has within %s: write period: %d or more", k, other.Name, m.Name, formatDuration(m.Within), first)
	}
	return k
}

// begins is the least time in hours from a user's start to the beginning of period k; those of the calendar begin before the user starts
// and are counted from the next.
func (u Unit) begins(k int) float64 {
	switch u {
	case PeriodDay, PeriodWeek:
		return float64(24 * u.Days() * k)
	case CalendarMonth:
		return math.Max(0, float64(24*28*(k-1)))
	default:
		return math.Max(0, float64(24*u.Days()*(k-1)))
	}
}
