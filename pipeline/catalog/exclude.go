package catalog

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Exclude says which events and users the whole catalog leaves out, such as test accounts.
type Exclude struct {
	Where     string // CEL source in canonical form of events that are ignored; empty when there is none
	UsersWith int    // selector index of events whose users are left out; NoSelector when there is none

	program cel.Program
}

// ExcludesUsers returns the index of the selector of events whose users are left out, NoSelector when there is none.
func (c *Catalog) ExcludesUsers() int {
	if c.Exclude == nil {
		return NoSelector
	}
	return c.Exclude.UsersWith
}

func (l *loader) exclude(n *node) {
	const advice = "write where for events, or users_with for users"
	if n.kind == nullNode {
		return
	}
	o, ok := l.object(n, "exclude", excludeKeys)
	if !ok {
		return
	}
	if len(o.fields) == 0 {
		l.errorf(n.pos, "exclude leaves nothing out: %s", advice)
	}
	e := &Exclude{UsersWith: NoSelector}
	if w := o.get("where"); w != nil {
		if x := l.where(w, nil); x != nil {
			e.Where, e.program = x.text, x.program
			if e.Where == "true" {
				l.errorf(w.pos, "every event meets this condition, so nothing would count: write one that only what is left out meets")
			}
		}
	}
	if u := o.get("users_with"); u != nil {
		l.usersWith(e, u)
	}
	l.catalog.Exclude = e
}

// usersWith reads the selector of events whose users are left out.
func (l *loader) usersWith(e *Exclude, n *node) {
	e.UsersWith = l.selector(n, "users_with")
	if e.UsersWith == NoSelector {
		return
	}
	s := &l.catalog.Selectors[e.UsersWith]
	switch {
	case s.Text == AnyEvent:
		l.errorf(n.pos, "every event is one of these, so no user would count: write the event or the condition that only those have who are left out")
	case s.Where != "" && s.Where == e.Where:
		l.warnf(n.pos, "an event that exclude's where ignores leaves no user out, and this condition is the same: remove where, or say otherwise who is left out")
	}
}

// doubtExclude warns of a cohort that nobody is left in.
func (l *loader) doubtExclude(n *node) {
	users := l.catalog.ExcludesUsers()
	if users == NoSelector {
		return
	}
	for _, c := range l.catalog.Cohorts {
		if c.Entry == users && !c.FirstSeen {
			l.warnf(n.pos, "exclude leaves out every user who enters cohort %s: write a condition that only some of them meet", c.Name)
		}
	}
}

// words says what is left out: "events where properties.test == true; users with any event where properties.bot == true". It is empty
// where nothing is.
func (e *Exclude) words(c *Catalog) string {
	if e == nil {
		return ""
	}
	var parts []string
	if e.Where != "" {
		parts = append(parts, "events where "+e.Where)
	}
	if e.UsersWith != NoSelector {
		parts = append(parts, "users with "+c.Selectors[e.UsersWith].Words())
	}
	return strings.Join(parts, "; ")
}

// excludeDefinition is what an exclusion adds to every definition.
type excludeDefinition struct {
	Where     string `json:"where,omitempty"`
	UsersWith string `json:"users_with,omitempty"`
}

func (c *Catalog) defineExclude() *excludeDefinition {
	if c.Exclude == nil {
		return nil
	}
	d := &excludeDefinition{Where: c.Exclude.Where}
	if i := c.Exclude.UsersWith; i != NoSelector {
		d.UsersWith = c.Selectors[i].Text
	}
	return d
}

func (d *excludeDefinition) fields() []field {
	if d == nil {
		d = &excludeDefinition{}
	}
	return []field{{"exclude.where", d.Where}, {"exclude.users_with", d.UsersWith}}
}

// DefineExclude spells what is left out, for what depends on it; empty where nothing is.
func (c *Catalog) DefineExclude() string {
	if c.Exclude == nil {
		return ""
	}
	return string(encode(c.defineExclude()))
}

// exclusion is what a Matcher knows of events that are left out.
type exclusion struct {
	text     string // for the count of failures
	program  cel.Program
	failures uint64
}

func newExclusion(e *Exclude) exclusion {
	if e == nil || e.Where == "" {
		return exclusion{}
	}
	x := exclusion{text: "exclude.where: " + e.Where, program: e.program}
	if x.program == nil { // a catalog that Load did not make
		x.program, _ = compile(e.Where) // nil counts as a failure at each event
	}
	return x
}

// evaluate reports whether an expression holds of the event in vars, and whether it failed.
func (v *variables) evaluate(program cel.Program) (holds, failed bool) {
	if program == nil {
		return false, true
	}
	v.budget.left = maxComparisons
	value, _, err := program.Eval(v)
	if err == nil && value == types.True {
		return true, false
	}
	return false, value != types.False && value != types.NullValue && value != errMissing
}
