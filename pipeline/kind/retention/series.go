package retention

import (
	"fmt"
	"strings"
	"time"

	"firstlight/pipeline/catalog"
)

// Ages are none: users are followed by period.
func (Kind) Ages(*catalog.Metric) []time.Duration { return nil }

// Figure is such as "Retention in week 4 (weekly_return)".
func (Kind) Figure(m *catalog.Metric, period string, _ bool) string {
	return fmt.Sprintf("Retention in %s %s (%s)", strings.ReplaceAll(m.Periods.Unit.String(), "_", " "), period, m.Name)
}
