package worker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
)

// Users who were not touched for longest leave memory once they are stored and the partition holds more than its share. A message about
// one of them waits, and all behind it, until the user is read back: so messages are applied in the order of the stream, whoever is in
// memory, and a checkpoint never covers one that waits.

// away is what a partition knows of its users who are stored and not in memory.
type away struct {
	absent *absent
	digits int    // of a token that make a key
	share  int    // how many bytes users and absent may take; 0: any
	stored uint64 // sequence of the newest checkpoint: what is stored up to it stays as it is
	// loadedFrom is the version below which users who are loaded do not stay: others who left were touched later.
	loadedFrom uint64
	// lacking is the user whom the message that was not applied is about.
	lacking wanted
	// strangers are tokens to be forgotten that are of no user, though they have the key of one.
	strangers map[string]bool
	// loadingTo is the size up to which users are loaded before some leave again.
	loadingTo int
	shadow    shadow
}

// wanted is a user to be read back: by id, or by token where that is all that is known.
type wanted struct{ id, token string }

const tokenDigits = 15

func newAway() away {
	return away{absent: newAbsent(), digits: tokenDigits, strangers: map[string]bool{}, shadow: newShadow()}
}

func (a *away) key(id string) uint64 { return keyOf(event.TokenBytes(id), a.digits) }

// keyOfToken returns the key of a user's token, 0, which is nobody's, of what is no token.
func (a *away) keyOfToken(token string) uint64 {
	bytes, ok := tokenBytes(token)
	if !ok {
		return 0
	}
	return keyOf(bytes, a.digits)
}

// note notes that a user is stored and not in memory.
func (a *away) note(id string, version uint64) { a.absent.add(a.key(id), uint32(version)) }

// known returns how many users there are.
func (p *partition) known() int { return p.users.Len() + p.away.absent.Len() }

// addUser adds a user who is not in memory.
func (p *partition) addUser(id string, facts []byte) uint32 {
	u := p.users.add(id, facts)
	p.forgotten.add(u, id)
	return u
}

// lacks reports whether a message is about a user who is away: then it is the one who is lacking.
func (p *partition) lacks(m *event.Message, result *event.Result) bool {
	if p.away.absent.Len() == 0 {
		return false
	}
	switch result.Verdict {
	case event.Accepted:
		late := p.event.Time < max(p.clock, result.Received)-p.catalog.AllowedLateness.Milliseconds()
		if late || !p.isAway(p.event.User) {
			return false
		}
		p.away.lacking = wanted{id: strings.Clone(p.event.User)}
		return true
	case event.Ignored:
		token, ok := event.Forgets(m)
		if !ok || m.Sequence <= p.forgotten.since[token] || p.away.strangers[token] || !p.away.absent.has(p.away.keyOfToken(token)) {
			return false
		}
		if _, known := p.forgotten.find(token, p.users); known {
			return false
		}
		p.away.lacking = wanted{token: token}
		return true
	}
	return false
}

// isAway reports whether a user may be stored and is not in memory.
func (p *partition) isAway(id string) bool {
	_, known := p.users.find(id)
	return !known && p.away.absent.has(p.away.key(id))
}

// room is how many bytes the users in memory may take: what those who are absent leave of the share, and a fourth of it at least.
func (a *away) room() int { return max(a.share-a.absent.size(), a.share/4) }

// shed has users leave memory, those first who were not touched for longest, until the rest has room. Those whose facts wait to be
// stored stay.
func (p *partition) shed() {
	if p.away.share == 0 {
		return
	}
	for u := p.users.recency.oldest; u != nobody && p.users.size() > p.away.room(); {
		next := p.users.recency.newer[u]
		p.leave(u)
		u = next
	}
}

// leave has a user leave memory whose facts are stored.
func (p *partition) leave(u uint32) {
	version := facts.SequenceOf(p.users.facts(u))
	if p.users.marked(u, markDirty) || version > p.away.stored {
		return
	}
	if version > 0 && !facts.IsBlank(p.users.facts(u)) { // else nothing is known of the user: a row that says so may be deleted
		p.away.note(p.users.id(u), version)
		if len(p.away.strangers) > 0 {
			delete(p.away.strangers, event.Token(p.users.id(u))) // it came after it was looked for
		}
		p.away.shadow.leave(p.users.id(u), p.users.facts(u))
	}
	p.stopAwaiting(u)
	p.users.remove(u)
}

// shedLoading has users leave memory while they are loaded, in no particular order: once they take a fourth more room than they have,
// those whose last event is oldest.
func (p *partition) shedLoading() {
	if p.away.share == 0 || p.users.size() <= max(p.away.room()/4*5, p.away.loadingTo) {
		return
	}
	p.arrange()
	p.shed()
	p.away.loadingTo = p.users.size() / 4 * 5
	if oldest := p.users.recency.oldest; oldest != nobody {
		p.away.loadedFrom = max(p.away.loadedFrom, min(facts.SequenceOf(p.users.facts(oldest)), p.away.stored+1))
	}
}

// arrange has the users in memory be touched in the order of their last events.
func (p *partition) arrange() {
	type touched struct {
		version uint64
		user    uint32
	}
	all := make([]touched, 0, p.users.Len())
	p.users.all(func(u uint32) { all = append(all, touched{facts.SequenceOf(p.users.facts(u)), u}) })
	slices.SortFunc(all, func(a, b touched) int { return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.user, b.user)) })
	for _, t := range all {
		p.users.recency.touch(t.user)
	}
}

// loaded ends the loading of users.
func (p *partition) loaded() {
	if p.away.share > 0 {
		p.arrange()
		p.shed()
	}
}

// comeBack takes users who were read back.
func (p *partition) comeBack(r *readBack) error {
	for _, u := range r.users {
		if _, known := p.users.find(u.id); known {
			continue
		}
		if !p.away.absent.remove(p.away.key(u.id), uint32(u.version)) {
			return fmt.Errorf("BUG: partition %d: user %q was read back and is not away", p.id, u.id)
		}
		if err := p.open([]byte(u.id), u.facts, u.version); err != nil {
			return err
		}
		p.away.shadow.comeBack(p, u.id)
		p.enter([]byte(u.id))
	}
	for _, id := range r.ids {
		if _, known := p.users.find(id); !known {
			p.addUser(id, p.blank) // a new user, who has the key of another
		}
	}
	for _, token := range r.tokens {
		p.away.strangers[token] = true // forgetting takes it out
	}
	return nil
}
