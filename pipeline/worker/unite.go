package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
	halves   map[string]half // of the page, by id
	newest   uint64          // version of these
	first    *facts.User     // reads what the first version stored; nil before
	rows     UserRows
	room     userRoom
	later    map[string]half // users in force whose rows are newer than the checkpoint, by id
	lateness int64
	size     int // of a page
}

// half is a user of the generation beside.
type half struct {
	facts   []byte
	version uint64
}

// unite stores the users of a partition whole, and returns the checkpoint that it goes on from.
func (w *Worker) unite(ctx context.Context, p *partition, at Checkpoint) (Checkpoint, error) {
	n := &union{Worker: w, p: p, beside: w.Store.In(w.Plan.Joins), force: w.Store.In(w.From), at: at, lateness: w.Catalog.AllowedLateness.Milliseconds(), size: cmp.Or(w.page, unitedAtOnce)}
	if err := w.numbers.CopyCalendar(ctx, w.From, w.Plan.Joins); err != nil {
		return at, err
	}
	if err := n.uniteAll(ctx); err != nil {
		return at, err
	}
	if err := n.uniteForgotten(ctx); err != nil {
		return at, err
	}
	if err := n.copyNames(ctx); err != nil {
		return at, err
	}
	inForce, err := n.awaitForce(ctx, n.at.AppliedSeq)
	if err != nil {
		return at, err
	}
	p.uniting.accounts = &inForce
	p.uniting.prune = inForce.ArrivalClock - n.lateness
	p.uniting.until = max(p.uniting.until, inForce.AppliedSeq)
	at = n.at
	at.unjoined = false
	return at, nil
}

// uniteAll unites the users with those of the generation beside as of one checkpoint of it.
func (n *union) uniteAll(ctx context.Context) error {
	for {
		n.p.uniting, n.p.clock, n.later = newUniting(n.p, n.Plan.kept(n.p.catalog)), n.at.ArrivalClock, map[string]half{}
		if err := n.uniteUsers(ctx); err != nil {
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
		n.at = now // a worker had not heard yet that it is joined
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

// unitedAtOnce is how many users are read and written together.
const unitedAtOnce = 5000

// uniteUsers unites the users in force with their halves, page by page, and stores them. Rows are written between reads: a store may not
// read and write at once.
func (n *union) uniteUsers(ctx context.Context) error {
	n.startRows()
	var inForce Checkpoint
	for above, more := "", true; more; {
		last, err := n.readHalves(ctx, above)
		if err != nil {
			return err
		}
		if inForce, err = n.awaitForce(ctx, n.newest); err != nil {
			return err
		}
		if err := n.uniteRange(ctx, Page{Partition: n.p.id, Above: above, UpTo: last, Limit: n.size}, inForce); err != nil {
			return err
		}
		above, more = last, last != ""
	}
	return n.uniteLater(ctx, inForce)
}

// readHalves reads the next users of the generation beside, and returns the last of them; empty where no more come.
func (n *union) readHalves(ctx context.Context, above string) (last string, err error) {
	n.halves = map[string]half{}
	err = n.beside.PageUsers(ctx, Page{Partition: n.p.id, Above: above, Limit: n.size}, func(id, facts []byte, version uint64) error {
		last = string(id)
		n.halves[last] = half{slices.Clone(facts), version}
		n.newest = max(n.newest, version)
		return nil
	})
	if len(n.halves) < n.size {
		last = ""
	}
	return last, err
}

// uniteRange unites the users in force of a range of ids, which holds those of halves.
func (n *union) uniteRange(ctx context.Context, page Page, inForce Checkpoint) error {
	for more := true; more; {
		read := 0
		err := n.force.PageUsers(ctx, page, func(id, facts []byte, version uint64) error {
			read++
			page.Above = string(id)
			return n.takeAsOf(inForce, page.Above, facts, version)
		})
		if err != nil {
			return err
		}
		if more = read == page.Limit; !more {
			err = n.storeAlone()
		}
		if err = errors.Join(err, n.write(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// takeAsOf takes a user in force as of a checkpoint, or later where the row is newer.
func (n *union) takeAsOf(inForce Checkpoint, id string, facts []byte, version uint64) error {
	if version > inForce.AppliedSeq {
		n.later[id] = n.halves[id]
		delete(n.halves, id)
		return nil
	}
	return n.take(id, facts, version, inForce.ArrivalClock-n.lateness)
}

// uniteLater unites users whose rows were newer than the checkpoint: they are read again as of a later one.
func (n *union) uniteLater(ctx context.Context, inForce Checkpoint) error {
	for len(n.later) > 0 {
		at, err := n.awaitForce(ctx, inForce.AppliedSeq+1)
		if err != nil {
			return err
		}
		inForce, n.halves, n.later = at, n.later, map[string]half{}
		ids := slices.Sorted(maps.Keys(n.halves))
		err = n.force.ReadUsers(ctx, []Named{{Partition: n.p.id, IDs: ids}}, func(_ uint16, id, facts []byte, version uint64) error {
			return n.takeAsOf(at, string(id), facts, version)
		})
		if err == nil {
			err = n.storeAlone()
		}
		if err = errors.Join(err, n.write(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// storeAlone stores users of the generation beside of whom the one in force knows nothing any more.
func (n *union) storeAlone() error {
	for id, h := range n.halves {
		if h.version == 0 {
			continue
		}
		if err := n.store(id, nil, 0, h, 0); err != nil {
			return err
		}
	}
	n.halves = nil
	return nil
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
	r.UserID, r.Facts = append(r.UserID, id), append(r.Facts, string(s.StoreByLayout(nil)))
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
