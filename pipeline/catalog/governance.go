package catalog

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

func (l *loader) readDefaults(n *node) {
	if n.kind == nullNode {
		return
	}
	if o, ok := l.object(n, "defaults", defaultKeys); ok {
		l.common(o, &l.defaults)
		l.reviewBy, l.directedAt, l.inDefaults = o.keys["review_by"], o.keys["direction"], o.keys
	}
}

// common reads what defaults may fill in.
func (l *loader) common(o Object, g *Governance) {
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&g.Owner, o.text("owner", "growth@acme.example"))
	set(&g.Objective, o.text("objective", "More teams that stay"))
	set(&g.Indicator, o.Choice("indicator", "", "leading", "lagging"))
	set(&g.Direction, o.Choice("direction", "", "up", "down"))
	set(&g.Action, o.text("action", "Call the five newest stalled teams"))
	set(&g.ReviewBy, o.date("review_by"))
	set(&g.Stage, o.Choice("stage", "", Stages...))
	if n := o.get("runbook"); n != nil {
		set(&g.Runbook, l.link(n))
	}
	if n := o.get("labels"); n != nil {
		g.Labels = l.labels(n)
	}
}

func (l *loader) governance(o Object, m *Metric) {
	m.Governance = l.defaults
	l.common(o, &m.Governance)
	m.Description = o.text("description", "Teams that invited a colleague")
	l.complete(o, &m.Governance)
	reviewed, own := o.keys["review_by"]
	if !own {
		reviewed = l.reviewBy
	}
	l.catalog.places.reviewBy = append(l.catalog.places.reviewBy, reviewed)
	due, aimed := pos{}, pos{}
	if n := o.get("target"); n != nil {
		aimed = n.pos
		m.Target, due = l.target(n, m)
	}
	l.catalog.places.targetBy = append(l.catalog.places.targetBy, due)
	l.catalog.places.target = append(l.catalog.places.target, aimed)
	if n := o.get("predicts"); n != nil {
		if p, ok := l.object(n, "predicts", predictsKeys); ok {
			l.predictions = append(l.predictions, predicting{p, len(l.catalog.Metrics)})
		}
	}
	if n := o.get("guardrails"); n != nil && !n.emptyList() {
		for _, item := range l.items(n, "guardrails", "- {severity: critical, below: 0.2, min_sample: 200}", maxGuardrails) {
			if g, ok := l.guardrail(item, m); ok {
				m.Guardrails = append(m.Guardrails, g)
				l.guardrails = append(l.guardrails, item.pos)
			}
		}
	}
}

// complete reports what a metric lacks although every metric needs it. What defaults hold and is wrong was reported there.
func (l *loader) complete(o Object, g *Governance) {
	var missing []string
	for _, f := range []struct{ key, value string }{
		{"owner", g.Owner},
		{"objective", g.Objective},
		{"indicator", g.Indicator},
		{"direction", g.Direction},
		{"action", g.Action},
	} {
		if _, inDefaults := l.inDefaults[f.key]; f.value == "" && o.get(f.key) == nil && !inDefaults {
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

// target reads a target for a share, or for a time where that is the metric's value. It also returns where the target's day stands.
func (l *loader) target(n *node, m *Metric) (t *Target, due pos) {
	o, ok := l.object(n, "a target", targetKeys)
	if !ok {
		return nil, due
	}
	t = &Target{By: o.date("by"), Period: o.period(m)}
	time := m.Kind.Traits().Time
	v := o.require("value", "write for example value: 0.40")
	switch {
	case v == nil:
	case time == "":
		t.Value, _ = l.rate(v, "value")
	case v.kind == numberNode:
		l.errorf(v.pos, "%s is no %s: write a duration, such as %s", v.text, time, durationLike(v.text))
	default:
		d, _ := l.duration(v, "value")
		t.Value = d.Seconds()
	}
	return t, o.keys["by"]
}

// durationLike suggests durations for a number without a unit.
func durationLike(text string) string {
	if strings.Trim(text, "0123456789") == "" {
		return text + "d or " + text + "h"
	}
	return "5d or 12h"
}

// rate reads a share of users from 0 to 1.
func (l *loader) rate(n *node, what string) (float64, bool) {
	v, ok := number(n)
	if ok && v > 1 && v <= 100 {
		l.errorf(n.pos, "%q is a share from 0 to 1, not %s: write %s", what, describe(n), strconv.FormatFloat(v/100, 'f', -1, 64))
		return 0, false
	}
	if !ok || v < 0 || v > 1 {
		l.errorf(n.pos, "%q is a share from 0 to 1, not %s: write 0.22 for 22 %%", what, describe(n))
		return 0, false
	}
	return v, true
}
