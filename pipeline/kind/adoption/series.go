package adoption

import (
	"fmt"
	"time"

	"firstlight/pipeline/catalog"
)

// Ages are none: the users of a window are compared, whatever their age.
func (Kind) Ages(*catalog.Metric) []time.Duration { return nil }

// Figure is such as "Adoption (exports)".
func (Kind) Figure(m *catalog.Metric, _ string, _ bool) string {
	return fmt.Sprintf("Adoption (%s)", m.Name)
}
