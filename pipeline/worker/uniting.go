package worker

import (
	"maps"
	"math"
	"slices"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
)

// uniting is how a partition makes users whole of whom it has two halves: of what stays of the catalog, as it was in force, and of what
// is new. Most are whole before it starts. Those whose kept half has joined more events than the other wait until the replay has come
// as far; until then nothing is stored.
type uniting struct {
	stays      *catalog.Kept
	half, kept *part
	pending    map[string]keptHalf // by id
	gone       map[forgottenAt]string
	prune      int64       // ms: windows of what stays that end up to here are final, and left out
	until      uint64      // from this sequence on nobody waits
	accounts   *Checkpoint // those in force at a sequence: the replay goes on with them from there; nil: it has
}

// keptHalf is a user's half that was in force, beside the other one.
type keptHalf struct {
	facts     []byte
	version   uint64
	watermark int64 // ms: no event comes to the user after version that is older
	half      []byte
	halfAt    uint64
}

// forgottenAt is a user who was forgotten.
type forgottenAt struct {
	token    string
	sequence uint64
}

func newUniting(p *partition, stays *catalog.Kept) *uniting {
	n := &uniting{
		stays: stays, half: newPart(p.catalog, p.calendar, p.segment), kept: newPart(p.catalog, p.calendar, p.segment),
		pending: map[string]keptHalf{}, gone: map[forgottenAt]string{},
	}
	n.half.joiner.Layouts, n.kept.joiner.Layouts = p.joiner.Layouts, p.joiner.Layouts
	n.half.leave(stays)
	n.kept.leave(&catalog.Kept{Metrics: not(stays.Metrics), Cohorts: not(stays.Cohorts)})
	return n
}

func not(these []bool) []bool {
	out := make([]bool, len(these))
	for i, is := range these {
		out[i] = !is
	}
	return out
}

// unite makes the user in the half's scratch whole, of whom kept is the other half.
func (n *uniting) unite(kept []byte, version uint64, watermark int64) error {
	if err := n.kept.scratch.Load(kept); err != nil {
		return err
	}
	n.kept.scratch.Sequence = version
	n.kept.joiner.Collapse(n.kept.scratch, watermark, 0)
	n.half.joiner.Collapse(n.half.scratch, watermark, 0)
	n.half.scratch.Unite(n.kept.scratch, n.stays.Metrics, n.stays.Cohorts)
	return nil
}

// forgetHalves leaves out halves of users whom one that ended before its checkpoint has forgotten: the messages that say so are passed
// over, and nothing was known of those users then but what is stored of it whole.
func (p *partition) forgetHalves() {
	maps.DeleteFunc(p.uniting.pending, func(id string, other keptHalf) bool { return p.forgotten.of(id) > other.halfAt })
	maps.DeleteFunc(p.uniting.gone, func(at forgottenAt, _ string) bool { return at.sequence <= p.forgotten.since[at.token] })
}

// enterHalves adds the users who wait, once all that are whole are loaded.
func (p *partition) enterHalves() error {
	p.changed = true // a checkpoint says that the partition is joined
	p.forgetHalves()
	for id, other := range p.uniting.pending {
		var u uint32
		var err error
		p.as(p.uniting.half, func() {
			if p.scratch.Open(p.blank); other.halfAt > 0 {
				if err = p.scratch.Load(other.half); err != nil {
					return
				}
			}
			p.scratch.Sequence = other.halfAt
			p.considerAll()
			p.after = p.contributions(p.after[:0])
			p.cells.Load(p.after)
			p.buf = p.scratch.Append(p.buf[:0])
			u = p.addUser(id, p.buf)
		})
		if err != nil {
			return err
		}
		if p.users.mark(u, markDirty) {
			p.dirtyUsers = append(p.dirtyUsers, u)
		}
		if other.halfAt >= other.version {
			p.whole(u, other)
		}
	}
	return nil
}

// isHalf reports whether a user waits for its other half although a version of it is stored as whole. One that has joined what the
// half has needs to wait no more.
func (p *partition) isHalf(id []byte, version uint64) bool {
	other, waits := p.uniting.pending[string(id)]
	if waits && version > 0 && version >= other.halfAt {
		delete(p.uniting.pending, string(id))
		return false
	}
	return waits
}

// waits returns the other half of a user who waits for it.
func (p *partition) waits(u uint32) (other keptHalf, waits bool) {
	if p.uniting == nil {
		return other, false
	}
	other, waits = p.uniting.pending[p.users.id(u)]
	return other, waits
}

// joinHalf joins the event into a user of whom one half has joined it already.
func (p *partition) joinHalf(u uint32, seq uint64, other keptHalf) {
	if other.version < seq {
		p.whole(u, other)
		p.join(u, seq)
		return
	}
	p.as(p.uniting.half, func() { p.join(u, seq) })
	if other.version == seq {
		p.whole(u, other)
	}
}

// whole makes a user whole, and counts what the kept half counts: its cells are stored.
func (p *partition) whole(u uint32, other keptHalf) {
	n := p.uniting
	delete(n.pending, p.users.id(u))
	n.half.scratch.Open(p.users.facts(u))
	if err := n.unite(other.facts, other.version, other.watermark); err != nil {
		panic("BUG: facts that were readable before: " + err.Error())
	}
	text := n.half.scratch.Append(nil)
	p.scratch.Open(text)
	p.keep(u)
	p.countKept(text)
}

// countKept counts what stays of the catalog of a user, as Append wrote it.
func (p *partition) countKept(user []byte) {
	p.as(p.uniting.kept, func() {
		p.scratch.Open(user)
		p.considerAll()
		p.after = p.contributions(p.after[:0])
		p.cells.Load(p.after)
	})
}

// allWhole makes those whole who wait for events that do not come any more: the replay has come as far as the generation in force had.
func (p *partition) allWhole() {
	p.countOn(math.MaxUint64)
	for id, other := range p.uniting.pending {
		u, _ := p.users.find(id)
		p.whole(u, other)
	}
	for at := range p.uniting.gone {
		p.forgetKept(at)
	}
}

// countOn goes on with the accounts of the generation in force before a message is applied: they are those of the live pass, and the
// replay may have found less than that. Failures and caps are those of the definitions.
func (p *partition) countOn(seq uint64) {
	if p.uniting == nil || p.uniting.accounts == nil || seq <= p.uniting.accounts.AppliedSeq {
		return
	}
	live, own := p.uniting.accounts, &p.counters
	p.readBefore += own.Missed - live.Missed
	own.FirstReceived, own.Received, own.Applied, own.Ignored, own.Missed = live.FirstReceived, live.Received, live.Applied, live.Ignored, live.Missed
	own.Clamped, own.Misrouted, own.Dead = live.Clamped, live.Misrouted, maps.Clone(live.Dead)
	p.uniting.accounts = nil
}

// united ends the uniting: a snapshot holds all of it.
func (p *partition) united() {
	p.prune = max(p.prune, p.uniting.prune)
	p.uniting = nil
}

// forgetHalf is forget for a user of whom one half has been forgotten already.
func (p *partition) forgetHalf(token string, seq uint64, u uint32, known bool) {
	if known {
		other, waits := p.waits(u)
		switch {
		case !waits:
			p.forgetUser(token, seq, u)
		case other.version < seq:
			p.whole(u, other)
			p.forgetUser(token, seq, u)
		default:
			p.as(p.uniting.half, func() { p.forgetUser(token, seq, u) })
		}
	}
	p.forgetKept(forgottenAt{token, seq})
}

// forgetKept keeps what was kept of a user who was forgotten in force.
func (p *partition) forgetKept(at forgottenAt) {
	n := p.uniting
	kept, ok := n.gone[at]
	if !ok {
		return
	}
	delete(n.gone, at)
	is := func(f Forgotten) bool { return f.Token == at.token && f.Sequence == at.sequence }
	half := ""
	if i := slices.IndexFunc(p.forgotten.kept, is); i >= 0 {
		half = p.forgotten.kept[i].Facts
		p.forgotten.kept, p.forgotten.fresh = slices.DeleteFunc(p.forgotten.kept, is), slices.DeleteFunc(p.forgotten.fresh, is)
	}
	f := Forgotten{Partition: p.id, Token: at.token, Sequence: at.sequence, Version: forgottenWithFacts}
	text, err := n.uniteForgotten(kept, half, at.sequence, p.blank)
	if err != nil {
		panic("BUG: facts that were readable before: " + err.Error())
	}
	f.Facts = string(text)
	p.forgotten.kept, p.forgotten.fresh = append(p.forgotten.kept, f), append(p.forgotten.fresh, f)
	p.changed = true
	p.countKept(n.half.scratch.Append(nil))
}

// settledWatermark (ms) has passed every event.
const settledWatermark = 1 << 43

// uniteForgotten returns what is kept of a user who was forgotten, of two halves; half is empty where none is. blank is a user of whom
// nothing is known.
func (n *uniting) uniteForgotten(kept, half string, seq uint64, blank []byte) ([]byte, error) {
	if n.half.scratch.Open(blank); half != "" {
		if err := n.half.scratch.Load([]byte(half)); err != nil {
			return nil, err
		}
	}
	if kept != "" {
		if err := n.unite([]byte(kept), seq, settledWatermark); err != nil {
			return nil, err
		}
	}
	return n.half.scratch.Store(nil), nil
}

// pruneOf is the time (ms) up to which windows of a metric are final, and left out.
func (p *partition) pruneOf(metric int) int64 {
	if p.uniting != nil && p.uniting.stays.Metrics[metric] {
		return max(p.prune, p.uniting.prune)
	}
	return p.prune
}

// isFinal reports whether a cell by window is final, and left out.
func (p *partition) isFinal(k cohort.Key) bool {
	return (k.Kind == cohort.Window || k.Kind == cohort.Trailing) && p.folder.BucketEnd(k)*1000 <= p.pruneOf(int(k.Name))
}
