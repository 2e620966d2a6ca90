package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/sinks/clickhouse"
)

// recover brings a partition to its checkpoint: it loads the users and folds them into cells. What was stored
// after the checkpoint is marked, so that the replay skips what is in it already.
func (w *Worker) recover(ctx context.Context, p *partition, cp clickhouse.Checkpoint, sent map[uint64]struct{}) error {
	p.counters, p.applied, p.clock = cp, cp.AppliedSeq, cp.ArrivalClock
	if p.counters.Dead == nil {
		p.counters.Dead = map[string]uint64{}
	}
	p.prune = p.watermark()
	p.matcher.AddFailures(cp.Failures)
	for scope, n := range cp.Capped {
		p.names.capped[scope] = n
	}
	for seq := range sent {
		if seq > p.applied {
			p.sentDead[seq] = struct{}{}
		}
	}
	if err := w.Store.LoadNames(ctx, p.id, p.names.load); err != nil {
		return err
	}
	if err := w.Store.LoadUsers(ctx, p.id, p.load); err != nil {
		return err
	}
	err := w.Store.LoadVolumes(ctx, p.id, p.prune/1000, func(c clickhouse.StoredCell) {
		k, _ := p.keyOf(c)
		p.cells.Set(k, c.N)
		p.volumes[k] = c.Version
	})
	if err != nil {
		return err
	}
	err = w.Store.LoadAhead(ctx, p.id, p.applied, func(c clickhouse.StoredCell) {
		if k, ok := p.keyOf(c); ok {
			p.ahead = append(p.ahead, aheadCell{key: k, seq: c.Version})
		}
	})
	slices.SortFunc(p.ahead, func(a, b aheadCell) int { return int(min(1, max(-1, int64(a.seq)-int64(b.seq)))) })
	return err
}

// recoverAll recovers every partition and returns the first sequence to read.
func (w *Worker) recoverAll(ctx context.Context, checkpoints []clickhouse.Checkpoint) ([]*partition, error) {
	began := time.Now()
	deadSeq := checkpoints[0].DeadSeq
	for _, c := range checkpoints {
		deadSeq = min(deadSeq, c.DeadSeq)
	}
	sent, err := w.Dead.SentAfter(ctx, deadSeq)
	if err != nil {
		return nil, err
	}
	partitions := make([]*partition, len(checkpoints))
	var group errgroup.Group
	group.SetLimit(4)
	for i, cp := range checkpoints {
		p := newPartition(cp.Partition, w.Catalog, cp.Identity)
		partitions[i] = p
		group.Go(func() error {
			if err := w.recover(ctx, p, cp, sent); err != nil {
				return fmt.Errorf("recover partition %d: %w", p.id, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	users := 0
	for _, p := range partitions {
		users += len(p.users)
	}
	w.Log.Info("recovered", zap.Int("users", users), zap.Duration("took", time.Since(began)))
	return partitions, nil
}
