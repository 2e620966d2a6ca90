package worker

import (
	"context"
	"errors"
	"maps"
	"slices"

	"firstlight/pipeline/cohort"
)

// Cells are read back as they are stored where that is what the users' facts give: the checkpoint says so, and nothing of the partition was
// stored after it. Else, as after a flush that did not end, they are folded from all users, of whom some may be stored beyond the checkpoint
// and some not.

// wholeCells is what a checkpoint says that was written with all cells its users give. A version of Firstlight that counts more of facts
// that are stored already raises it, so that it folds them once.
const wholeCells = 1

// errAhead is that users are stored beyond the checkpoint, and the cells that were read are not.
var errAhead = errors.New("another worker stores what it had applied")

// restoreCells reads the cells of those partitions whose users need not be folded into them.
func (w *Worker) restoreCells(ctx context.Context, recovering []*partition) error {
	of, after := make(map[uint16]*partition, len(recovering)), make(map[uint16]int64, len(recovering))
	for _, p := range recovering {
		if p.restored = p.counters.Cells == wholeCells && p.uniting == nil; p.restored {
			of[p.id], after[p.id] = p, p.prune/1000
		}
	}
	if len(after) == 0 {
		return nil
	}
	if err := w.numbers.LoadCells(ctx, after, func(id uint16, c *WholeCell) { of[id].restore(c) }); err != nil {
		return err
	}
	for _, p := range recovering {
		if !p.restored {
			p.cells = cohort.NewCells()
		}
	}
	return nil
}

// restore takes over a stored cell.
func (p *partition) restore(c *WholeCell) {
	p.restored = p.restored && c.Version <= p.applied
	if !p.restored {
		return
	}
	if k, ok := p.keyOf(c.StoredCell); ok {
		p.cells.Restore(k, c.Counts(), c.Ages)
	}
}

// stillNewest returns errAhead where another worker has stored a checkpoint since cells were read: users whom it had forgotten may be gone.
func (w *Worker) stillNewest(ctx context.Context, recovering map[uint16]*partition) error {
	if !slices.ContainsFunc(slices.Collect(maps.Values(recovering)), func(p *partition) bool { return p.restored }) {
		return nil
	}
	checkpoints, err := w.numbers.Checkpoints(ctx)
	if err != nil {
		return err
	}
	for _, c := range checkpoints {
		if p := recovering[c.Partition]; p != nil && p.restored && c.AppliedSeq > p.applied {
			return errAhead
		}
	}
	return nil
}

// folding are the partitions whose cells are folded from their users.
func folding(recovering []*partition) (out []*partition) {
	for _, p := range recovering {
		if !p.restored {
			out = append(out, p)
		}
	}
	return out
}

// WholeCell is all that is stored of a cell.
type WholeCell struct {
	StoredCell
	Active, Adopters, NewAdopters int64
	Ages                          []cohort.AgeCount // ascending
}

// Counts are what the cell counts, ages aside.
func (c *WholeCell) Counts() cohort.Counts {
	return cohort.Counts{N: c.N, Active: int32(c.Active), Adopters: int32(c.Adopters), NewAdopters: int32(c.NewAdopters)}
}
