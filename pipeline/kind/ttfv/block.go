package ttfv

import "firstlight/pipeline/facts"

// Reset forgets the user.
func (s *State) Reset() { s.value.Reset() }

// Encode writes the state.
func (s *State) Encode(w *facts.Writer) {
	if !s.value.Empty() {
		s.value.Encode(w, s.need)
	}
}

// Decode reads a state.
func (s *State) Decode(r *facts.Reader) { s.value.Decode(r, s.need) }

// Upgrade takes over what the first version stored.
func (s *State) Upgrade(m *facts.FirstMetric) { s.value = m.Steps[0] }
