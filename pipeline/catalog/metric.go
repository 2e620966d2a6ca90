package catalog

import (
	"slices"
	"strings"
)

func (l *loader) metrics(n *node) {
	const example = "- {name: activated, kind: activation, cohort: signup, …}"
	places := map[string]int{}
	for _, item := range l.items(n, "metrics", example, maxMetrics) {
		m := l.metric(item)
		if line := places[m.Name]; m.Name != "" && line != 0 {
			l.errorf(item.pos, "there is already a metric %q on line %d: write another name", m.Name, line)
		}
		places[m.Name] = item.line
		l.catalog.Metrics = append(l.catalog.Metrics, m)
	}
}

func (l *loader) metric(n *node) (m Metric) {
	kind := kindOf(n)
	o, ok := l.object(l.ofKind(n, kind), "a metric", slices.Concat(metricKeys, keysOfKind(kind)))
	if !ok {
		return m
	}
	m.Name = o.name("activated")
	o.require("kind", "write kind: activation, ttfv or adoption")
	o.choice("kind", "", "activation", "ttfv", "adoption")
	if c := o.require("cohort", "write the name of a cohort"); c != nil {
		m.Cohort = l.reference(c)
	}
	m.Within = o.wholeHours("within")
	switch kind {
	case "activation":
		l.activation(o, &m)
	case "ttfv":
		l.ttfv(o, &m)
	case "adoption":
		l.adoption(o, &m)
	}
	l.governance(o, &m)
	return m
}

// kindOf peeks at the kind, which decides the keys; "" when it is missing or wrong.
func kindOf(n *node) string {
	for _, p := range n.pairs {
		if _, known := kindKeys[p.value.text]; p.key == "kind" && known {
			return p.value.text
		}
	}
	return ""
}

func keysOfKind(kind string) []string {
	if kind != "" {
		return kindKeys[kind]
	}
	return []string{"steps", "order", "within", "value", "feature", "active"}
}

// ofKind reports and removes keys that belong to another kind of metric.
func (l *loader) ofKind(n *node, kind string) *node {
	if kind == "" {
		return n
	}
	rest := *n
	rest.pairs = nil
	for _, p := range n.pairs {
		if !slices.Contains(kindKeys[kind], p.key) && slices.Contains(keysOfKind(""), p.key) {
			l.errorf(p.pos, "%q does not go with kind %s, which has %s: remove it, or change the kind", p.key, kind, list(kindKeys[kind]))
			continue
		}
		rest.pairs = append(rest.pairs, p)
	}
	return &rest
}

func (l *loader) activation(o object, m *Metric) {
	m.Kind = Activation
	m.Sequence = o.choice("order", "any", "any", "sequence") == "sequence"
	o.require("within", "write the time a user has, such as within: 7d")
	if n := o.require("steps", "write at least one, such as - {event: project_created}"); n != nil {
		for _, item := range l.items(n, "steps", "[project_created]", maxSteps) {
			m.Steps = l.step(m.Steps, item)
		}
	}
}

// step appends a step. A step without a name is named after its events; two steps of one name are an error,
// because views tell steps apart by name.
func (l *loader) step(before []Step, n *node) []Step {
	s, at := l.stepOf(n, "a step", stepKeys)
	if s.Name != "" && slices.ContainsFunc(before, func(o Step) bool { return o.Name == s.Name }) {
		l.errorf(at, "there is already a step %s: write another name, such as name: %s", quoted(s.Name), s.Name+" again")
	}
	return append(before, s)
}

func (l *loader) stepOf(n *node, of string, keys []string) (s Step, named pos) {
	s.Count, named = 1, n.pos
	if n.kind != mapNode {
		s.Selector = l.selector(n, of)
	} else {
		o, _ := l.object(n, of, keys)
		s.Selector = l.selectorOf(o)
		s.Count = o.count("count", 1, 1, maxCount)
		if name := o.get("name"); name != nil {
			s.Name, named = o.text("name", "Created a project"), name.pos
		}
		if len(s.Name) > maxValue {
			l.errorf(named, "the name is too long: write at most %d bytes", maxValue)
		}
	}
	if s.Name == "" && s.Selector != noSelector {
		s.Name = stepName(l.catalog.Selectors[s.Selector])
	}
	return s, named
}

// stepName names a step after its events.
func stepName(s Selector) string {
	if s.Names == nil {
		return "any event"
	}
	return strings.Join(s.Names, " or ")
}

func (l *loader) ttfv(o object, m *Metric) {
	m.Kind = TTFV
	if n := o.require("value", "write the first event of value, such as value: {event: report_shared}"); n != nil {
		s, _ := l.stepOf(n, "a value", stepKeys)
		m.Steps = []Step{s}
	}
}

func (l *loader) adoption(o object, m *Metric) {
	m.Kind = Adoption
	if n := o.require("feature", "write the event of its use, such as feature: {event: export_run}"); n != nil {
		s, _ := l.stepOf(n, "a feature", featureKeys)
		m.Steps = []Step{s}
	}
	active := o.get("active")
	switch {
	case active == nil:
		m.Active = l.intern(Selector{}, nil, o.pos, true)
	case active.kind == mapNode:
		a, _ := l.object(active, "active", activeKeys)
		m.Active = l.selectorOf(a)
	default:
		m.Active = l.selector(active, "active")
	}
}
