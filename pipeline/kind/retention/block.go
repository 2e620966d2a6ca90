package retention

import "firstlight/pipeline/facts"

// Reset forgets the user.
func (s *State) Reset() {
	s.settled, s.never, s.start, s.until, s.times = false, false, 0, 0, s.times[:0]
	s.tally.reset()
}

// What the first number of a block says.
const (
	isOpen    = iota // times follow
	isSettled        // the periods with returns follow
	isNever          // nothing does: the user does not start
)

// Encode writes the state. A settled start without events is found again.
func (s *State) Encode(w *facts.Writer) {
	switch {
	case s.never:
		w.Uint(isNever)
	case s.settled && !s.tally.empty():
		w.Uint(isSettled)
		s.encodeTally(w)
	case len(s.times) > 0:
		w.Uint(isOpen)
		s.encodeTimes(w)
	}
}

func (s *State) encodeTally(w *facts.Writer) {
	if s.after != nil {
		w.Time(s.start)
	}
	t := &s.tally
	w.Uint(uint64(t.returns.Last + 1))
	w.Uint(t.returns.In[0])
	if s.periods.Last > 63 {
		w.Uint(t.returns.In[1])
	}
	if s.least.n == 1 {
		return
	}
	w.Uint(uint64(len(t.partial)))
	for _, p := range t.partial {
		w.Uint(uint64(p.period))
		w.Uint(uint64(p.n))
	}
}

// Decode reads a state.
func (s *State) Decode(r *facts.Reader) {
	if !r.More() {
		return
	}
	switch r.Uint() {
	case isNever:
		s.settled, s.never = true, true
	case isSettled:
		s.settled = true
		s.decodeTally(r)
	case isOpen:
		s.decodeTimes(r)
	default:
		r.Fail()
	}
}

func (s *State) decodeTally(r *facts.Reader) {
	if s.after != nil {
		s.start = r.Time()
	}
	t := &s.tally
	t.returns.Last = int(r.Uint()) - 1
	t.returns.In[0] = r.Uint()
	if s.periods.Last > 63 {
		t.returns.In[1] = r.Uint()
	}
	if s.least.n == 1 {
		return
	}
	for range r.Count() {
		t.partial = append(t.partial, partial{int(r.Uint()), uint32(r.Uint())})
	}
}

// Upgrade takes over nothing: the first version had no such metrics.
func (s *State) Upgrade(*facts.FirstMetric) {}
