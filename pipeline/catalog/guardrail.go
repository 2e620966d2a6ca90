package catalog

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Guardrails: what one is, how it is read and checked, what is odd about it, and how it is written again.

// Guardrail is a limit that on-call wants to know about.
type Guardrail struct {
	Severity     string        // critical or warning
	Below, Above *float64      // shares of users; seconds when Median
	Median       bool          // ttfv: the limit is on km_p50
	Age          time.Duration // 0: the metric's within
	Window       string
	Period       *int // the one that is limited, where users are followed in periods; else nil
	MinSample    int
	Consecutive  int
}

// guardrail reads one limit. Left out: window is the first of 1d, 1w, 1mo, 1h or any that the catalog has,
// consecutive 1, min_sample 0. Where the value is a time, a duration limits its median, a number the share that has it by age.
func (l *loader) guardrail(n *node, m *Metric) (g Guardrail, ok bool) {
	o, ok := l.object(n, "a guardrail", guardrailKeys)
	if !ok {
		return g, false
	}
	o.require("severity", "write severity: critical (pages) or warning")
	g.Severity = o.Choice("severity", "", "critical", "warning")
	g.Below, g.Above = l.limit(o, "below", m, &g), l.limit(o, "above", m, &g)
	l.limits(o, &g)
	g.Window = l.guardrailWindow(o)
	g.MinSample = o.count("min_sample", 0, 0, 1_000_000_000)
	g.Consecutive = o.count("consecutive", 1, 1, 1000)
	g.Age = o.duration("age", 0, time.Minute)
	if period := o.period(m); m.Periods.Last > 0 {
		g.Period = &period
	}
	m.Kind.CheckGuardrail(o, m, &g)
	if g.MinSample == 0 && (o.get("min_sample") == nil || o.get("min_sample").text == "0") {
		l.warnf(n.pos, "this guardrail has no min_sample: write for example min_sample: 200, so that few users cannot trip it")
	}
	return g, true
}

func (l *loader) limit(o Object, key string, m *Metric, g *Guardrail) *float64 {
	n := o.get(key)
	if n == nil {
		return nil
	}
	isTime := m.Kind.Traits().Time != ""
	if d, hint := parseDuration(n.text); isTime && n.kind == textNode && hint == "" {
		g.Median = true
		seconds := d.Seconds()
		return &seconds
	}
	if isTime && n.kind == textNode {
		l.errorf(n.pos, "%q is a share from 0 to 1, or a duration for the median, not %s: write for example 0.22 or 2h", key, describe(n))
		return nil
	}
	if v, ok := l.rate(n, key); ok {
		return &v
	}
	return nil
}

// limits checks that below and above fit each other.
func (l *loader) limits(o Object, g *Guardrail) {
	below, above := o.get("below"), o.get("above")
	switch {
	case below == nil && above == nil:
		o.errorf(o.pos, "a guardrail needs a limit: write below: 0.22 or above: 0.90")
	case g.Below == nil || g.Above == nil:
	case (below.kind == textNode) != (above.kind == textNode):
		o.errorf(above.pos, "\"below\" and \"above\" limit different things: write both as shares or both as durations")
	case *g.Below >= *g.Above:
		o.errorf(above.pos, "no value can be right: \"above\" must be larger than \"below\"")
	}
}

func (l *loader) guardrailWindow(o Object) string {
	names := make([]string, len(l.catalog.Windows))
	for i, w := range l.catalog.Windows {
		names[i] = w.Name
	}
	n := o.get("window")
	if n == nil {
		for _, name := range []string{"1d", "1w", "1mo", "1h"} {
			if slices.Contains(names, name) {
				return name
			}
		}
		return strings.Join(names[:min(1, len(names))], "")
	}
	if !slices.Contains(names, n.text) && len(names) > 0 && !slices.Contains(l.badWindows, n.text) {
		o.errorf(n.pos, "the window %s is not one of the catalog's: write %s, or add it to windows", describe(n), list(names))
	}
	return n.text
}

// CheckAge checks the age of a guardrail on users who are followed from their entry: it lies inside the horizon, and belongs to a share.
func (o Object) CheckAge(m *Metric, g *Guardrail) {
	n := o.get("age")
	switch {
	case n == nil:
	case g.Median:
		o.errorf(n.pos, "\"age\" does not go with a limit on the median: remove it, or write the limit as a share")
	case m.Within > 0 && g.Age > m.Within:
		o.errorf(n.pos, "\"age\" is longer than within: write at most %s", formatDuration(m.Within))
	}
}

// guardrailSides finds limits on the side where the metric is good, and warnings that come after what they warn of.
func (l *loader) guardrailSides(m *Metric) {
	isTime := m.Kind.Traits().Time != ""
	if m.Direction == "" || isTime && m.Direction == "up" {
		return
	}
	for i := range m.Guardrails {
		g := &m.Guardrails[i]
		// Of a time the share that has it by an age is good when it is high.
		goodAbove := m.Direction == "up" || isTime && !g.Median
		good, key := g.Above, "above"
		if !goodAbove {
			good, key = g.Below, "below"
		}
		if good != nil && g.Severity == "critical" {
			l.warnf(l.guardrails[i], "this pages when the metric is good, which is %s: write %s, or severity: warning", map[bool]string{true: "up", false: "down"}[goodAbove], map[string]string{"above": "below", "below": "above"}[key])
		}
		for j := range m.Guardrails {
			if critical := &m.Guardrails[j]; g.Severity == "warning" && critical.Severity == "critical" && g.comparable(critical) && g.looser(critical) {
				l.warnf(l.guardrails[i], "this warning comes after the critical limit of line %d: make it the tighter of the two", l.guardrails[j].line)
				break
			}
		}
	}
}

// comparable reports whether two guardrails limit the same figure.
func (g *Guardrail) comparable(other *Guardrail) bool {
	return g.Median == other.Median && g.Age == other.Age && g.Window == other.Window && samePeriod(g.Period, other.Period)
}

func samePeriod(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// looser reports whether a guardrail's limit is passed only where the other's was.
func (g *Guardrail) looser(other *Guardrail) bool {
	return g.Below != nil && other.Below != nil && *g.Below < *other.Below || g.Above != nil && other.Above != nil && *g.Above > *other.Above
}

// MarshalJSON writes a guardrail as the catalog does: {"severity": "warning", "above": "5d", "window": "1w"}.
func (g Guardrail) MarshalJSON() ([]byte, error) {
	written := struct {
		Severity    string `json:"severity"`
		Below       any    `json:"below,omitempty"`
		Above       any    `json:"above,omitempty"`
		Age         string `json:"age,omitempty"`
		Period      *int   `json:"period,omitempty"`
		Window      string `json:"window,omitempty"`
		MinSample   int    `json:"min_sample,omitempty"`
		Consecutive int    `json:"consecutive,omitempty"`
	}{
		Severity: g.Severity, Below: g.limit(g.Below), Above: g.limit(g.Above), Period: g.Period, Window: g.Window, MinSample: g.MinSample, Consecutive: g.Consecutive,
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
