package catalog

import (
	"encoding/json"
	"time"
)

// MarshalJSON writes a guardrail as the catalog does: {"severity": "warning", "above": "5d", "window": "1w"}.
func (g Guardrail) MarshalJSON() ([]byte, error) {
	written := struct {
		Severity    string `json:"severity"`
		Below       any    `json:"below,omitempty"`
		Above       any    `json:"above,omitempty"`
		Age         string `json:"age,omitempty"`
		Window      string `json:"window,omitempty"`
		MinSample   int    `json:"min_sample,omitempty"`
		Consecutive int    `json:"consecutive,omitempty"`
	}{
		Severity: g.Severity, Below: g.limit(g.Below), Above: g.limit(g.Above), Window: g.Window, MinSample: g.MinSample, Consecutive: g.Consecutive,
	}
	if g.Age != 0 {
		written.Age = formatDuration(g.Age)
	}
	return json.Marshal(written)
}

// limit is a share, or a duration in words where the median is limited; nil when there is none.
func (g Guardrail) limit(value *float64) any {
	switch {
	case value == nil:
		return nil
	case g.Median:
		return formatDuration(time.Duration(*value * float64(time.Second)))
	default:
		return *value
	}
}
