package memstore

// What is read of numbers in memory: in no order but where one is promised.

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
)

// Checkpoints returns the checkpoints by partition.
func (n *Numbers) Checkpoints(context.Context) ([]worker.Checkpoint, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	all := slices.SortedFunc(maps.Values(n.Newest), func(a, b worker.Checkpoint) int { return cmp.Compare(a.Partition, b.Partition) })
	for i := range all {
		c := &all[i]
		c.Dead, c.Failures, c.Capped, c.Fingerprints = maps.Clone(c.Dead), maps.Clone(c.Failures), maps.Clone(c.Capped), maps.Clone(c.Fingerprints)
	}
	return all, nil
}

// AsOf returns as_of by partition.
func (n *Numbers) AsOf(context.Context) (map[uint16]int64, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	out := make(map[uint16]int64)
	for id, p := range n.Progress {
		out[id] = p.AsOf
	}
	return out, nil
}

// LoadLayouts calls layout for every layout.
func (s *Store) LoadLayouts(_ context.Context, layout func(name uint64, text string) error) error {
	s.mu.Lock()
	all := maps.Clone(s.layouts)
	s.mu.Unlock()
	for name, text := range all {
		if err := layout(name, text); err != nil {
			return err
		}
	}
	return nil
}

// LoadNames calls name for every name of some partitions.
func (n *Numbers) LoadNames(_ context.Context, partitions []uint16, name func(partition uint16, scope, value string)) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k := range n.Names {
		if slices.Contains(partitions, k.Partition) {
			name(k.Partition, k.Scope, k.Value)
		}
	}
	return nil
}

// LoadUsers calls user for every user of some partitions.
func (n *Numbers) LoadUsers(_ context.Context, partitions []uint16, user func(partition uint16, id, facts []byte, version uint64) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	var id, facts []byte
	for k, u := range n.Users {
		if !slices.Contains(partitions, k.Partition) {
			continue
		}
		id, facts = append(id[:0], k.ID...), append(facts[:0], u.Facts...) // valid during the call only
		if err := user(k.Partition, id, facts, u.Version); err != nil {
			return err
		}
	}
	return nil
}

// LoadEntered calls user for users who entered a cohort before a time.
func (n *Numbers) LoadEntered(_ context.Context, partitions []uint16, cohort int, before int64, user func(partition uint16, id []byte)) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k, u := range n.Users {
		if slices.Contains(partitions, k.Partition) && cohort < len(u.EnteredAt) && u.EnteredAt[cohort] > 0 && u.EnteredAt[cohort] < before {
			user(k.Partition, []byte(k.ID))
		}
	}
	return nil
}

// PageUsers calls user for the first users of a page.
func (n *Numbers) PageUsers(_ context.Context, page worker.Page, user func(id, facts []byte, version uint64) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	var ids []string
	for k := range n.Users {
		if k.Partition == page.Partition && k.ID > page.Above && (page.UpTo == "" || k.ID <= page.UpTo) {
			ids = append(ids, k.ID)
		}
	}
	slices.Sort(ids)
	for _, id := range ids[:min(page.Limit, len(ids))] {
		u := n.Users[UserKey{page.Partition, id}]
		if err := user([]byte(id), []byte(u.Facts), u.Version); err != nil {
			return err
		}
	}
	return nil
}

// ReadUsers calls user for users of some partitions who are named.
func (n *Numbers) ReadUsers(_ context.Context, named []worker.Named, user func(partition uint16, id, facts []byte, version uint64) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k, u := range n.Users {
		of := func(w worker.Named) bool {
			return w.Partition == k.Partition && (slices.Contains(w.IDs, k.ID) ||
				slices.ContainsFunc(w.Tokens, func(beginning string) bool { return strings.HasPrefix(event.Token(k.ID), beginning) }))
		}
		if !slices.ContainsFunc(named, of) {
			continue
		}
		if err := user(k.Partition, []byte(k.ID), []byte(u.Facts), u.Version); err != nil {
			return err
		}
	}
	return nil
}

// LoadForgotten calls user for every user of some partitions who was forgotten.
func (n *Numbers) LoadForgotten(_ context.Context, partitions []uint16, user func(worker.Forgotten) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k, f := range n.Forgotten {
		if !slices.Contains(partitions, k.Partition) {
			continue
		}
		if err := user(f); err != nil {
			return err
		}
	}
	return nil
}

// NotePurged does nothing: nobody purges.
func (s *Store) NotePurged(context.Context, []uint64) error { return nil }

// Purged returns nothing: nobody purges.
func (n *Numbers) Purged(context.Context) ([]uint64, error) { return nil, nil }

// LoadVolumes calls cell for every event volume whose hour ends after a time.
func (n *Numbers) LoadVolumes(_ context.Context, after map[uint16]int64, cell func(uint16, worker.StoredCell)) error {
	n.each(func(k CellKey, c Cell) bool {
		from, ok := after[k.Partition]
		return ok && k.Kind == "volume" && c.BucketEnd.Unix() > max(from, 0)
	}, cell)
	return nil
}

// LoadCells calls cell for every cell but volumes and those whose window ends at or before a time.
func (n *Numbers) LoadCells(_ context.Context, after map[uint16]int64, cell func(uint16, *worker.WholeCell)) error {
	open := func(k CellKey, c Cell) bool {
		from, ok := after[k.Partition]
		windowed := k.Kind == "window" || k.Kind == "trailing"
		return ok && k.Kind != "volume" && (!windowed || c.BucketEnd.Unix() > max(from, 0))
	}
	n.each(open, func(p uint16, c worker.StoredCell) {
		row := n.store.locked(c.Generation).Cells[CellKey{c.Kind, c.Name, c.Segment, c.Value, c.CohortStart, c.Window, c.Stage, c.Bucket, p}]
		whole := worker.WholeCell{StoredCell: c, Active: row.Active, Adopters: row.Adopters, NewAdopters: row.NewAdopters}
		for i, age := range row.Ages {
			whole.Ages = append(whole.Ages, cohort.AgeCount{Bucket: age, N: int32(row.Counts[i]), SumMs: int64(row.Sums[i])})
		}
		cell(p, &whole)
	})
	return nil
}

// LoadAhead calls cell for every other cell of a version above a sequence.
func (n *Numbers) LoadAhead(_ context.Context, seqs map[uint16]uint64, cell func(uint16, worker.StoredCell)) error {
	n.each(func(k CellKey, c Cell) bool {
		seq, ok := seqs[k.Partition]
		return ok && k.Kind != "volume" && c.Version > seq
	}, cell)
	return nil
}

// CountCells counts cells of a kind.
func (n *Numbers) CountCells(_ context.Context, partitions []uint16, kind string) (map[uint16]int, error) {
	counts := map[uint16]int{}
	is := func(k CellKey, c Cell) bool {
		return k.Kind == kind && c.N != 0 && slices.Contains(partitions, k.Partition)
	}
	n.each(is, func(partition uint16, _ worker.StoredCell) { counts[partition]++ })
	return counts, nil
}

func (n *Numbers) each(is func(CellKey, Cell) bool, cell func(uint16, worker.StoredCell)) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for generation := range n.generations() {
		n.store.locked(generation).eachOwn(is, cell)
	}
}

func (n *Numbers) eachOwn(is func(CellKey, Cell) bool, cell func(uint16, worker.StoredCell)) {
	for k, c := range n.Cells {
		if is(k, c) {
			cell(k.Partition, worker.StoredCell{
				Generation: n.generation, Kind: k.Kind, Name: k.Name, Segment: k.Segment, Value: k.Value, Window: k.Window, CohortStart: k.CohortStart,
				Stage: k.Stage, Bucket: k.Bucket, N: c.N, Version: c.Version,
			})
		}
	}
}
