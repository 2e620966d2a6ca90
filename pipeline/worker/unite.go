package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/facts"
)

// A generation that joins another unites, partition by partition, the users of the one that was computed beside with those of the one
// in force, which goes on meanwhile. What it stores is a function of a user's events up to the user's version, so a union that was
// broken off, or made by two workers, is made again. A partition is joined once the generation has a checkpoint of it.

// checkpoints returns those of the generation; a partition that has none goes on from that of the generation that is joined.
func (w *Worker) checkpoints(ctx context.Context) ([]Checkpoint, error) {
	if w.Plan.Joins == 0 {
		return w.numbers.Checkpoints(ctx)
	}
	all, err := w.Store.In(w.Plan.Joins).Checkpoints(ctx) // first: they are dropped once all others are there
	if err != nil {
		return nil, err
	}
	own, err := w.numbers.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].unjoined = true
	}
	for _, c := range own {
		if i := slices.IndexFunc(all, func(other Checkpoint) bool { return other.Partition == c.Partition }); i >= 0 {
			all[i] = c
		} else {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Checkpoint) int { return int(a.Partition) - int(b.Partition) })
	return all, nil
}

// union is one partition's.
type union struct {
	*Worker
	p        *partition
	beside   Numbers
	force    Numbers
	at       Checkpoint      // of beside
	halves   map[string]half // by id
	newest   uint64          // version of these
	first    *facts.User     // reads what the first version stored; nil before
	rows     UserRows
	room     userRoom
	later    []string // users in force whose rows are newer than the checkpoint
	lateness int64
}

// half is a user of the generation beside.
type half struct {
	facts   []byte
	version uint64
}

// unite stores the users of a partition whole, and returns the checkpoint that it goes on from.
func (w *Worker) unite(ctx context.Context, p *partition, at Checkpoint) (Checkpoint, error) {
	n := &union{Worker: w, p: p, beside: w.Store.In(w.Plan.Joins), force: w.Store.In(w.From), at: at, lateness: w.Catalog.AllowedLateness.Milliseconds()}
	p.uniting = newUniting(p, w.Plan.kept(p.catalog))
	if err := w.numbers.CopyCalendar(ctx, w.From, w.Plan.Joins); err != nil {
		return at, err
	}
	if err := n.readHalves(ctx); err != nil {
		return at, err
	}
	p.clock = n.at.ArrivalClock
	inForce, err := n.awaitForce(ctx, n.newest)
	if err != nil {
		return at, err
	}
	if err := n.uniteUsers(ctx, inForce); err != nil {
		return at, err
	}
	if err := n.uniteForgotten(ctx); err != nil {
		return at, err
	}
	if err := n.copyNames(ctx); err != nil {
		return at, err
	}
	if inForce, err = n.awaitForce(ctx, 0); err != nil {
		return at, err
	}
	p.uniting.prune = inForce.ArrivalClock - n.lateness
	p.uniting.until = max(p.uniting.until, inForce.AppliedSeq)
	at = n.at
	at.unjoined = false
	return at, nil
}

// readHalves reads the users of the generation beside as of one checkpoint.
func (n *union) readHalves(ctx context.Context) error {
	for {
		n.halves, n.newest = map[string]half{}, 0
		err := n.beside.LoadUsers(ctx, []uint16{n.p.id}, func(_ uint16, id, facts []byte, version uint64) error {
			n.halves[string(id)] = half{slices.Clone(facts), version}
			n.newest = max(n.newest, version)
			return nil
		})
		if err != nil {
			return err
		}
		now, err := checkpointOf(ctx, n.beside, n.p.id)
		if err != nil {
			return err
		}
		switch {
		case now.Partitions == 0:
			return fmt.Errorf("%w: the numbers that were to be joined are gone", errRebuilt)
		case now.AppliedSeq == n.at.AppliedSeq:
			return nil
		}
		n.at = now // a worker has not heard yet that it is joined
	}
}

// checkpointOf returns the checkpoint of a partition, a zero one where there is none.
func checkpointOf(ctx context.Context, numbers Numbers, partition uint16) (Checkpoint, error) {
	checkpoints, err := numbers.Checkpoints(ctx)
	for _, c := range checkpoints {
		if c.Partition == partition {
			return c, err
		}
	}
	return Checkpoint{Partition: partition}, err
}

// unitingEvery is how often it is looked whether the generation in force has come as far.
const unitingEvery = 50 * time.Millisecond

// awaitForce waits until the generation in force has stored the partition up to a sequence.
func (n *union) awaitForce(ctx context.Context, seq uint64) (Checkpoint, error) {
	for {
		c, err := checkpointOf(ctx, n.force, n.p.id)
		if err != nil || c.Partitions > 0 && c.AppliedSeq >= seq {
			return c, err
		}
		if err := n.inForce(ctx); err != nil {
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(unitingEvery):
		}
	}
}

// unitedAtOnce is how many users are written together.
const unitedAtOnce = 5000

// uniteUsers unites the users in force with their halves, and stores them.
func (n *union) uniteUsers(ctx context.Context, inForce Checkpoint) error {
	n.startRows()
	take := func(at Checkpoint) func(uint16, []byte, []byte, uint64) error {
		return func(_ uint16, id, facts []byte, version uint64) error {
			if version > at.AppliedSeq {
				n.later = append(n.later, string(id))
				return nil
			}
			return n.take(string(id), facts, version, at.ArrivalClock-n.lateness)
		}
	}
	// Rows are written between reads: a store may not read and write at once.
	var texts [][2]string
	var versions []uint64
	err := n.force.LoadUsers(ctx, []uint16{n.p.id}, func(_ uint16, id, facts []byte, version uint64) error {
		texts, versions = append(texts, [2]string{string(id), string(facts)}), append(versions, version)
		return nil
	})
	if err != nil {
		return err
	}
	each := take(inForce)
	for i, t := range texts {
		if err := each(n.p.id, []byte(t[0]), []byte(t[1]), versions[i]); err != nil {
			return err
		}
		if n.rows.Len() >= unitedAtOnce {
			if err := n.write(ctx); err != nil {
				return err
			}
		}
	}
	for len(n.later) > 0 { // they are read again as of a later checkpoint
		ids := n.later
		n.later = nil
		at, err := n.awaitForce(ctx, inForce.AppliedSeq+1)
		if err != nil {
			return err
		}
		inForce = at
		if err := n.force.ReadUsers(ctx, []Named{{Partition: n.p.id, IDs: ids}}, take(at)); err != nil {
			return err
		}
	}
	for id, h := range n.halves { // of whom the generation in force knows nothing any more
		if err := n.store(id, nil, 0, h, 0); err != nil {
			return err
		}
	}
	return n.write(ctx)
}

// take takes a user in force. watermark (ms) is one that no event is older than that comes after the version.
func (n *union) take(id string, kept []byte, version uint64, watermark int64) error {
	h := n.halves[id]
	delete(n.halves, id)
	kept, err := n.current(kept)
	if err != nil {
		return err
	}
	if version <= n.at.AppliedSeq || version <= h.version {
		return n.store(id, kept, version, h, watermark)
	}
	n.p.uniting.pending[id] = keptHalf{facts: slices.Clone(kept), version: version, watermark: watermark, half: h.facts, halfAt: h.version}
	n.p.uniting.until = max(n.p.uniting.until, version)
	return nil
}

// current returns a stored user in the form that does not depend on a catalog.
func (n *union) current(kept []byte) ([]byte, error) {
	if len(kept) == 0 || kept[0] != 1 {
		return kept, nil
	}
	if n.first == nil {
		segment := func(_, _ int, text string) string { return text }
		n.first = facts.NewJoiner(n.Was, calendar.New(n.Was.Location, n.Was.WeekStart), segment).NewUser()
	}
	if err := n.first.Load(kept); err != nil {
		return nil, err
	}
	return n.first.Store(nil), nil
}

// store adds the row of a user that is whole.
func (n *union) store(id string, kept []byte, version uint64, h half, watermark int64) error {
	u := n.p.uniting
	if u.half.scratch.Open(n.p.blank); h.version > 0 {
		if err := u.half.scratch.Load(h.facts); err != nil {
			return fmt.Errorf("user %q: %w", id, err)
		}
		u.half.scratch.Sequence = h.version
	}
	if kept != nil {
		if err := u.unite(kept, version, watermark); err != nil {
			return fmt.Errorf("user %q: %w", id, err)
		}
	}
	n.p.scratch.Open(u.half.scratch.Append(nil))
	r, s := &n.rows, n.p.scratch
	r.UserID, r.Facts = append(r.UserID, id), append(r.Facts, string(s.Store(nil)))
	r.LastSeen, r.Version = append(r.LastSeen, s.LastSeen), append(r.Version, s.Sequence)
	n.p.describeUser(r, &n.room)
	return nil
}

func (n *union) startRows() { n.rows, n.room = UserRows{Partition: n.p.id}, userRoom{} }

func (n *union) write(ctx context.Context) error {
	defer n.startRows()
	if n.rows.Len() == 0 {
		return nil
	}
	return n.numbers.WriteUsers(ctx, &n.rows)
}

// uniteForgotten unites what is kept of users who were forgotten.
func (n *union) uniteForgotten(ctx context.Context) error {
	read := func(from Numbers) (map[forgottenAt]Forgotten, error) {
		all := map[forgottenAt]Forgotten{}
		err := from.LoadForgotten(ctx, []uint16{n.p.id}, func(f Forgotten) error {
			all[forgottenAt{f.Token, f.Sequence}] = f
			return nil
		})
		return all, err
	}
	halves, err := read(n.beside)
	if err != nil {
		return err
	}
	kept, err := read(n.force)
	if err != nil {
		return err
	}
	rows := []Forgotten{}
	for at, f := range kept {
		if at.sequence > n.at.AppliedSeq && f.Facts != "" {
			n.p.uniting.gone[at] = f.Facts
			continue
		}
		if at.sequence > n.at.AppliedSeq {
			continue
		}
		h := halves[at]
		delete(halves, at)
		rows = append(rows, Forgotten{Partition: n.p.id, Token: at.token, Sequence: at.sequence, Version: max(f.Version, h.Version, forgottenWithFacts)})
		if f.Facts == "" && h.Facts == "" {
			continue
		}
		text, err := n.p.uniting.uniteForgotten(f.Facts, h.Facts, at.sequence, n.p.blank)
		if err != nil {
			return err
		}
		row := &rows[len(rows)-1]
		row.Facts, row.Version = string(text), forgottenWithFacts
	}
	for _, f := range halves {
		rows = append(rows, f)
	}
	if len(rows) == 0 {
		return nil
	}
	return n.numbers.WriteForgotten(ctx, rows)
}

// copyNames takes over the names that caps admitted: those of what stays from the generation in force.
func (n *union) copyNames(ctx context.Context) error {
	changed := func(scope string) bool {
		for i, stays := range n.p.uniting.stays.Cohorts {
			if !stays && strings.HasPrefix(scope, scopeSegment+n.p.catalog.Cohorts[i].Name+".") {
				return true
			}
		}
		return false
	}
	var names []Name
	take := func(of bool) func(uint16, string, string) {
		return func(partition uint16, scope, value string) {
			if changed(scope) == of {
				names = append(names, Name{Partition: partition, Scope: scope, Value: value, Version: n.at.AppliedSeq})
			}
		}
	}
	if err := n.force.LoadNames(ctx, []uint16{n.p.id}, take(false)); err != nil {
		return err
	}
	if err := n.beside.LoadNames(ctx, []uint16{n.p.id}, take(true)); err != nil || len(names) == 0 {
		return err
	}
	return n.numbers.WriteNames(ctx, names)
}
