package worker

import (
	"context"
	"time"

	"firstlight/pipeline/lease"
)

// Checked says that partitions are checked at every flush.
const Checked = checked

// SmallSnapshots flushes after a few messages.
func (w *Worker) SmallSnapshots() {
	w.limits = &limits{messages: 7, users: 3, cells: 1000, deadLetters: 4, deadBytes: 1 << 20}
}

// Dealt is how many messages the reader of a running worker has handed to its partitions.
func (w *Worker) Dealt() (n uint64) {
	if !w.observed.recovered.Load() {
		return 0
	}
	for i := range w.slots() {
		n += w.reader.Dealt(i)
	}
	return n
}

// FullAfter takes no more messages once so many wait to be written.
func (w *Worker) FullAfter(messages uint64) {
	limit := limitsOf(w.Partitions)
	limit.messages = messages
	w.limits = &limit
}

// Limit bounds the snapshots of each partition. Queues are the shortest that workers have: making longer ones takes a good part of a
// small case.
func (w *Worker) Limit(messages uint64, users, cells, letters int) {
	w.limits = &limits{messages: messages, users: users, cells: cells, deadLetters: letters, deadBytes: 1 << 20, queue: leastQueue}
}

// StartPartition starts an idle partition of a running worker.
func (w *Worker) StartPartition(ctx context.Context, id uint16) error { return w.restart(ctx, id) }

// StopPartition stops a partition of a running worker.
func (w *Worker) StopPartition(id uint16) { w.stop(id) }

// StateOf returns where a partition is in its life, in a word.
func (w *Worker) StateOf(id uint16) string { return w.stateOf(id).String() }

// Terms are those of the leases.
func (w *Worker) Terms(t lease.Terms) { w.terms = &t }

// LeaveRebuild is how long a rebuild that was begun beside the worker is left to say what it is of.
func (w *Worker) LeaveRebuild(patience time.Duration) { w.begunPatience = patience }

// Runs are the partitions that run in the worker.
func (w *Worker) Runs() (ids []uint16) {
	if !w.observed.recovered.Load() {
		return nil
	}
	for _, l := range w.awake() {
		ids = append(ids, l.id)
	}
	return ids
}

// KeepTo has users take so many bytes, and know those who are not in memory by so many digits of their tokens: by one, several have
// one key.
func (w *Worker) KeepTo(memory, digits int) { w.Memory, w.keyDigits = memory, digits }

// UniteAtOnce has the worker unite so many users at a time.
func (w *Worker) UniteAtOnce(users int) { w.page = users }

// Adopt has a catalog file decide, of Definitions that do not run.
func (d *Definitions) Adopt(ctx context.Context, source []byte) error {
	d.init()
	return d.adopt(ctx, source)
}

// IsOwn reports whether a generation beside is shown by the file that was adopted last.
func (d *Definitions) IsOwn(ctx context.Context, beside uint32) (bool, error) {
	_, c, err := d.sourceBeside(ctx, beside)
	if err != nil {
		return false, err
	}
	return d.isOwn(ctx, beside, c)
}
