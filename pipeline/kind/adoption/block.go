package adoption

import "firstlight/pipeline/facts"

// Reset forgets the user.
func (s *State) Reset() {
	s.FirstEver, s.First = 0, 0
	s.before.Reset()
	s.after.Reset()
}

// Encode writes the state.
func (s *State) Encode(w *facts.Writer) {
	if s.FirstEver == 0 {
		return
	}
	w.Time(s.FirstEver)
	w.Time(s.First)
	facts.EncodeBooks(w, &s.before, &s.after)
}

// Decode reads a state.
func (s *State) Decode(r *facts.Reader) {
	s.FirstEver, s.First = r.Time(), r.Time()
	if r.More() {
		s.before.Decode(r)
		s.after.Decode(r)
	}
}

// Upgrade takes over what the first version stored.
func (s *State) Upgrade(m *facts.FirstMetric) {
	s.before.Fill(m.Before, m.LastFeature[0])
	s.after.Fill(m.After, m.LastFeature[1])
	if s.First = m.Steps[0].Reached; len(m.Steps[0].Times) > 0 {
		s.First = m.Steps[0].Times[0]
	}
	if s.FirstEver = m.FirstEver; s.FirstEver == 0 {
		s.FirstEver = s.First // it was forgotten once nobody asked for it any more
	}
}
