//go:build !invariants

package worker

const checked = false

// check does nothing: see invariants_on.go.
func (p *partition) check() {}
