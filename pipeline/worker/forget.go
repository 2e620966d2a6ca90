package worker

import (
	"encoding/hex"
	"slices"

	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
)

// A user is forgotten when a message says so: from then on the user's events count nowhere, and those that come later are of a new
// user. What windows that were final keep of the user is no longer the user's: it is kept as facts without an id, by token and by the
// sequence of that message, until no window needs it.

// Forgotten is what is kept of a user who was forgotten. Of two rows of a partition, token and sequence the one with the higher version
// counts.
type Forgotten struct {
	Partition uint16
	Token     string
	Sequence  uint64 // of the message that had the user forgotten
	Facts     string // empty when no window needs them any more
	Version   uint8
}

// The versions of a Forgotten.
const (
	forgottenWithFacts uint8 = 1 + iota
	forgottenWhole
)

// forgotten are the users of a partition who were forgotten.
type forgotten struct {
	since map[string]uint64 // by token: the sequence of the newest message that had the user forgotten
	kept  []Forgotten       // with facts
	fresh []Forgotten       // to be stored
	blank []uint32          // numbers of those who are in memory still, until it is stored that nothing is known of them

	// numbers finds users by the bytes of their token, as far as they are indexed; it is made when it is needed.
	numbers map[[16]byte]uint32
	indexed int
}

// of returns up to which sequence the events of a user are forgotten.
func (f *forgotten) of(id string) uint64 {
	if len(f.since) == 0 {
		return 0
	}
	return f.since[event.Token(id)]
}

// find returns the number of the user of a token.
func (f *forgotten) find(token string, all *users) (number uint32, known bool) {
	if f.numbers == nil {
		f.numbers, f.indexed = make(map[[16]byte]uint32), 0
	}
	for ; f.indexed < len(all.records); f.indexed++ {
		if u := uint32(f.indexed); all.holds(u) {
			f.numbers[event.TokenBytes(all.id(u))] = u
		}
	}
	key, ok := tokenBytes(token)
	if !ok {
		return 0, false
	}
	number, known = f.numbers[key]
	return number, known && all.holds(number) && event.TokenBytes(all.id(number)) == key // it may have left
}

// add takes note of a user who came, perhaps with the number of one who left.
func (f *forgotten) add(number uint32, id string) {
	if int(number) < f.indexed {
		f.numbers[event.TokenBytes(id)] = number
	}
}

// tokenBytes are the bytes that the digits of a token write.
func tokenBytes(token string) (bytes [16]byte, ok bool) {
	if len(token) != hex.EncodedLen(len(bytes)) {
		return bytes, false
	}
	_, err := hex.Decode(bytes[:], []byte(token))
	return bytes, err == nil
}

// forget forgets the user of a token, because the message of a sequence says so.
func (p *partition) forget(token string, seq uint64) {
	delete(p.away.strangers, token)
	if seq <= p.forgotten.since[token] {
		return // stored after the checkpoint this replay started from
	}
	p.forgotten.since[token] = seq
	p.unhear(token)
	switch u, known := p.forgotten.find(token, p.users); {
	case p.uniting != nil:
		p.forgetHalf(token, seq, u, known)
	case known:
		p.forgetUser(token, seq, u)
	}
}

// forgetUser forgets a user whose token's message is of a sequence.
func (p *partition) forgetUser(token string, seq uint64, u uint32) {
	p.scratch.Open(p.users.facts(u))
	if p.scratch.Sequence >= seq {
		return // so is what is known of the new user
	}
	p.considerAll()
	p.before = p.contributions(p.before[:0])
	p.joiner.Forget(p.scratch, p.watermark())
	p.after = p.contributions(p.after[:0])
	p.cells.Change(p.before, p.after)
	f := Forgotten{Partition: p.id, Token: token, Sequence: seq, Facts: string(p.scratch.Store(nil)), Version: forgottenWithFacts}
	switch {
	case len(p.after) > 0:
		p.forgotten.kept, p.forgotten.fresh = append(p.forgotten.kept, f), append(p.forgotten.fresh, f)
	case len(p.catalog.Voices) > 0: // what the user said up to there is of nobody
		p.release(f)
	}
	p.blankUser(u, seq)
}

// blankUser makes a user one of whom nothing is known, as of a sequence.
func (p *partition) blankUser(u uint32, seq uint64) {
	p.scratch.Open(p.blank)
	p.scratch.Sequence = seq
	p.keep(u)
	p.changed = true
	if p.users.mark(u, markDirty) {
		p.dirtyUsers = append(p.dirtyUsers, u)
	}
	p.forgotten.blank = append(p.forgotten.blank, u)
}

// dropBlank has users leave memory, with their ids, of whom it is stored that nothing is known.
func (p *partition) dropBlank(users []uint32) {
	for _, u := range users {
		if p.users.holds(u) && facts.IsBlank(p.users.facts(u)) {
			p.leave(u)
		}
	}
}

// loadForgotten adds what is stored of a user who was forgotten, before users are loaded.
func (p *partition) loadForgotten(f Forgotten) error {
	if p.restored && f.Sequence > p.applied {
		return errAhead
	}
	p.forgotten.since[f.Token] = max(p.forgotten.since[f.Token], f.Sequence)
	if f.Facts == "" {
		return nil
	}
	contributions, err := p.contributionsOf(&f)
	if err != nil {
		return err
	}
	if len(contributions) == 0 {
		p.release(f)
		return nil
	}
	if !p.restored {
		p.cells.Load(contributions)
	}
	p.forgotten.kept = append(p.forgotten.kept, f)
	return nil
}

// release has the facts of a user who was forgotten deleted, because no window needs them any more.
func (p *partition) release(f Forgotten) {
	f.Facts, f.Version = "", forgottenWhole
	p.forgotten.fresh, p.changed = append(p.forgotten.fresh, f), true
}

// releaseForgotten releases all of whom that is true now.
func (p *partition) releaseForgotten() {
	p.forgotten.kept = slices.DeleteFunc(p.forgotten.kept, func(f Forgotten) bool {
		contributions, err := p.contributionsOf(&f)
		if err != nil || len(contributions) > 0 { // what this process wrote can be read
			return false
		}
		p.release(f)
		return true
	})
}

// contributionsOf returns what a user who was forgotten still counts, valid until the next event.
func (p *partition) contributionsOf(f *Forgotten) ([]cohort.Contribution, error) {
	if err := p.scratch.Load([]byte(f.Facts)); err != nil {
		return nil, err
	}
	p.considerAll()
	p.after = p.contributions(p.after[:0])
	return p.after, nil
}
