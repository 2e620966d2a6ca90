package catalog

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
)

// AnyEvent is the text of the selector that takes every event.
const AnyEvent = "*"

// maxEventName is the longest name an event can have, in bytes.
const maxEventName = 200

// NoSelector is the index of no selector: there is none, or it has problems, and then the catalog is never returned.
const NoSelector = -1

// selector reads a selector in any of its forms: a name, or a mapping.
func (l *loader) selector(n *node, of string) int {
	switch n.kind {
	case mapNode:
		o, _ := l.object(n, of, selectorKeys)
		return l.selectorOf(o)
	case textNode:
		names, ok := l.events(n)
		return l.intern(Selector{Names: names}, nil, n.pos, ok)
	}
	example := "{event: signed_up}"
	if n.kind == listNode {
		example = "{event: [invite_sent, invite_accepted]}"
	}
	l.errorf(n.pos, "%s is an event, not %s: write for example %s", of, describe(n), example)
	return NoSelector
}

// selectorOf reads the keys event and where of a mapping.
func (l *loader) selectorOf(o Object) int {
	n := o.require("event", "write event: with a name, a list of names, or \"*\" for any")
	var s Selector
	ok := n != nil
	if ok {
		s.Names, ok = l.events(n)
	}
	w := o.get("where")
	if w == nil {
		return l.intern(s, nil, o.pos, ok)
	}
	expression := l.where(w, s.Names)
	if expression == nil {
		return NoSelector
	}
	s.Where = expression.text
	return l.intern(s, expression.program, o.pos, ok)
}

// events reads the names of a selector, sorted; nil means any event.
func (l *loader) events(n *node) (names []string, ok bool) {
	items := []*node{n}
	if n.kind == listNode {
		items = l.items(n, "event", "[invite_sent, invite_accepted]", maxNames)
	}
	before := len(l.problems)
	for _, item := range items {
		name := l.eventName(item)
		switch {
		case name == "":
		case name == AnyEvent && len(items) > 1:
			l.errorf(item.pos, "\"*\" means any event: write event: \"*\" alone, or only the names")
		case slices.Contains(names, name):
			l.errorf(item.pos, "the event %s is listed twice: remove one", quoted(name))
		default:
			names = append(names, name)
			l.sawEvent(item.pos, name)
		}
	}
	if slices.Equal(names, []string{AnyEvent}) {
		return nil, true
	}
	slices.Sort(names)
	return names, len(names) > 0 && !l.problems[before:].Failed()
}

func (l *loader) eventName(n *node) string {
	// The name is taken as it is: events may be named " x" or "42".
	switch {
	case n.kind != textNode:
		if n.kind == numberNode || n.kind == boolNode {
			l.errorf(n.pos, "an event's name is text: write %s in quotes", quoted(n.text))
		} else {
			l.errorf(n.pos, "an event's name is text, not %s: write for example event: signed_up", describe(n))
		}
		return ""
	case n.text == "":
		l.errorf(n.pos, "an event's name is empty: write for example event: signed_up")
	case len(n.text) > maxEventName:
		l.errorf(n.pos, "the event name %s is too long: no event has a name of more than %d bytes", quoted(n.text), maxEventName)
		return ""
	case strings.TrimSpace(n.text) != n.text:
		l.oddName(n)
	case n.text != AnyEvent && strings.Contains(n.text, "*"):
		l.warnf(n.pos, "%s matches only an event of exactly this name: for several events write a list of names", quoted(n.text))
	}
	return n.text
}

// intern returns the index of the selector with the canonical text of s, adding it when it is new. ok is
// false when the selector has problems.
func (l *loader) intern(s Selector, program cel.Program, at pos, ok bool) int {
	if !ok {
		return NoSelector
	}
	s.Text = selectorText(s)
	if x := s.Exposure; x != nil {
		s.Text = x.words() + l.catalog.Selectors[x.Of].Text
	}
	if i, ok := l.selectors[s.Text]; ok {
		return i
	}
	c := l.catalog
	if len(c.Selectors) == MaxSelectors {
		l.errorf(at, "this catalog has more than %d different selectors: remove some metrics", MaxSelectors)
		return NoSelector
	}
	i := len(c.Selectors)
	l.selectors[s.Text] = i
	c.Selectors = append(c.Selectors, s)
	c.programs = append(c.programs, program)
	return i
}

var simpleName = regexp.MustCompile(`^[\pL\pN_.:/$-]+( [\pL\pN_.:/$-]+)*$`)

// selectorText is the canonical form: the same for two selectors exactly if they select the same way.
func selectorText(s Selector) string {
	text := AnyEvent
	if s.Names != nil {
		names := make([]string, len(s.Names))
		for i, name := range s.Names {
			if names[i] = name; !simpleName.MatchString(name) || strings.Contains(name, " where ") {
				b, _ := json.Marshal(name) // a string always marshals
				names[i] = string(b)
			}
		}
		text = strings.Join(names, ", ")
	}
	if s.Where != "" {
		text += " where " + s.Where
	}
	return text
}
