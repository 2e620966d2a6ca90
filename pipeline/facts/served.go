package facts

import "firstlight/pipeline/catalog"

// Served is the part of a state that counts the events of its metric's steps after the entry, and none before: what is before the
// entry does not matter to it, and it shares no activity. Kinds embed it.
type Served struct{ serves catalog.Mask }

// NewServed returns what a state of a metric embeds.
func NewServed(m *catalog.Metric) (s Served) {
	for i := range m.Steps {
		s.serves.Set(m.Steps[i].Selector)
	}
	return s
}

// Uses are none: what an event before the entry was does not matter.
func (*Served) Uses() (none catalog.Mask) { return none }

// Serves are the selectors of the steps.
func (s *Served) Serves() catalog.Mask { return s.serves }

// Shares is none.
func (*Served) Shares() int { return -1 }

// Use is never called.
func (*Served) Use(*User, *Open, Side, int64) bool { return false }
