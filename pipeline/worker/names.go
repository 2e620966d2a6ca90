package worker

import (
	"firstlight/pipeline/facts"
)

// The caps on names that come from outside, per partition. What comes later is counted as (other).
const (
	maxSegmentValues = 1000
	maxSources       = 500
	maxEventNames    = 500
)

// Scopes of names.
const (
	scopeSegment = "segment:"
	scopeSource  = "source:"
	scopeSources = "sources"
)

// names numbers texts for the keys of cells, and admits values up to a cap. Which values are admitted depends on
// the order of the stream, so they are stored.
type names struct {
	partition uint16
	texts     []string
	numbers   map[string]uint32
	admitted  map[string]map[string]struct{} // by scope
	fresh     []Name                         // not stored yet
	capped    map[string]uint64              // values that became (other), by scope
	events    map[sourceEvent][2]uint32      // numbers of admitted sources and their events
}

type sourceEvent struct{ source, event string }

func newNames(partition uint16) *names {
	return &names{partition: partition, numbers: make(map[string]uint32), admitted: make(map[string]map[string]struct{}), capped: make(map[string]uint64), events: make(map[sourceEvent][2]uint32)}
}

// number returns the number of a text.
func (n *names) number(text string) uint32 {
	if i, ok := n.numbers[text]; ok {
		return i
	}
	i := uint32(len(n.texts))
	n.texts = append(n.texts, text)
	n.numbers[text] = i
	return i
}

// text returns the text of a number.
func (n *names) text(number uint32) string { return n.texts[number] }

// load admits a stored name.
func (n *names) load(scope, value string) { n.scope(scope)[value] = struct{}{} }

func (n *names) scope(scope string) map[string]struct{} {
	values := n.admitted[scope]
	if values == nil {
		values = make(map[string]struct{})
		n.admitted[scope] = values
	}
	return values
}

// admit returns the value, or (other) when the scope is full and does not hold it.
func (n *names) admit(scope, value string, limit int, seq uint64) string {
	values := n.scope(scope)
	if _, ok := values[value]; ok {
		return value
	}
	if len(values) >= limit {
		n.capped[scope]++
		return facts.Other
	}
	values[value] = struct{}{}
	n.fresh = append(n.fresh, Name{Partition: n.partition, Scope: scope, Value: value, Version: seq})
	return value
}

// event returns the numbers of a source and of one of its events, both subject to their caps.
func (n *names) event(source, event string, seq uint64) (sourceNumber, eventNumber uint32) {
	key := sourceEvent{source, event}
	if numbers, ok := n.events[key]; ok {
		return numbers[0], numbers[1]
	}
	s := n.admit(scopeSources, source, maxSources, seq)
	e := n.admit(scopeSource+s, event, maxEventNames, seq)
	numbers := [2]uint32{n.number(s), n.number(e)}
	if s == source && e == event { // what is capped is not remembered: it has no bound
		n.events[key] = numbers
	}
	return numbers[0], numbers[1]
}
