package catalog

import "time"

// manyMetrics is how many metrics a team can watch.
const manyMetrics = 12

// places are where things stand in the file, for warnings after loading.
type places struct {
	metrics  pos
	reviewBy []pos // per metric; zero when it has none
	targetBy []pos
	target   []pos
	within   []pos
}

// Warnings returns what deserves attention in a catalog that can be used: too many metrics, metrics that are all
// leading or all lagging, reviews and targets that are overdue on the day of today, in the catalog's time zone.
func (c *Catalog) Warnings(today time.Time) Problems {
	var out Problems
	if n := len(c.Metrics); n > manyMetrics {
		out.add(c.places.metrics, Warning, "%d metrics are hard to keep in mind: keep the %d that decisions depend on", n, manyMetrics)
	}
	leading := 0
	for _, m := range c.Metrics {
		if m.Indicator == "leading" {
			leading++
		}
	}
	switch {
	case len(c.Metrics) == 0:
	case leading == 0:
		out.add(c.places.metrics, Warning, "all metrics are lagging indicators: add a leading one, which moves early enough to act on")
	case leading == len(c.Metrics):
		out.add(c.places.metrics, Warning, "all metrics are leading indicators: add a lagging one, which shows whether they lead anywhere")
	}
	day := today.In(c.Location).Format(time.DateOnly)
	for i, m := range c.Metrics {
		if m.ReviewBy != "" && m.ReviewBy < day && i < len(c.places.reviewBy) {
			out.add(c.places.reviewBy[i], Warning, "the review of %s was due on %s: review the metric, then write a later day", m.Name, m.ReviewBy)
		}
	}
	out = append(out, c.pastTargets(day)...)
	out.sort()
	return out
}
