package catalog

import (
	"slices"
	"unsafe"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
	"github.com/tidwall/gjson"

	"firstlight/pipeline/event"
)

// Matcher says which selectors of a catalog an event matches. It is not safe for concurrent use; the catalog it
// came from is.
type Matcher struct {
	selectors []Selector
	programs  []cel.Program
	byName    map[string]*candidates
	others    candidates // of every name that is not in byName
	exposures []int      // selectors of the exposures of experiments
	failures  []uint64
	exclusion exclusion
	vars      variables
}

// candidates are the selectors that one event name can match.
type candidates struct {
	sure Mask  // without an expression
	asks []int // with an expression, to be evaluated
}

// NewMatcher returns a matcher for the selectors of c.
func (c *Catalog) NewMatcher() *Matcher {
	m := &Matcher{
		selectors: c.Selectors,
		programs:  c.programs,
		byName:    map[string]*candidates{},
		failures:  make([]uint64, len(c.Selectors)),
		exclusion: newExclusion(c.Exclude),
	}
	m.vars.properties.budget, m.vars.context.budget = &m.vars.budget, &m.vars.budget
	if len(m.programs) != len(m.selectors) { // a catalog that Load did not make
		m.programs = make([]cel.Program, len(m.selectors))
		for i, s := range m.selectors {
			if s.Where != "" {
				m.programs[i], _ = compile(s.Where) // nil counts as a failure at each event
			}
		}
	}
	for _, s := range m.selectors {
		for _, name := range s.Names {
			m.byName[name] = &candidates{}
		}
	}
	for i, s := range m.selectors {
		if s.Exposure == nil {
			m.file(i, s)
		} else {
			m.exposures = append(m.exposures, i)
		}
	}
	return m
}

// file puts a selector under its names; selectors of any event go under every name.
func (m *Matcher) file(i int, s Selector) {
	put := func(c *candidates) {
		if s.Where == "" {
			c.sure.Set(i)
		} else {
			c.asks = append(c.asks, i)
		}
	}
	for _, name := range s.Names {
		put(m.byName[name])
	}
	if s.Names != nil {
		return
	}
	put(&m.others)
	for _, c := range m.byName {
		put(c)
	}
}

// Match returns the selectors that ev matches. An expression that fails does not match and is counted.
func (m *Matcher) Match(ev *event.Event) Mask {
	c := m.candidates(ev.Name)
	mask := c.sure
	if len(c.asks) > 0 {
		m.vars.reset(ev)
	}
	for _, i := range c.asks {
		if m.holds(i) {
			mask.Set(i)
		}
	}
	m.expose(ev, &mask)
	return mask
}

// expose adds the exposures among the events that an experiment's selector takes.
func (m *Matcher) expose(ev *event.Event, mask *Mask) {
	text, of := "", &Exposure{Of: NoSelector}
	for _, i := range m.exposures {
		x := m.selectors[i].Exposure
		if !mask.Has(x.Of) {
			continue
		}
		if of.Of != x.Of || !slices.Equal(of.Path, x.Path) { // those of one experiment stand together
			text, of = ev.Text(x.Path), x
		}
		if x.takes(ev.Time, text) {
			mask.Set(i)
		}
	}
}

func (m *Matcher) candidates(name string) *candidates {
	if c, known := m.byName[name]; known {
		return c
	}
	return &m.others
}

func (m *Matcher) holds(i int) bool {
	holds, failed := m.vars.evaluate(m.programs[i])
	if failed {
		m.failures[i]++
	}
	return holds
}

// Excludes reports whether the catalog leaves ev out, whatever else it is. An expression that fails leaves nothing out and is counted.
func (m *Matcher) Excludes(ev *event.Event) bool {
	if m.exclusion.text == "" {
		return false
	}
	m.vars.reset(ev)
	holds, failed := m.vars.evaluate(m.exclusion.program)
	if failed {
		m.exclusion.failures++
	}
	return holds
}

// Failures returns how many events each selector's expression failed on, by the selector's text, without the zeros; that of
// exclude under "exclude.where: " and its text.
func (m *Matcher) Failures() map[string]uint64 {
	out := map[string]uint64{}
	for i, n := range m.failures {
		if n > 0 {
			out[m.selectors[i].Text] = n
		}
	}
	if n := m.exclusion.failures; n > 0 {
		out[m.exclusion.text] = n
	}
	return out
}

// FailureCounts returns the same by the selector's index. The slice is the caller's.
func (m *Matcher) FailureCounts() []uint64 { return append([]uint64(nil), m.failures...) }

// AddFailures continues counts that were taken before, such as those of a checkpoint. Texts that the catalog does
// not have are left out.
func (m *Matcher) AddFailures(counts map[string]uint64) {
	for i, s := range m.selectors {
		m.failures[i] += counts[s.Text]
	}
	m.exclusion.failures += counts[m.exclusion.text]
}

// ResetFailures sets all counts to zero.
func (m *Matcher) ResetFailures() {
	clear(m.failures)
	m.exclusion.failures = 0
}

// variables are what expressions see of one event.
type variables struct {
	budget              budget
	event               *event.Event
	properties, context jsonObject
}

func (v *variables) reset(ev *event.Event) {
	v.event = ev
	v.properties.reset(rawObject(ev.Properties))
	v.context.reset(rawObject(ev.Context))
}

// ResolveName implements interpreter.Activation.
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return types.String(v.event.Name), true
	case "properties":
		return &v.properties, true
	case "context":
		return &v.context, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (v *variables) Parent() interpreter.Activation { return nil }

// rawObject is a view of the bytes, not a copy: they do not change while the event is in use.
func rawObject(b []byte) gjson.Result {
	if len(b) == 0 {
		return gjson.Result{Type: gjson.JSON, Raw: "{}"}
	}
	return gjson.Parse(unsafe.String(unsafe.SliceData(b), len(b)))
}
