package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/sinks/clickhouse"
)

// progress publishes how far the partitions are: lag, and as_of, the received time up to which all of them have
// applied the stream. as_of never goes back.
type progress struct {
	drainTo uint64
	asOf    map[uint16]int64
}

const (
	reportInterval = 500 * time.Millisecond
	farBehind      = 100_000 // unread messages from which throughput matters more than freshness
)

func (p *progress) start(ctx context.Context, w *Worker, last uint64) error {
	asOf, err := w.Store.AsOf(ctx)
	if err != nil {
		return err
	}
	p.drainTo, p.asOf = last, asOf
	return nil
}

// reportUntilDone publishes progress until ctx ends, or when draining until everything up to drainTo is stored.
func (w *Worker) reportUntilDone(ctx context.Context) error {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		if w.Drain && w.storedUpTo() >= w.progress.drainTo {
			return nil
		}
		if err := w.report(ctx); err != nil && ctx.Err() == nil {
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return fmt.Errorf("the event stream is gone: %w", err)
			}
			w.Log.Warn("progress could not be published, trying again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// storedUpTo is the sequence up to which all partitions are stored.
func (w *Worker) storedUpTo() uint64 {
	least := w.lives[0].committed.Load().sequence
	for _, l := range w.lives {
		least = min(least, l.committed.Load().sequence)
	}
	return least
}

// report publishes the progress of every partition once.
func (w *Worker) report(ctx context.Context) error {
	info, err := w.Events.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the stream's state: %w", err)
	}
	delivered, last := w.reader.Delivered(), info.State.LastSeq
	if last > delivered.Sequence {
		if _, last, err = w.newest(ctx); err != nil { // the last sequences may be of deleted messages
			return err
		}
	}
	rows := make([]clickhouse.Progress, len(w.lives))
	behind := last > w.storedUpTo()
	for i, l := range w.lives {
		l.behind.Store(last > delivered.Sequence+farBehind)
		at := l.committed.Load()
		asOf := at.clock
		if !behind && delivered.Live {
			asOf = info.TimeStamp.UnixMilli()
		}
		id := l.p.id
		w.progress.asOf[id] = max(w.progress.asOf[id], asOf)
		rows[i] = clickhouse.Progress{Partition: id, StreamSeq: info.State.LastSeq, Lag: w.lag(i, at, delivered.Sequence, last), AsOf: w.progress.asOf[id]}
	}
	now := time.Now()
	if err := w.Store.WriteProgress(ctx, now, rows); err != nil {
		return err
	}
	w.observed.report.Store(&report{at: now, rows: rows})
	return nil
}

// lag is how many stored messages of a partition are not applied yet. Of the messages the reader has not seen,
// each partition is assumed to have the share it had of those seen.
func (w *Worker) lag(i int, at *position, delivered, last uint64) uint64 {
	var all uint64
	for k := range w.lives {
		all += w.reader.Dealt(k)
	}
	dealt := w.reader.Dealt(i)
	lag := dealt - min(dealt, at.taken)
	if last <= delivered {
		return lag
	}
	unseen := last - delivered
	if all == 0 {
		return lag + unseen/uint64(len(w.lives))
	}
	return lag + uint64(float64(unseen)*float64(dealt)/float64(all))
}
