package worker

import "math"

// due are users with open events, by the hour (Unix) in which the watermark passes them. Of entries the one counts that is in the hour
// the user's record names: the others are of users who left memory.
type due struct {
	at      map[int64][]uint32
	entries int
	waiting int // users whose record names an hour
}

// await remembers when to collapse what is open in the user in scratch.
func (p *partition) await(u uint32) {
	newest := p.scratch.NewestOpen()
	if newest == 0 || p.users.due(u) != 0 {
		return
	}
	hour := min(max(newest/msPerHour+1, p.dueHour), math.MaxUint32)
	p.due.at[hour] = append(p.due.at[hour], u)
	p.due.entries++
	p.due.waiting++
	p.users.setDue(u, uint32(hour))
	if p.due.entries > 2*p.due.waiting+leastDue {
		p.sweepDue()
	}
}

// leastDue is how many entries are never worth a sweep.
const leastDue = 1000

// sweepDue drops the entries that do not count, and of several entries of one user in one hour all but one.
func (p *partition) sweepDue() {
	p.due.entries = 0
	for hour, users := range p.due.at {
		kept := users[:0]
		for _, u := range users {
			if p.isDue(u, hour) {
				kept = append(kept, u)
				p.users.setDue(u, 0)
			}
		}
		for _, u := range kept {
			p.users.setDue(u, uint32(hour))
		}
		if p.due.at[hour] = kept; len(kept) == 0 {
			delete(p.due.at, hour)
		}
		p.due.entries += len(kept)
	}
}

// isDue reports whether an entry counts.
func (p *partition) isDue(u uint32, hour int64) bool {
	return p.users.holds(u) && int64(p.users.due(u)) == hour
}

// stopAwaiting has a user who leaves not be due.
func (p *partition) stopAwaiting(u uint32) {
	if p.users.due(u) != 0 {
		p.users.setDue(u, 0)
		p.due.waiting--
	}
}

// collapseDue collapses the users whose open events the watermark has passed, so that users who do not come back hold
// no more than what is settled.
func (p *partition) collapseDue() {
	now := p.watermark() / msPerHour
	if now <= p.dueHour {
		return
	}
	p.dueHour = now
	for hour, users := range p.due.at {
		if hour > now {
			continue
		}
		delete(p.due.at, hour)
		p.due.entries -= len(users)
		for _, u := range users {
			if !p.isDue(u, hour) {
				continue
			}
			p.stopAwaiting(u)
			p.scratch.Open(p.users.facts(u))
			p.joiner.Collapse(p.scratch, p.watermark(), p.prune)
			p.keep(u)
		}
	}
}
