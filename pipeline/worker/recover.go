package worker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/cohort"
)

// recover brings partitions to their checkpoints: it loads the cells and the users, or folds these into cells. What was stored after the checkpoints
// is marked, so that the replay skips what is in it already. Each table is read once for all of them: a query costs the server more
// than the rows of a small partition.
func (w *Worker) recover(ctx context.Context, recovering []*partition) error {
	of := make(map[uint16]*partition, len(recovering))
	ids := make([]uint16, len(recovering))
	prunes := make(map[uint16]int64)
	for i, p := range recovering {
		ids[i], of[p.id] = p.id, p
		prunes[p.id] = p.prune / 1000
	}
	if err := w.numbers.LoadNames(ctx, ids, func(id uint16, scope, value string) { of[id].names.load(scope, value) }); err != nil {
		return err
	}
	if err := w.restoreCells(ctx, recovering); err != nil {
		return err
	}
	if err := w.numbers.LoadForgotten(ctx, ids, func(f Forgotten) error { return of[f.Partition].loadForgotten(f) }); err != nil {
		return err
	}
	if err := w.loadUsers(ctx, ids, recovering); err != nil {
		return err
	}
	if err := w.stillNewest(ctx, of); err != nil {
		return err
	}
	for _, p := range recovering {
		p.loaded()
	}
	err := w.numbers.LoadVolumes(ctx, prunes, func(id uint16, c StoredCell) {
		p := of[id]
		if k, ok := p.keyOf(c); ok {
			p.cells.Set(k, c.N)
			p.volumes[k] = c.Version
		}
	})
	if folded := folding(recovering); err == nil && len(folded) > 0 {
		err = w.settleFolded(ctx, folded)
	}
	return err
}

// settleFolded compares cells that were folded with those that are stored.
func (w *Worker) settleFolded(ctx context.Context, folded []*partition) error {
	of, ids, applied := make(map[uint16]*partition, len(folded)), make([]uint16, len(folded)), make(map[uint16]uint64, len(folded))
	for i, p := range folded {
		ids[i], of[p.id], applied[p.id] = p.id, p, p.applied
	}
	if err := w.addBetween(ctx, ids, folded); err != nil {
		return err
	}
	err := w.numbers.LoadAhead(ctx, applied, func(id uint16, c StoredCell) {
		p := of[id]
		if k, ok := p.keyOf(c); ok {
			p.ahead = append(p.ahead, aheadCell{key: k, seq: c.Version})
		}
	})
	for _, p := range folded {
		slices.SortFunc(p.ahead, func(a, b aheadCell) int { return cmp.Compare(a.seq, b.seq) })
	}
	return err
}

// addBetween has the cells of times between steps written where fewer are stored than the users' facts give: a version
// before this one stored users and no such cells.
func (w *Worker) addBetween(ctx context.Context, ids []uint16, recovering []*partition) error {
	held := make([]int, len(recovering))
	for i, p := range recovering {
		held[i] = p.cells.Count(cohort.Between)
	}
	if slices.Max(held) == 0 {
		return nil
	}
	stored, err := w.numbers.CountCells(ctx, ids, cohort.Between.String())
	if err != nil {
		return err
	}
	for i, p := range recovering {
		if stored[p.id] < held[i] {
			p.cells.TouchAll(cohort.Between)
			p.changed = true
		}
	}
	return nil
}

// resume takes over what a checkpoint says.
func (p *partition) resume(cp Checkpoint) {
	p.counters, p.applied, p.clock = cp, cp.AppliedSeq, cp.ArrivalClock
	p.streamClock = max(cp.StreamClock, cp.ArrivalClock) // an old row has no stream clock: 0
	if p.counters.Dead == nil {
		p.counters.Dead = map[string]uint64{}
	}
	p.prune = p.watermark()
	p.away.stored = cp.AppliedSeq
	p.matcher.AddFailures(cp.Failures)
	for scope, n := range cp.Capped {
		p.names.capped[scope] = n
	}
	p.joiner.Capped = cp.Capped[capOpenEvents]
	delete(p.names.capped, capOpenEvents)
	p.trail.restore(cp.Received, cp.Fingerprints)
}

// recoverAll recovers partitions from their checkpoints.
func (w *Worker) recoverAll(ctx context.Context, checkpoints []Checkpoint) ([]*partition, error) {
	began := time.Now()
	deadSeq := checkpoints[0].DeadSeq
	for i := range checkpoints {
		deadSeq = min(deadSeq, checkpoints[i].DeadSeq)
	}
	sent, err := w.Dead.SentAfter(ctx, deadSeq)
	if err != nil {
		return nil, err
	}
	layouts, err := w.layouts(ctx)
	if err != nil {
		return nil, err
	}
	partitions := make([]*partition, len(checkpoints))
	for i, cp := range checkpoints {
		p := newPartition(cp.Partition, w.Catalog, cp.Identity)
		p.joiner.Layouts = layouts
		p.own, p.origins = w.generation, w.Plan.originsOf(p.catalog, w.generation)
		for i := range p.catalog.Metrics {
			p.countsFrom[i] = CountsFrom(p.catalog, w.Plan.CompleteFrom[p.catalog.Metrics[i].Name])
		}
		if w.Plan.partial() {
			p.part.leave(w.Plan.kept(p.catalog))
		}
		if cp.unjoined {
			if cp, err = w.unite(ctx, p, cp); err != nil {
				return nil, fmt.Errorf("unite users of partition %d: %w", p.id, err)
			}
		}
		p.resume(cp)
		p.away.share, p.away.digits = w.share(), cmp.Or(w.keyDigits, tokenDigits)
		p.answered = w.answered
		for seq, of := range sent {
			if seq > p.applied {
				p.sentDead[seq] = of
			}
		}
		partitions[i] = p
	}
	if err := w.loadEarlier(ctx, partitions); err != nil {
		return nil, err
	}
	if len(partitions) > 0 {
		if err := w.recover(ctx, partitions); err != nil {
			return nil, fmt.Errorf("recover partitions: %w", err)
		}
	}
	users, inMemory := 0, 0
	for _, p := range partitions {
		if p.uniting != nil {
			if err := p.enterHalves(); err != nil {
				return nil, err
			}
		}
		users += p.known()
		inMemory += p.users.Len()
	}
	w.Log.Info("recovered", zap.Int("partitions", len(partitions)), zap.Int("users", users), zap.Int("in memory", inMemory), zap.Duration("took", time.Since(began)))
	return partitions, nil
}
