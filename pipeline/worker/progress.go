package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/lease"
	"firstlight/pipeline/trouble"
)

// progress publishes how far the partitions are: lag, and as_of, the received time up to which all of them have
// applied the stream. as_of never goes back, so it must never be ahead of a stream that may still get its past: it is
// 1970 before the first event, and follows the server's clock only while the newest event came live.
type progress struct {
	drainTo uint64
	read    uint64        // up to where the reader was at the report before
	wake    chan struct{} // something was stored
	covered calendar.Day  // up to which the calendar is stored for as_of
	mu      sync.Mutex
	asOf    map[uint16]int64
}

const (
	reportInterval = 500 * time.Millisecond
	goneAfter      = 6       // reports in a row that miss the stream: a server that opens its stores does so stream by stream
	farBehind      = 100_000 // unread messages from which throughput matters more than freshness
)

func (p *progress) start(ctx context.Context, w *Worker, last uint64) error {
	p.drainTo, p.wake, p.asOf = last, make(chan struct{}, 1), map[uint16]int64{}
	return p.refresh(ctx, w.numbers)
}

// refresh takes in what is stored: whoever ran a partition before may have said more of it.
func (p *progress) refresh(ctx context.Context, from Numbers) error {
	asOf, err := from.AsOf(ctx)
	for id, at := range asOf {
		p.reach(id, at)
	}
	return err
}

// reach returns the as_of of a partition, at least the one given.
func (p *progress) reach(partition uint16, asOf int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asOf[partition] = max(p.asOf[partition], asOf)
	return p.asOf[partition]
}

// of returns the as_of of a partition.
func (p *progress) of(partition uint16) int64 { return p.reach(partition, 0) }

// moved tells that something was stored.
func (p *progress) moved() { signal(p.wake) }

// reportUntilDone publishes progress until ctx ends, or when draining until everything up to drainTo is stored.
func (w *Worker) reportUntilDone(ctx context.Context) error {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for missed := 0; ; {
		if w.drained() {
			return nil
		}
		err := w.report(ctx)
		if missed++; !errors.Is(err, jetstream.ErrStreamNotFound) {
			missed = 0
		}
		if missed >= goneAfter && ctx.Err() == nil {
			return &Refusal{fmt.Sprintf("the stream %s is gone: it was deleted while it was read; restore it, or %s", w.Events.CachedInfo().Config.Name, rebuildAdvice)}
		}
		if stops(err) && ctx.Err() == nil {
			return err
		}
		if !w.untilNextReport(ctx, tick.C) {
			return nil
		}
	}
}

// untilNextReport waits until the next report is due: when draining, that is also when all is stored. It reports false when ctx has
// ended.
func (w *Worker) untilNextReport(ctx context.Context, tick <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-w.progress.wake:
			if w.drained() {
				return true
			}
		}
	}
}

// drained reports whether a worker that drains is done: all that the stream held at its start is stored, by whomever.
func (w *Worker) drained() bool {
	return w.Drain && !w.restarting.Load() && w.allStoredUpTo() >= w.progress.drainTo
}

// allStoredUpTo is the sequence up to which all partitions are stored: those of other workers as they last said.
func (w *Worker) allStoredUpTo() uint64 {
	if w.sharing == nil {
		return w.storedUpTo()
	}
	said := w.sharing.said()
	for _, l := range w.awake() {
		if int(l.id) < len(said) {
			said[l.id].Stored = l.committed.Load().sequence
		}
	}
	if len(said) == 0 {
		return 0
	}
	return slices.MinFunc(said, func(a, b lease.Partition) int { return cmp.Compare(a.Stored, b.Stored) }).Stored
}

// storedUpTo is the sequence up to which all partitions that run here are stored; 0 when none does.
func (w *Worker) storedUpTo() (least uint64) {
	for i, l := range w.awake() {
		if at := l.committed.Load().sequence; i == 0 || at < least {
			least = at
		}
	}
	return least
}

// report publishes the progress of every partition once.
func (w *Worker) report(ctx context.Context) error {
	r, err := w.measure(ctx)
	w.tell(ctx, trouble.NATS, "reading the state of the event stream", err)
	if err != nil {
		return err
	}
	err = w.inForce(ctx)
	w.tell(ctx, trouble.ClickHouse, "reading the generation in force", err)
	if err != nil {
		return err
	}
	r.at = time.Now()
	if len(r.rows) > 0 && w.leased() { // who paused knows less than whoever has its partitions by now
		if err = w.coverToday(ctx, r.rows); err == nil {
			err = w.numbers.WriteProgress(ctx, r.at, r.rows)
		}
	}
	w.tell(ctx, trouble.ClickHouse, "progress", err)
	if err != nil {
		return err
	}
	w.observed.report.Store(r)
	return nil
}

// coverToday stores the local days up to that of as_of before as_of gets there: it may be long after the last event, and what ends
// with a day is judged by them.
func (w *Worker) coverToday(ctx context.Context, rows []Progress) error {
	cal := calendar.New(w.Catalog.Location, w.Catalog.WeekStart)
	starts, covered := map[calendar.Day]int64{}, w.progress.covered
	for i := range rows {
		if rows[i].AsOf == 0 {
			continue // nothing has been received yet
		}
		today := cal.DayOf(rows[i].AsOf / 1000)
		if today <= w.progress.covered {
			continue
		}
		maps.Copy(starts, around(cal, today))
		covered = max(covered, today+daysAhead/2)
	}
	if len(starts) == 0 {
		return nil
	}
	if err := w.numbers.WriteCalendar(ctx, starts); err != nil {
		return err
	}
	w.progress.covered = covered
	return nil
}

// tell reports how an attempt went, unless the end of ctx is why it failed.
func (w *Worker) tell(ctx context.Context, at, what string, err error) {
	if stops(err) {
		return // that is no trouble: it ends the worker
	}
	if err == nil || ctx.Err() == nil {
		w.Trouble.Report(at, what, err)
	}
}

// measure returns how far every partition is.
func (w *Worker) measure(ctx context.Context) (*report, error) {
	info, err := w.sameStream(ctx)
	if err != nil {
		return nil, err
	}
	delivered, last := w.reader.Delivered(), info.State.LastSeq
	if last > delivered.Sequence {
		if last, err = w.last(ctx); err != nil { // the last sequences may be of deleted messages
			return nil, err
		}
	}
	if info.State.Msgs == 0 && delivered.Sequence == w.progress.read {
		w.reader.Gone(info.State.LastSeq)
	}
	w.progress.read = delivered.Sequence
	unseen := uint64(0) // messages the stream holds that the reader has not seen, at most
	if from := max(delivered.Sequence, max(info.State.FirstSeq, 1)-1); last > from {
		unseen = min(last-from, info.State.Msgs)
	}
	lives := w.awake()
	rows := make([]Progress, len(lives))
	behind := last > w.storedUpTo()
	w.flusher.behind.Store(last > delivered.Sequence+farBehind)
	for i, l := range lives {
		at := l.committed.Load()
		asOf := at.clock
		if !behind && delivered.Live {
			asOf = info.TimeStamp.UnixMilli()
		}
		lag := w.lag(lives, l, at, unseen)
		l.track(time.Now(), at, lag > 0)
		rows[i] = Progress{Partition: l.id, StreamSeq: info.State.LastSeq, Lag: lag, AsOf: w.progress.reach(l.id, asOf), Worker: w.Name}
	}
	stored := w.allStoredUpTo()
	return &report{
		rows: rows, last: info.State.LastSeq, server: info.TimeStamp.UnixMilli(), behind: behind, stored: stored, catchingUp: stored < w.progress.drainTo,
	}, nil
}

// reportedUpTo is the sequence up to which all partitions were stored at the last report, 0 before the first. It may be asked by anybody.
func (w *Worker) reportedUpTo() uint64 {
	if r := w.observed.report.Load(); r != nil {
		return r.stored
	}
	return 0
}

// lag is how many stored messages of a partition are not applied yet. Of the messages the reader has not seen,
// each partition is assumed to have the share it had of those seen.
func (w *Worker) lag(lives []*life, of *life, at *position, unseen uint64) uint64 {
	var all uint64
	for _, l := range lives {
		all += w.reader.Dealt(int(l.id))
	}
	dealt := w.reader.Dealt(int(of.id))
	lag := dealt - min(dealt, at.taken)
	if all == 0 {
		return lag + unseen/uint64(len(w.slots()))
	}
	return lag + uint64(float64(unseen)*float64(dealt)/float64(all))
}

// stops reports whether an error ends the worker: trying again would not help.
func stops(err error) bool {
	var refusal *Refusal
	return errors.Is(err, errRebuilt) || errors.As(err, &refusal)
}
