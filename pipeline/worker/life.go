package worker

import (
	"context"
	"sync/atomic"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// life runs one partition. Its goroutine owns the partition; a second one writes the snapshot in flight, one at
// a time, while messages go on being applied. When the next snapshot is full before that one is stored, it
// stops taking messages: a slow ClickHouse slows consumption instead of growing memory.
//
// It ends when the context ends and the last snapshot is stored, or when a write fails for good.
type life struct {
	p     *partition
	in    chan stream.Item
	every time.Duration
	limit limits
	write func(*snapshot) error
	// applied is told of every message taken.
	applied func(*event.Message)

	mark      stream.Mark // newest mark taken
	taken     uint64      // messages taken
	flushed   uint64      // messages taken before the last snapshot
	inFlight  *snapshot
	flightsTo position // what is committed once inFlight is stored
	stored    chan error
	lastFlush time.Time
	committed atomic.Pointer[position]
	behind    atomic.Bool          // set by whoever reports progress
	held      atomic.Pointer[held] // for Observe
	alive     atomic.Int64         // when the loop last went round, Unix ns
}

// position is how far a partition is stored.
type position struct {
	sequence uint64
	clock    int64  // received time (ms) up to which the partition has applied the stream
	taken    uint64 // messages taken from the reader up to there
}

// limits bound one snapshot: what waits to be written, and what a crash makes a worker read again.
type limits struct {
	messages    uint64
	users       int
	cells       int
	deadLetters int
	deadBytes   int
}

var defaultLimits = limits{messages: 1_000_000, users: 50_000, cells: 200_000, deadLetters: 20_000, deadBytes: 32 << 20}

const (
	queueLength     = 4096
	idleCheckpoints = 10 * time.Second
	intervalsBehind = 5
)

func newLife(p *partition, every time.Duration, limit limits, write func(*snapshot) error) *life {
	l := &life{p: p, in: make(chan stream.Item, queueLength), every: every, limit: limit, write: write, stored: make(chan error, 1), applied: func(*event.Message) {}}
	l.committed.Store(&position{sequence: p.applied, clock: p.clock})
	l.held.Store(p.holds(p.checkpoint()))
	l.alive.Store(time.Now().UnixNano())
	return l
}

func (l *life) run(ctx context.Context) error {
	tick := time.NewTicker(min(l.every, time.Second) / 4)
	defer tick.Stop()
	for {
		in := l.in
		if l.full() {
			in = nil
		}
		select {
		case item := <-in:
			if err := l.take(item); err != nil {
				return err
			}
		case err := <-l.stored:
			if err := l.landed(err); err != nil {
				return err
			}
		case <-tick.C:
		case <-ctx.Done():
			return l.end()
		}
		now := time.Now()
		l.alive.Store(now.UnixNano())
		l.flushIfDue(now)
	}
}

// take applies an item, and what else waits behind it.
func (l *life) take(item stream.Item) error {
	for n := 1; ; n++ {
		if item.Mark != nil {
			l.mark = *item.Mark
			l.p.applied = max(l.p.applied, l.mark.Sequence)
		} else {
			l.taken++
			err := l.p.apply(&item.Message)
			l.applied(&item.Message)
			if err != nil {
				return err
			}
		}
		if n == queueLength || l.full() {
			return nil
		}
		select {
		case item = <-l.in:
		default:
			return nil
		}
	}
}

func (l *life) full() bool {
	return l.taken-l.flushed >= l.limit.messages || len(l.p.dirtyUsers) >= l.limit.users || l.p.cells.Dirty() >= l.limit.cells ||
		len(l.p.dead) >= l.limit.deadLetters || l.p.deadBytes >= l.limit.deadBytes
}

func (l *life) flushIfDue(now time.Time) {
	if l.inFlight != nil {
		return
	}
	if !l.p.changed {
		l.committed.Store(l.position())
	}
	since := now.Sub(l.lastFlush)
	switch {
	case l.full():
	case l.p.changed && since >= l.interval():
	case !l.p.changed && since >= idleCheckpoints && l.p.applied > l.p.counters.AppliedSeq:
	default:
		return
	}
	l.flush(now)
}

// interval is how often changes are written. A partition that is behind writes larger snapshots, less often: a
// user or cell that changes many times is then written once, and nobody waits for the newest events yet.
func (l *life) interval() time.Duration {
	if l.behind.Load() {
		return l.every * intervalsBehind
	}
	return l.every
}

func (l *life) flush(now time.Time) {
	l.lastFlush, l.flushed = now, l.taken
	l.inFlight, l.flightsTo = l.p.snapshot(), *l.position()
	l.p.counters.AppliedSeq = l.p.applied
	go func(s *snapshot) { l.stored <- l.write(s) }(l.inFlight)
}

func (l *life) landed(err error) error {
	if err != nil {
		return err
	}
	l.p.committed(l.inFlight)
	l.held.Store(l.p.holds(l.inFlight.checkpoint))
	l.inFlight = nil
	to := l.flightsTo
	l.committed.Store(&to)
	return nil
}

func (l *life) position() *position {
	return &position{sequence: l.p.applied, clock: max(l.mark.Clock, l.p.clock), taken: l.taken}
}

// end stores what was applied.
func (l *life) end() error {
	if l.inFlight != nil {
		if err := l.landed(<-l.stored); err != nil {
			return err
		}
	}
	if !l.p.changed && l.p.applied == l.p.counters.AppliedSeq {
		return nil
	}
	l.flush(time.Now())
	return l.landed(<-l.stored)
}
