package worker

import (
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
)

// TestHalvesOfTheForgotten: where one that ended before its checkpoint has forgotten a user, the union that is made again does not bring
// the user's halves back, because the message that says so is passed over; nor is what is kept of the user counted twice.
func TestHalvesOfTheForgotten(t *testing.T) {
	const half, forgotten = 1, 5
	for _, c := range []struct {
		name    string
		since   uint64
		version uint64 // of the half in force
		waits   bool
	}{
		{"before the message", forgotten, 3, false},
		{"after the message, of a new user", forgotten, 7, false},
		{"before both halves", half, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPartition(0, product(t, "24h"), Identity{})
			p.uniting = newUniting(p, &catalog.Kept{Metrics: make([]bool, len(p.catalog.Metrics)), Cohorts: make([]bool, len(p.catalog.Cohorts))})
			if err := p.loadForgotten(Forgotten{Token: event.Token("u"), Sequence: c.since}); err != nil {
				t.Fatal(err)
			}
			p.scratch.Open(p.blank)
			facts := p.scratch.Store(nil)
			p.uniting.pending["u"] = keptHalf{facts: facts, version: c.version, half: facts, halfAt: half}
			p.uniting.gone[forgottenAt{event.Token("u"), forgotten}] = string(facts)
			if err := p.enterHalves(); err != nil {
				t.Fatal(err)
			}
			_, known := p.users.find("u")
			if _, waits := p.uniting.pending["u"]; known != c.waits || waits != c.waits {
				t.Errorf("the user is known: %v, and waits: %v, want %v", known, waits, c.waits)
			}
			if gone := len(p.uniting.gone); (gone > 0) != c.waits {
				t.Errorf("%d users are to be forgotten as they are in force", gone)
			}
		})
	}
}
