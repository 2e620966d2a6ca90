package catalog

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (l *loader) readDefaults(n *node) {
	if n.kind == nullNode {
		return
	}
	if o, ok := l.object(n, "defaults", defaultKeys); ok {
		l.common(o, &l.defaults)
		l.reviewBy = o.keys["review_by"]
	}
}

// common reads what defaults may fill in.
func (l *loader) common(o object, g *Governance) {
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&g.Owner, o.text("owner", "growth@acme.example"))
	set(&g.Objective, o.text("objective", "More teams that stay"))
	set(&g.Indicator, o.choice("indicator", "", "leading", "lagging"))
	set(&g.Direction, o.choice("direction", "", "up", "down"))
	set(&g.Action, o.text("action", "Call the five newest stalled teams"))
	set(&g.ReviewBy, o.date("review_by"))
	if n := o.get("runbook"); n != nil {
		set(&g.Runbook, l.link(n))
	}
	if n := o.get("labels"); n != nil {
		g.Labels = l.labels(n)
	}
}

func (l *loader) governance(o object, m *Metric) {
	m.Governance = l.defaults
	l.common(o, &m.Governance)
	m.Description = o.text("description", "Teams that invited a colleague")
	l.complete(o, &m.Governance)
	reviewed, own := o.keys["review_by"]
	if !own {
		reviewed = l.reviewBy
	}
	l.catalog.places.reviewBy = append(l.catalog.places.reviewBy, reviewed)
	if n := o.get("target"); n != nil {
		m.Target = l.target(n, m.Kind)
	}
	if n := o.get("guardrails"); n != nil && !n.emptyList() {
		for _, item := range l.items(n, "guardrails", "- {severity: critical, below: 0.2, min_sample: 200}", maxGuardrails) {
			if g, ok := l.guardrail(item, m); ok {
				m.Guardrails = append(m.Guardrails, g)
			}
		}
	}
}

// complete reports what a metric lacks although every metric needs it.
func (l *loader) complete(o object, g *Governance) {
	var missing []string
	for _, f := range []struct{ key, value string }{
		{"owner", g.Owner},
		{"objective", g.Objective},
		{"indicator", g.Indicator},
		{"direction", g.Direction},
		{"action", g.Action},
	} {
		if f.value == "" && o.get(f.key) == nil {
			missing = append(missing, f.key)
		}
	}
	if len(missing) > 0 {
		o.errorf(o.pos, "this metric lacks %s: write it here or under defaults", strings.ReplaceAll(list(missing), " or ", " and "))
	}
}

func (l *loader) link(n *node) string {
	s := l.text(n, "runbook", "https://wiki.acme.example/runbooks/activation")
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		l.errorf(n.pos, "\"runbook\" is a web address, not %s: write it with https://", quoted(s))
		return ""
	}
	return s
}

// labelPattern is what Prometheus and Alertmanager accept as a label's name.
var labelPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (l *loader) labels(n *node) map[string]string {
	if n.kind != mapNode {
		l.errorf(n.pos, "\"labels\" is a mapping, not %s: write for example labels: {team: growth}", describe(n))
		return nil
	}
	if len(n.pairs) > maxLabels {
		l.errorf(n.pos, "\"labels\" has %d entries: write at most %d", len(n.pairs), maxLabels)
		return nil
	}
	out := map[string]string{}
	for _, p := range n.pairs {
		value, ok := l.scalar(p.value, "the label "+quoted(p.key))
		_, twice := out[p.key]
		switch {
		case !ok:
		case !labelPattern.MatchString(p.key):
			l.errorf(p.pos, "the label %s has characters that labels cannot have: write %s", quoted(p.key), nameLike(p.key, "team"))
		case twice:
			l.errorf(p.pos, "the label %q is set twice: remove one", p.key)
		default:
			out[p.key] = value
		}
	}
	return out
}

func (l *loader) target(n *node, kind Kind) *Target {
	o, ok := l.object(n, "a target", targetKeys)
	if !ok {
		return nil
	}
	t := &Target{By: o.date("by")}
	v := o.require("value", "write for example value: 0.40")
	if v == nil {
		return t
	}
	if kind == TTFV {
		if seconds, ok := number(v); ok && seconds > 0 {
			t.Value = seconds
		} else if d, ok := l.duration(v, "value"); ok {
			t.Value = d.Seconds()
		}
		return t
	}
	t.Value, _ = l.rate(v, "value")
	return t
}

// rate reads a share of users from 0 to 1.
func (l *loader) rate(n *node, what string) (float64, bool) {
	v, ok := number(n)
	if !ok || v < 0 || v > 1 {
		l.errorf(n.pos, "%q is a share from 0 to 1, not %s: write 0.22 for 22 %%", what, describe(n))
		return 0, false
	}
	return v, true
}

// guardrail reads one limit. Left out: window is the first of 1d, 1w, 1mo, 1h or any that the catalog has,
// consecutive 1, min_sample 0. For ttfv a duration limits km_p50, a number the share with value by age.
func (l *loader) guardrail(n *node, m *Metric) (g Guardrail, ok bool) {
	o, ok := l.object(n, "a guardrail", guardrailKeys)
	if !ok {
		return g, false
	}
	o.require("severity", "write severity: critical (pages) or warning")
	g.Severity = o.choice("severity", "", "critical", "warning")
	g.Below, g.Above = l.limit(o, "below", m.Kind, &g), l.limit(o, "above", m.Kind, &g)
	l.limits(o, &g)
	g.Window = l.guardrailWindow(o)
	g.MinSample = o.count("min_sample", 0, 0, 1_000_000_000)
	g.Consecutive = o.count("consecutive", 1, 1, 1000)
	g.Age = o.duration("age", 0, time.Minute)
	l.age(o, m, &g)
	if g.MinSample == 0 && (o.get("min_sample") == nil || o.get("min_sample").text == "0") {
		l.warnf(n.pos, "this guardrail has no min_sample: write for example min_sample: 200, so that few users cannot trip it")
	}
	return g, true
}

func (l *loader) limit(o object, key string, kind Kind, g *Guardrail) *float64 {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if d, hint := parseDuration(n.text); kind == TTFV && n.kind == textNode && hint == "" {
		g.Median = true
		seconds := d.Seconds()
		return &seconds
	}
	if kind == TTFV && n.kind == textNode {
		l.errorf(n.pos, "%q is a share from 0 to 1, or a duration for the median, not %s: write for example 0.22 or 2h", key, describe(n))
		return nil
	}
	if v, ok := l.rate(n, key); ok {
		return &v
	}
	return nil
}

// limits checks that below and above fit each other.
func (l *loader) limits(o object, g *Guardrail) {
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

func (l *loader) guardrailWindow(o object) string {
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
	if !slices.Contains(names, n.text) && len(names) > 0 {
		o.errorf(n.pos, "the window %s is not one of the catalog's: write %s, or add it to windows", describe(n), list(names))
	}
	return n.text
}

// age checks that users can be compared at the age: inside the horizon, on a rate of those who entered.
func (l *loader) age(o object, m *Metric, g *Guardrail) {
	n := o.get("age")
	switch {
	case m.Kind == Adoption && n != nil:
		o.errorf(n.pos, "\"age\" does not go with kind adoption, whose rate is of a window: remove it")
	case g.Median && n != nil:
		o.errorf(n.pos, "\"age\" does not go with a limit on the median: remove it, or write the limit as a share")
	case m.Kind == TTFV && !g.Median && n == nil && m.Within == 0 && (g.Below != nil || g.Above != nil):
		o.errorf(o.pos, "by which age? write for example age: 24h")
	case n != nil && m.Within > 0 && g.Age > m.Within:
		o.errorf(n.pos, "\"age\" is longer than within: write at most %s", formatDuration(m.Within))
	}
}
