package activation

import (
	"fmt"
	"time"

	"firstlight/pipeline/catalog"
)

// earlyAges are the ages at which users are compared before their time is over.
var earlyAges = []time.Duration{time.Hour, 24 * time.Hour}

// Ages are an hour and a day, where they lie within the time allowed, and that time.
func (Kind) Ages(m *catalog.Metric) (all []time.Duration) {
	for _, age := range earlyAges {
		if age < m.Within {
			all = append(all, age)
		}
	}
	return append(all, m.Within)
}

// Figure is such as "Activation within 24 h (activated)".
func (Kind) Figure(m *catalog.Metric, within string, _ bool) string {
	return fmt.Sprintf("Activation within %s (%s)", within, m.Name)
}
