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
		m.Place = len(l.catalog.Metrics)
		l.catalog.Metrics = append(l.catalog.Metrics, m)
	}
}

func (l *loader) metric(n *node) (m Metric) {
	kind := l.kindOf(n)
	l.steps, l.guardrails = nil, nil
	o, ok := l.object(l.ofKind(n, kind), "a metric", slices.Concat(metricKeys, l.keysOf(kind)))
	if !ok {
		return m
	}
	m.Name = o.name("activated")
	o.require("kind", "write kind: "+list(l.kindNames()))
	o.Choice("kind", "", l.kindNames()...)
	if c := o.require("cohort", "write the name of a cohort"); c != nil {
		m.Cohort = l.reference(c)
	}
	m.Within = o.wholeHours("within")
	m.Kind, m.Active = l.kinds[0], NoSelector
	if kind != nil {
		m.Kind = kind
		kind.Read(o, &m)
	}
	l.governance(o, &m)
	l.sense(o, &m)
	l.catalog.places.within = append(l.catalog.places.within, o.keys["within"])
	return m
}

// kindOf peeks at the kind, which decides the keys; nil when it is missing or wrong. A synonym will be reported, and is meant.
func (l *loader) kindOf(n *node) Kind {
	for _, p := range n.pairs {
		if p.key != "kind" && meantKey(p.key, metricKeys) != "kind" {
			continue
		}
		if kind := l.kindMeant(p.value.text); kind != nil {
			return kind
		}
	}
	return nil
}

// keysOf lists the keys that a kind has beside the common ones, those of all kinds for one that is not known.
func (l *loader) keysOf(kind Kind) []string {
	if kind != nil {
		return kind.Keys()
	}
	return l.kindKeys()
}

// ofKind reports and removes keys that belong to another kind of metric.
func (l *loader) ofKind(n *node, kind Kind) *node {
	if kind == nil {
		return n
	}
	rest := *n
	rest.pairs = nil
	for _, p := range n.pairs {
		if !slices.Contains(kind.Keys(), p.key) && slices.Contains(l.kindKeys(), p.key) {
			l.errorf(p.pos, "%q does not go with kind %s, which has %s: remove it, or change the kind", p.key, kind, list(kind.Keys()))
			continue
		}
		rest.pairs = append(rest.pairs, p)
	}
	return &rest
}

// Steps reads a required list of steps, which users reach at their count-th event, or on their count-th day with one. advice says what to write for one that is missing.
func (o Object) Steps(key, advice string) (steps []Step) {
	if n := o.require(key, advice); n != nil {
		for _, item := range o.items(n, key, "[project_created]", maxSteps) {
			steps = o.step(steps, item)
		}
	}
	return steps
}

// Step reads a required single step, which users reach as those of Steps. of is what it is, for messages.
func (o Object) Step(key, of, advice string) []Step { return o.only(key, of, advice, stepKeys) }

// Use reads a required single step that every event is, so that none has to be counted.
func (o Object) Use(key, of, advice string) []Step { return o.only(key, of, advice, useKeys) }

// UseOrAny reads an optional selector as the single step; any event when the key is missing. of is what it is, for messages.
func (o Object) UseOrAny(key, of string) []Step {
	if n := o.get(key); n != nil {
		s, _ := o.stepOf(n, of, selectorKeys)
		return []Step{s}
	}
	o.steps = append(o.steps, written{pos: o.pos})
	s := Step{Selector: o.Selector(key), Count: 1}
	if s.Selector != NoSelector {
		s.Name = stepName(o.catalog.Selectors[s.Selector])
	}
	return []Step{s}
}

func (o Object) only(key, of, advice string, keys []string) []Step {
	n := o.require(key, advice)
	if n == nil {
		return nil
	}
	s, _ := o.stepOf(n, of, keys)
	return []Step{s}
}

// Selector reads a selector; any event when the key is missing.
func (o Object) Selector(key string) int {
	n := o.get(key)
	if n == nil {
		return o.intern(Selector{}, nil, o.pos, true)
	}
	return o.selector(n, key)
}

// step appends a step. A step without a name is named after its events; two steps of one name are an error,
// because views tell steps apart by name.
func (l *loader) step(before []Step, n *node) []Step {
	s, at := l.stepOf(n, "a step", stepKeys)
	twice := slices.IndexFunc(before, func(o Step) bool { return o.Name == s.Name })
	switch {
	case s.Name == "" || twice < 0:
	case s.Selector == before[twice].Selector && !s.Days && !before[twice].Days && !l.steps[len(l.steps)-1].named:
		l.errorf(at, "the step %s is there twice: write it once, with count: %d", quoted(s.Name), before[twice].Count+s.Count)
	default:
		l.errorf(at, "there is already a step %s: write another name, such as name: %s", quoted(s.Name), s.Name+" again")
	}
	return append(before, s)
}

func (l *loader) stepOf(n *node, of string, keys []string) (s Step, named pos) {
	s.Count, named = 1, n.pos
	at := written{pos: n.pos, count: n.pos}
	if n.kind != mapNode {
		s.Selector = l.selector(n, of)
	} else {
		o, _ := l.object(n, of, keys)
		s.Selector = l.selectorOf(o)
		s.Count, s.Days = o.needed()
		at.count = o.at("count")
		if name := o.get("name"); name != nil {
			s.Name, named, at.named = o.text("name", "Created a project"), name.pos, true
		}
		if len(s.Name) > maxValue {
			l.errorf(named, "the name is too long: write at most %d bytes", maxValue)
		}
	}
	if s.Name == "" && s.Selector != NoSelector {
		s.Name = stepName(l.catalog.Selectors[s.Selector])
	}
	l.steps = append(l.steps, at)
	return s, named
}

// needed reads how many events a step takes, and whether it takes local days with events instead. One day is one event.
func (o Object) needed() (count int, days bool) {
	count = o.count("count", 1, 1, maxCount)
	distinct := o.get("distinct")
	if distinct == nil || o.Choice("distinct", "", distinctDay) == "" {
		return count, false
	}
	if count == 1 {
		o.warnf(distinct.pos, "\"distinct\" says nothing without a count: write for example count: 3, distinct: %s for 3 different days", distinctDay)
	}
	return count, count > 1
}

// distinctDay is the only thing of which different ones are counted.
const distinctDay = "day"

// stepName names a step after its events.
func stepName(s Selector) string {
	if s.Names == nil {
		return "any event"
	}
	return strings.Join(s.Names, " or ")
}

// Takes reports whether a step takes the events of a selector's text.
func (o Object) Takes(s Step, text string) bool {
	return s.Selector != NoSelector && o.catalog.Selectors[s.Selector].Text == text
}
