package ttfv

import (
	"fmt"
	"time"

	"firstlight/pipeline/catalog"
)

// ages are more than those of other kinds: whatever the median is, one of them is near it.
var ages = []time.Duration{5 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour, 72 * time.Hour, 168 * time.Hour}

// Ages are from minutes to a week, where they lie within the horizon, and a horizon that is shorter than that.
func (Kind) Ages(m *catalog.Metric) (all []time.Duration) {
	for _, age := range ages {
		if m.Within == 0 || age < m.Within {
			all = append(all, age)
		}
	}
	if m.Within > 0 && m.Within < ages[len(ages)-1] {
		all = append(all, m.Within)
	}
	return all
}

// Figure is such as "First value within 24 h (first_report)", or "The median time to first value (first_report)".
func (Kind) Figure(m *catalog.Metric, within string, median bool) string {
	switch {
	case median:
		return fmt.Sprintf("The median time to first value (%s)", m.Name)
	case within == "":
		return fmt.Sprintf("First value (%s)", m.Name)
	}
	return fmt.Sprintf("First value within %s (%s)", within, m.Name)
}
