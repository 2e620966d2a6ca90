package catalog

// Intersects reports whether two masks share a bit.
func (m *Mask) Intersects(o *Mask) bool {
	for i := range m {
		if m[i]&o[i] != 0 {
			return true
		}
	}
	return false
}
