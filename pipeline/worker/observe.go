package worker

import (
	"context"
	"sync/atomic"
	"time"

	"firstlight/sinks/clickhouse"
)

// What a running worker lets others see, at any time and from any goroutine.

// Observation is the state of a worker as it last reported it.
type Observation struct {
	Recovered  bool      // partitions are loaded and messages are taken
	Alive      time.Time // when the slowest partition's loop last went round; zero before Recovered
	Reported   time.Time // when progress was last written to ClickHouse; zero before the first time
	StreamSeq  uint64    // last sequence of the stream at Reported
	Partitions []PartitionObservation
}

// PartitionObservation is one partition, as of its last flush.
type PartitionObservation struct {
	Accounts  clickhouse.Checkpoint // as stored
	Watermark int64                 // ms; meaningless before the first message
	Users     int                   // in memory
	Cells     int                   // in memory
	Lag       uint64                // stored messages not yet applied
	AsOf      int64                 // ms
}

// observed is what the worker's goroutines leave behind for Observe.
type observed struct {
	lives  atomic.Pointer[[]*life]
	report atomic.Pointer[report]
}

type report struct {
	at   time.Time
	rows []clickhouse.Progress
}

// held is what a partition holds, as of a flush.
type held struct {
	accounts     clickhouse.Checkpoint
	watermark    int64
	users, cells int
}

// Observe returns what is known now.
func (w *Worker) Observe() Observation {
	var o Observation
	lives := w.observed.lives.Load()
	if lives == nil {
		return o
	}
	o.Recovered = true
	for i, l := range *lives {
		if alive := time.Unix(0, l.alive.Load()); i == 0 || alive.Before(o.Alive) {
			o.Alive = alive
		}
		h := l.held.Load()
		o.Partitions = append(o.Partitions, PartitionObservation{Accounts: h.accounts, Watermark: h.watermark, Users: h.users, Cells: h.cells})
	}
	if r := w.observed.report.Load(); r != nil {
		o.Reported = r.at
		for i, row := range r.rows {
			o.Partitions[i].Lag, o.Partitions[i].AsOf, o.StreamSeq = row.Lag, row.AsOf, row.StreamSeq
		}
	}
	return o
}

// holds describes the partition for Observe. Only the partition's goroutine calls it.
func (p *partition) holds(accounts clickhouse.Checkpoint) *held {
	return &held{accounts: accounts, watermark: p.watermark(), users: len(p.users), cells: p.cells.Len()}
}

// timed stores a snapshot and tells how long it took.
func (w *Worker) timed(ctx context.Context, s *snapshot) error {
	began := time.Now()
	err := w.store(ctx, s)
	if err == nil && w.Flushed != nil {
		w.Flushed(time.Since(began))
	}
	return err
}
