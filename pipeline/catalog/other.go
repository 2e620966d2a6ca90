package catalog

import (
	"slices"
)

// Metrics that name other metrics of their cohort, which may stand anywhere in the file.

// NoMetric is the index of no metric.
const NoMetric = -1

// NameOf is the name of a metric that another's periods depend on; empty where there is none.
func (c *Catalog) NameOf(other int, m *Metric) string {
	if m.Periods.Last == 0 || other == NoMetric {
		return ""
	}
	return c.Metrics[other].Name
}

// mentioned is a place where one metric names another.
type mentioned struct {
	key  string
	name *node
	by   int // index of the metric that names it
	set  func(m *Metric, other int)
}

// Milestone reads the name of another metric of the cohort that users reach in time or do not, and sets its index once all metrics
// are read.
func (o Object) Milestone(key string, set func(m *Metric, other int)) {
	if n := o.get(key); n != nil {
		o.others = append(o.others, mentioned{key, n, len(o.catalog.Metrics), set})
	}
}

// resolve finds the metrics that others name.
func (l *loader) resolve() {
	for _, r := range l.others {
		if name := l.text(r.name, r.key, "activated"); name != "" {
			if other := l.milestone(r, name); other != NoMetric {
				r.set(&l.catalog.Metrics[r.by], other)
			}
		}
	}
}

// milestone returns the metric that is named, NoMetric after reporting why it cannot be.
func (l *loader) milestone(r mentioned, name string) int {
	m := &l.catalog.Metrics[r.by]
	var fit []string
	for i := range l.catalog.Metrics {
		if other := &l.catalog.Metrics[i]; other.Name != "" && other.Cohort == m.Cohort && other.Kind.Traits().Milestone {
			fit = append(fit, other.Name)
		}
	}
	at := slices.IndexFunc(l.catalog.Metrics, func(other Metric) bool { return other.Name == name })
	switch {
	case at >= 0 && slices.Contains(fit, name):
		return at
	case at >= 0 && l.catalog.Metrics[at].Kind.Traits().Milestone:
		l.errorf(r.name.pos, "%q takes a metric of the same cohort, and %s is of cohort %s%s", r.key, quoted(name), l.catalog.Cohorts[l.catalog.Metrics[at].Cohort].Name, orWrite(fit))
	case at >= 0:
		l.errorf(r.name.pos, "%q takes a metric of kind %s, and %s is of kind %s%s", r.key, list(l.milestoneKinds()), quoted(name), l.catalog.Metrics[at].Kind, orWrite(fit))
	default:
		l.noMetric(r.name, name, fit)
	}
	return NoMetric
}

func orWrite(names []string) string {
	if len(names) == 0 {
		return ": add one, or remove the key"
	}
	return ": write " + list(names)
}

func (l *loader) milestoneKinds() (names []string) {
	for _, k := range l.kinds {
		if k.Traits().Milestone {
			names = append(names, k.String())
		}
	}
	return names
}
