package activation

import "firstlight/pipeline/facts"

// Reset forgets the user.
func (s *State) Reset() {
	for i := range s.steps {
		s.steps[i].Reset()
	}
	s.sequence.Reset()
}

// Encode writes the state.
func (s *State) Encode(w *facts.Writer) {
	if s.def.Sequence {
		if !s.sequence.Empty() {
			s.sequence.Encode(w, s.needs)
		}
		return
	}
	if !s.empty() {
		for i := range s.steps {
			s.steps[i].Encode(w, s.needs[i])
		}
	}
}

func (s *State) empty() bool {
	for i := range s.steps {
		if !s.steps[i].Empty() {
			return false
		}
	}
	return true
}

// Decode reads a state.
func (s *State) Decode(r *facts.Reader) {
	if s.def.Sequence {
		s.sequence.Decode(r, s.needs)
		return
	}
	for i := range s.steps {
		s.steps[i].Decode(r, s.needs[i])
	}
}

// Upgrade takes over what the first version stored.
func (s *State) Upgrade(m *facts.FirstMetric) {
	s.sequence.Reached, s.sequence.Taken, s.sequence.Open = m.Sequence.Reached, m.Sequence.Taken, m.Sequence.Open
	copy(s.steps, m.Steps)
}
