package worker

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// state is where a partition is in its life. A partition without a life is idle: this worker does nothing with it.
type state int32

const (
	idle       state = iota
	recovering       // what is stored is being loaded
	running          // messages are applied, and what they change is stored from time to time
	stopping         // no message is taken any more, what was applied is being stored
)

func (s state) String() string {
	return [...]string{"idle", "recovering", "running", "stopping"}[s]
}

// life is what a worker does with one partition from its start to its end: recover it, run it, stop it (Worker.start, Worker.stop).
// While it runs its goroutine owns the partition. The worker's flusher asks it for snapshots, of which one at most is on its way,
// while messages go on being applied. When the next snapshot is full before that one is stored, it stops taking messages: a slow
// ClickHouse slows consumption instead of growing memory.
//
// It ends once it is halted and the last snapshot is stored, or when a write fails for good.
type life struct {
	id    uint16
	state atomic.Int32 // a state
	p     *partition
	in    chan stream.Item
	limit limits
	// urge has the flusher begin. moved is told of every move of committed.
	urge, moved func()
	// applied is told of every message taken.
	applied func(*event.Message)
	// missed is told of messages that were gone before they were read.
	missed func(n, upTo uint64)
	// leased reports whether messages may be taken: no other worker has the partition.
	leased func() bool
	// share is how many bytes the partition's users may take now; 0: any.
	share func() int
	// readBack has users read back, of whom l.back is told.
	readBack func(*readBack)
	// overtook is told that overtaken is set: another worker stored users beyond where this partition has got.
	overtook  func(error)
	overtaken atomic.Bool

	ask    chan bool      // the flusher wants a snapshot: of all that changed, or only of what is much
	answer chan *snapshot // nil: there is none to store
	stored chan error     // how writing the last one went
	halted chan struct{}  // closed when the life is to end
	ended  chan struct{}  // closed when it has

	queue  waiting              // taken and not applied yet
	back   chan *readBack       // users who come back
	linger *time.Timer          // it is time to ask for users
	rally  chan chan<- struct{} // a query is about to be asked, and whoever is wanted can be in it

	taken     uint64 // messages applied
	flushed   uint64 // messages taken before the last snapshot
	inFlight  *snapshot
	flightsTo position // what is committed once inFlight is stored
	lastFlush time.Time
	committed atomic.Pointer[position]
	held      atomic.Pointer[held] // for Observe
	alive     atomic.Int64         // when the loop last went round, Unix ns
	waits     atomic.Pointer[wait] // nil: no message of the partition waits
}

// position is how far a partition is stored.
type position struct {
	sequence uint64
	clock    int64  // received time (ms) up to which the partition has applied the stream
	taken    uint64 // messages taken from the reader up to there
}

// wait is that messages of a partition wait, and since when none of them was stored.
type wait struct {
	since time.Time
	at    position
}

// track takes note of whether messages wait, and of whether the committed position has moved.
func (l *life) track(now time.Time, at *position, waiting bool) {
	before := l.waits.Load()
	switch {
	case !waiting:
		l.waits.Store(nil)
	case before == nil || before.at.sequence != at.sequence:
		l.waits.Store(&wait{since: now, at: *at})
	}
}

// limits bound one snapshot of a partition: what waits to be written, and what a crash makes a worker read again.
type limits struct {
	messages    uint64
	users       int
	cells       int
	deadLetters int
	deadBytes   int
	queue       int // messages that wait to be applied; 0 for queueLength
	waiting     int // messages that wait for users to be read back; 0 for waitingTogether
	waitingSize int // bytes of them; 0 for waitingBytes
}

// limitsOf shares what all partitions of a worker may hold among so many.
func limitsOf(partitions int) limits {
	return limits{
		messages: uint64(max(1, 4_000_000/partitions)), users: max(1, 200_000/partitions), cells: max(1, 800_000/partitions),
		deadLetters: max(1, 80_000/partitions), deadBytes: (128 << 20) / partitions,
		queue:   min(queueLength, max(leastQueue, queuesTogether/partitions)),
		waiting: max(leastQueue, waitingTogether/partitions), waitingSize: waitingBytes / partitions,
	}
}

const (
	queueLength     = 4096
	queuesTogether  = 1 << 15
	leastQueue      = 256
	waitingTogether = 1 << 18
	waitingBytes    = 64 << 20
	leastAhead      = 8 << 20 // bytes of messages of all partitions that are looked through, however little users may take
	idleCheckpoints = 10 * time.Second
)

// always is ready.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// newLife returns the life of an idle partition.
func newLife(id uint16, limit limits, urge func()) *life {
	limit.waiting, limit.waitingSize = cmp.Or(limit.waiting, waitingTogether), cmp.Or(limit.waitingSize, waitingBytes)
	return &life{
		id: id, limit: limit, in: make(chan stream.Item, cmp.Or(limit.queue, queueLength)), urge: urge, moved: func() {}, share: func() int { return 0 },
		queue: newWaiting(), back: make(chan *readBack, 1), linger: time.NewTimer(0), rally: make(chan chan<- struct{}, 1),
		applied: func(*event.Message) {}, missed: func(uint64, uint64) {}, leased: func() bool { return true },
		ask: make(chan bool, 1), answer: make(chan *snapshot, 1), stored: make(chan error, 1),
		halted: make(chan struct{}), ended: make(chan struct{}),
	}
}

// recovered gives the life the partition that was loaded.
func (l *life) recovered(p *partition) {
	l.p = p
	l.committed.Store(l.position())
	l.held.Store(p.holds(p.checkpoint()))
	l.alive.Store(time.Now().UnixNano())
	l.state.Store(int32(running))
}

// run applies messages until ctx ends or the life is halted.
func (l *life) run(ctx context.Context) error {
	defer close(l.ended)
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for {
		in, more := l.in, (<-chan struct{})(nil)
		if !l.full() && l.leased() && l.proceed() {
			more = always
		}
		switch {
		case l.full():
			in = nil
			l.urge()
		case !l.leased(), l.queue.full(&l.limit):
			in = nil
		}
		select {
		case <-more:
		case item := <-in:
			l.take(item)
		case back := <-l.back:
			if err := l.comeBack(back); err != nil {
				return err
			}
		case all := <-l.ask:
			if err := l.give(all); err != nil {
				return err
			}
		case err := <-l.stored:
			if err := l.afterWrite(err); err != nil {
				return err
			}
		case asked := <-l.rally:
			l.askNow()
			asked <- struct{}{}
		case <-l.linger.C:
			l.askBack()
		case <-tick.C:
		case <-l.halted:
			return l.end()
		case <-ctx.Done():
			return l.end()
		}
		l.alive.Store(time.Now().UnixNano())
		if l.inFlight == nil && !l.p.changed {
			l.commit(l.position())
		}
	}
}

// take takes an item, and what else there is behind it. Where no user is away and none waits they are applied at once. Else they wait,
// and whoever they need is read back while those before them are applied.
func (l *life) take(item stream.Item) {
	defer l.askBack()
	for n := 1; ; n++ {
		if l.queue.len() > 0 || l.p.away.absent.Len() > 0 || !l.apply(&item) {
			l.wait(item)
		}
		if n == queueLength || l.full() || l.queue.full(&l.limit) {
			return
		}
		select {
		case item = <-l.in:
		default:
			return
		}
	}
}

// apply applies an item, unless it is about a user who is away.
func (l *life) apply(item *stream.Item) bool {
	switch {
	case item.Mark != nil:
		l.p.applied = max(l.p.applied, item.Mark.Sequence)
		l.p.streamClock = max(l.p.streamClock, item.Mark.Clock)
	case item.Gap != nil:
		if n := l.p.miss(item.Gap); n > 0 {
			l.missed(n, item.Gap.UpTo)
		}
	default:
		if !l.p.apply(&item.Message) {
			return false
		}
		l.taken++
		l.p.streamClock = max(l.p.streamClock, item.Clock)
		l.applied(&item.Message)
	}
	return true
}

func (l *life) full() bool { return l.p.uniting == nil && l.holds(1) }

// holds reports whether what waits to be written is one part in so many of a full snapshot.
func (l *life) holds(part int) bool {
	return (l.taken-l.flushed)*uint64(part) >= l.limit.messages || len(l.p.dirtyUsers)*part >= l.limit.users || l.p.cells.Dirty()*part >= l.limit.cells ||
		len(l.p.dead)*part >= l.limit.deadLetters || (l.p.deadBytes+l.p.voices.bytes)*part >= l.limit.deadBytes
}

// give answers the flusher: with a snapshot where there is something to store. Where not all is asked for, that is a snapshot that
// is half full or the last.
func (l *life) give(all bool) error {
	if l.inFlight != nil { // the flusher has told how it went before it asked again
		if err := l.afterWrite(<-l.stored); err != nil {
			l.answer <- nil
			return err
		}
	}
	if l.p.uniting != nil {
		if l.p.applied < l.p.uniting.until {
			l.answer <- nil
			return nil
		}
		l.p.allWhole()
	}
	now := time.Now()
	last := state(l.state.Load()) == stopping
	switch {
	case l.p.changed && (all || last || l.holds(2)):
	case !l.p.changed && l.p.applied > l.p.counters.AppliedSeq && (last || now.Sub(l.lastFlush) >= idleCheckpoints):
	default:
		l.answer <- nil
		return nil
	}
	l.lastFlush, l.flushed = now, l.taken
	l.inFlight, l.flightsTo = l.p.snapshot(), *l.position()
	l.p.counters.AppliedSeq = l.p.applied
	if l.p.uniting != nil {
		l.p.united()
	}
	l.answer <- l.inFlight
	return nil
}

// afterWrite goes on when the snapshot in flight is written, or could not be.
func (l *life) afterWrite(err error) error {
	if err != nil {
		l.inFlight = nil
		return err
	}
	l.p.away.share = l.share()
	l.p.committed(l.inFlight)
	l.held.Store(l.p.holds(l.inFlight.checkpoint))
	l.inFlight = nil
	to := l.flightsTo
	l.commit(&to)
	return nil
}

func (l *life) commit(to *position) {
	before := l.committed.Swap(to)
	if before.sequence != to.sequence {
		l.moved()
	}
}

func (l *life) position() *position {
	return &position{sequence: l.p.applied, clock: l.p.streamClock, taken: l.taken}
}

// end stores what was applied.
func (l *life) end() error {
	l.state.Store(int32(stopping))
	if l.p.uniting != nil && l.p.applied < l.p.uniting.until {
		return nil // whoever goes on unites the users again
	}
	for l.inFlight != nil || l.p.changed || l.p.applied != l.p.counters.AppliedSeq {
		l.urge()
		select {
		case all := <-l.ask:
			if err := l.give(all); err != nil {
				return err
			}
		case err := <-l.stored:
			if err := l.afterWrite(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// empty drops what waits in the queues of a life that has ended: it takes no room any more.
func (l *life) empty() {
	l.queue.each(func(item *stream.Item) {
		if item.Mark == nil && item.Gap == nil {
			l.applied(&item.Message)
		}
	})
	for {
		select {
		case item := <-l.in:
			if item.Mark == nil && item.Gap == nil {
				l.applied(&item.Message)
			}
		default:
			return
		}
	}
}
