package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"

	"firstlight/pipeline/facts"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// start brings idle partitions to life: what is stored of them is loaded, and messages after it are applied. checkpoints are those of
// all partitions. Where it fails, the partitions are idle again.
func (w *Worker) start(ctx context.Context, checkpoints []Checkpoint, partitions ...uint16) error {
	lives := w.slots()
	limit := limitsOf(len(lives))
	if w.Memory > 0 { // what waits is beside it
		limit.waitingSize = min(limit.waitingSize, max(w.Memory/4, leastAhead)/len(lives)+1)
		limit.queue = min(limit.queue, max(leastQueue, limit.waitingSize/4/besideData))
	}
	if w.limits != nil {
		limit = *w.limits
	}
	for _, id := range partitions {
		l := newLife(id, limit, w.flusher.urge)
		l.state.Store(int32(recovering))
		l.applied, l.missed, l.moved, l.leased = w.reader.Applied, w.sayMissed, w.progress.moved, w.leased
		l.share, l.readBack, l.overtook = w.share, w.readBacks.ask, w.overtook
		lives[id].Store(l)
	}
	recovered, checkpoints, err := w.recoverNewest(ctx, checkpoints, partitions)
	if err != nil {
		return w.unstarted(partitions, err)
	}
	known, err := w.whatIsKnown(ctx, checkpoints, recovered)
	if err != nil {
		return w.unstarted(partitions, err)
	}
	joining := make([]stream.Joining, 0, len(recovered))
	for _, p := range recovered {
		l := lives[p.id].Load()
		joining = append(joining, stream.Joining{Partition: int(p.id), After: p.applied, Clock: p.streamClock, In: l.in})
		l.recovered(p)
		w.group.Go(func() error { return l.run(w.taking) })
	}
	w.reader.Attach(known, joining...)
	return nil
}

// recoverNewest recovers partitions from their checkpoints. Where another worker stores while they are read, it folds users, from the
// checkpoints that there are by then, and returns those.
func (w *Worker) recoverNewest(ctx context.Context, checkpoints []Checkpoint, partitions []uint16) ([]*partition, []Checkpoint, error) {
	mine, err := checkpointsFor(checkpoints, partitions)
	if err != nil {
		return nil, nil, err
	}
	recovered, err := w.recoverAll(ctx, mine)
	if !errors.Is(err, errAhead) && !errors.Is(err, facts.ErrUnknownLayout) {
		return recovered, checkpoints, err
	}
	if checkpoints, err = w.checkpoints(ctx); err != nil {
		return nil, nil, err
	}
	if mine, err = checkpointsFor(checkpoints, partitions); err != nil {
		return nil, nil, err
	}
	for i := range mine {
		mine[i].Cells = 0
	}
	recovered, err = w.recoverAll(ctx, mine)
	return recovered, checkpoints, err
}

// checkpointsFor are the checkpoints of some partitions.
func checkpointsFor(checkpoints []Checkpoint, partitions []uint16) (mine []Checkpoint, err error) {
	for _, id := range partitions {
		i := slices.IndexFunc(checkpoints, func(c Checkpoint) bool { return c.Partition == id })
		if i < 0 {
			return nil, fmt.Errorf("start partition %d: it has no checkpoint", id)
		}
		mine = append(mine, checkpoints[i])
	}
	return mine, nil
}

// whatIsKnown returns what is known of the stream when partitions join its reader, which take account of what went while they did not
// run.
func (w *Worker) whatIsKnown(ctx context.Context, checkpoints []Checkpoint, recovered []*partition) (known stream.Known, err error) {
	last, err := w.last(ctx)
	if err != nil {
		return known, err
	}
	if known.Newest, err = w.describe(ctx, last, checkpoints); err != nil {
		return known, err
	}
	info, err := w.state(ctx)
	if err != nil {
		return known, err
	}
	known.Had = w.missGone(recovered, checkpoints, info)
	return known, nil
}

// unstarted makes partitions idle that could not be started.
func (w *Worker) unstarted(partitions []uint16, err error) error {
	for _, id := range partitions {
		w.slots()[id].Store(nil)
	}
	return err
}

// restart starts partitions that this worker or another has run before, from what is stored now.
func (w *Worker) restart(ctx context.Context, partitions ...uint16) error {
	if err := w.lacking(ctx); err != nil {
		return err
	}
	checkpoints, err := w.checkpoints(ctx)
	if err != nil {
		return err
	}
	if err := w.progress.refresh(ctx, w.numbers); err != nil {
		return err
	}
	return w.start(ctx, checkpoints, partitions...)
}

// overtook has partitions started again that were overtaken.
func (w *Worker) overtook(by error) {
	w.Log.Warn("a partition is recovered anew", zap.Error(by))
	signal(w.again)
}

// fallenBehind are the partitions that are to be started again.
func (w *Worker) fallenBehind() (ids []uint16) {
	for _, l := range w.awake() {
		if l.overtaken.Load() {
			ids = append(ids, l.id)
		}
	}
	return ids
}

// startOvertaken starts partitions again that were overtaken, until ctx ends, in a worker that holds all.
func (w *Worker) startOvertaken(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.again:
		}
		ids := w.fallenBehind()
		if len(ids) == 0 {
			continue
		}
		w.restarting.Store(true)
		w.stop(ids...)
		err := w.Trouble.Retry(ctx, trouble.ClickHouse, startingPartitions, func() error { return w.restart(ctx, ids...) })
		if err != nil && ctx.Err() == nil {
			return err
		}
		w.restarting.Store(false)
	}
}

const startingPartitions = "starting partitions"

// stop ends the lives of partitions: they are idle once all that they applied is stored. Those that are idle are left.
func (w *Worker) stop(partitions ...uint16) {
	lives := w.slots()
	partitions = slices.DeleteFunc(slices.Clone(partitions), func(id uint16) bool { return lives[id].Load() == nil })
	w.reader.Detach(partitions...)
	for _, id := range partitions {
		close(lives[id].Load().halted)
	}
	for _, id := range partitions {
		l := lives[id].Load()
		<-l.ended
		w.stored.Add(l.taken)
		lives[id].Store(nil)
		l.empty()
	}
}

// share is how many bytes the users of each partition may take that is not idle; 0: any.
func (w *Worker) share() int {
	if w.Memory == 0 {
		return 0
	}
	awake := 0
	slots := w.slots()
	for i := range slots {
		if slots[i].Load() != nil {
			awake++
		}
	}
	return max(1, w.Memory/max(1, awake))
}

// slots are the lives by partition.
func (w *Worker) slots() []atomic.Pointer[life] {
	if lives := w.lives.Load(); lives != nil {
		return *lives
	}
	return nil
}

// awake returns the lives of the partitions that were recovered, by partition.
func (w *Worker) awake() (lives []*life) {
	slots := w.slots()
	for i := range slots {
		if l := slots[i].Load(); l != nil && state(l.state.Load()) >= running {
			lives = append(lives, l)
		}
	}
	return lives
}

// stateOf returns where a partition is in its life. One that the worker does not have, which a table of leases may name, is idle.
func (w *Worker) stateOf(partition uint16) state {
	slots := w.slots()
	if int(partition) >= len(slots) {
		return idle
	}
	if l := slots[partition].Load(); l != nil {
		return state(l.state.Load())
	}
	return idle
}
