package worker

import "sync/atomic"

// CrashAt makes the worker end before its n-th write (from 0) and write nothing after it, as kill -9 would, with
// small snapshots so that there are many writes.
func (w *Worker) CrashAt(n int, err error) {
	w.SmallSnapshots()
	var writes atomic.Int64
	w.fault = func(string) error {
		if writes.Add(1) > int64(n) {
			return err
		}
		return nil
	}
}

// SmallSnapshots flushes after a few messages.
func (w *Worker) SmallSnapshots() {
	w.limits = &limits{messages: 7, users: 3, cells: 1000, deadLetters: 4, deadBytes: 1 << 20}
}

// Dealt is how many messages the reader of a running worker has handed to its partitions.
func (w *Worker) Dealt() (n uint64) {
	lives := w.observed.lives.Load()
	if lives == nil {
		return 0
	}
	for i := range *lives {
		n += w.reader.Dealt(i)
	}
	return n
}
