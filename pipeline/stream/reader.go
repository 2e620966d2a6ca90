package stream

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"firstlight/pipeline/event"
	"firstlight/pipeline/trouble"
)

// Mark says that everything up to a sequence has been handed out.
type Mark struct {
	Sequence uint64
	Clock    int64 // largest received time (ms) of all messages of the stream read up to there
	Live     bool  // the newest event of them carries no received time of its own
	Stored   int64 // when (ms) the newest of them was stored
	Past     int64 // when (ms) the newest of those was stored that are of the past; 0 without any
}

// Item is a message, or what its pointer says: a mark between messages, or a gap.
type Item struct {
	Message event.Message
	Clock   int64 // with a message: what a mark of its sequence would say
	Mark    *Mark
	Gap     *Gap // only to the first partition
}

// large is the size from which a message counts against the memory that queued messages may take; smaller ones
// are bounded by the length of the queues.
const (
	large      = 16 << 10
	largeTotal = 64 << 20
)

// Reader reads the stream through one consumer of its own, and deals messages out to the partitions that are attached to it. The
// consumer holds no acknowledgements and is started again after a gap, so every partition sees the messages of its users in stream
// order, each once.
type Reader struct {
	Trouble *trouble.Board // told when the consumer has to start again; must be set
	// Check is asked whenever a consumer was started, before its first message is handed out, whether the stream is still the
	// one that was read so far: up to a sequence, whose message has the fingerprint (0: none was read yet). An error for good
	// ends the reader. It must be set.
	Check func(ctx context.Context, read, fingerprint uint64) error

	stream   jetstream.Stream
	slots    []atomic.Pointer[slot] // by partition; nil: nobody takes its messages
	room     *semaphore.Weighted
	earliest atomic.Int64 // of Earliest

	marking   sync.Mutex
	delivered Mark // changed by who holds dealing as well
	joins     int  // how often partitions were taken in

	dealing sync.Mutex // held while a message is handed out, and for what follows
	had     Had
	last    event.Message // the one delivered last; without a sequence where there is none

	mu      sync.Mutex
	joining []Joining          // attached, and not read for yet
	again   context.CancelFunc // ends the consumer that runs, or the wait for somebody to read for
}

// slot is a partition that takes messages.
type slot struct {
	in    chan<- Item
	from  uint64        // it has been handed everything up to here
	dealt atomic.Uint64 // messages handed to it
	gone  chan struct{} // closed when nobody takes from in any more
	left  sync.Once
}

func (s *slot) leave() { s.left.Do(func() { close(s.gone) }) }

// Joining is a partition that takes messages.
type Joining struct {
	Partition int
	After     uint64 // it has everything up to here
	Clock     int64  // largest received time (ms) of the messages up to there
	In        chan<- Item

	slot  *slot
	known *Known
}

// Known is what is known of a stream when partitions join its reader.
type Known struct {
	Newest Mark // of its newest event: Live, Stored and Past
	Had    Had  // by all partitions
}

// NewReader returns a reader of a stream for so many partitions, of which none is attached yet.
func NewReader(s jetstream.Stream, partitions int) *Reader {
	return &Reader{
		stream: s, had: Had{Applied: make([]uint64, partitions)}, slots: make([]atomic.Pointer[slot], partitions), room: semaphore.NewWeighted(largeTotal),
	}
}

// Attach has all messages of partitions after some sequences handed to their channels, until Detach. Where the reader is further
// already it goes back: the other partitions wait meanwhile, and get nothing twice. The first partition accounts for the stream as a
// whole, so with it the reader begins where any partition still has something to get, by what is known, and takes account from
// there.
func (r *Reader) Attach(known Known, partitions ...Joining) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range partitions {
		j.slot = &slot{in: j.In, from: j.After, gone: make(chan struct{})}
		j.known = &known
		r.joining = append(r.joining, j)
	}
	r.restart()
}

// restart begins reading anew. The caller holds mu.
func (r *Reader) restart() {
	if r.again != nil {
		r.again()
	}
}

// Detach ends handing out messages of partitions: nothing is sent to their channels any more once Detach has returned.
func (r *Reader) Detach(partitions ...uint16) {
	for _, p := range partitions {
		if s := r.slots[p].Load(); s != nil {
			s.leave() // whoever hands out a message to it waits no longer
		}
	}
	r.dealing.Lock()
	defer r.dealing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range partitions {
		if s := r.slots[p].Swap(nil); s != nil {
			s.leave()
		}
		r.joining = slices.DeleteFunc(r.joining, func(j Joining) bool { return j.Partition == int(p) })
	}
	if !r.attached() {
		r.restart()
	}
}

// attached reports whether messages of any partition are handed out.
func (r *Reader) attached() bool {
	for i := range r.slots {
		if r.slots[i].Load() != nil {
			return true
		}
	}
	return false
}

// join takes in the partitions that were attached, and goes back to where the least of them begins. It reports whether there is
// anybody to read for. No consumer runs meanwhile.
func (r *Reader) join(again context.CancelFunc) bool {
	r.dealing.Lock()
	defer r.dealing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again = again
	first, delivered := true, r.delivered.Sequence
	r.had.handedOut(delivered)
	for i := range r.slots {
		if s := r.slots[i].Load(); s != nil {
			s.from, first = max(s.from, delivered), false
		}
	}
	from, clock, newest := delivered, r.delivered.Clock, &r.delivered
	begin := func(at uint64, as int64) {
		switch {
		case first || at < from:
			from, clock, first = at, as, false
		case at == from:
			clock = max(clock, as)
		}
	}
	for _, j := range r.joining {
		if first {
			newest = &j.known.Newest
		}
		begin(j.After, j.Clock)
		if j.Partition == 0 {
			r.had = j.known.Had
			begin(slices.Min(r.had.Applied), r.had.Clock)
		}
	}
	if from != delivered {
		r.last.Sequence = 0
	}
	r.marking.Lock()
	// the clock of one who is further ahead would overstate how far all are
	r.delivered = Mark{Sequence: from, Clock: clock, Live: newest.Live, Stored: newest.Stored, Past: newest.Past}
	r.marking.Unlock()
	for _, j := range r.joining {
		r.slots[j.Partition].Store(j.slot)
	}
	r.joining = nil
	r.marking.Lock()
	r.joins++ // whoever was taken in is to get a mark, also where nothing is read after it
	r.marking.Unlock()
	return !first
}

// markInterval is how often partitions learn how far the stream was read.
const markInterval = 50 * time.Millisecond

// pullMessages and pullBytes bound what the reader holds undelivered.
const (
	pullMessages = 4096
	pullBytes    = 64 << 20
)

// Run reads until ctx ends. It blocks while a partition's channel is full: the server then waits too. A consumer that is
// lost is started again where it was.
func (r *Reader) Run(ctx context.Context) error {
	var marks sync.WaitGroup
	marks.Go(func() { r.mark(ctx) })
	defer marks.Wait()
	for failed := 1; ; {
		reading, again := context.WithCancel(ctx)
		err := error(nil)
		if r.join(again) {
			err = r.consume(reading, func() { failed = 1 })
		} else {
			<-reading.Done() // until somebody is attached
		}
		joined := reading.Err() != nil
		again()
		switch {
		case ctx.Err() != nil:
			return nil
		case joined:
			continue
		case trouble.Of(err, 0) == trouble.ForGood:
			return fmt.Errorf("read events: %w", err)
		}
		r.Trouble.Report(trouble.NATS, readingEvents, err)
		select {
		case <-time.After(min(trouble.Backoff(failed), restartMost)):
		case <-ctx.Done():
		}
		failed++
	}
}

// consume hands out messages until that fails.
func (r *Reader) consume(ctx context.Context, works func()) error {
	read := r.Delivered().Sequence
	return Consume(ctx, r.stream, read+1, func() error {
		if err := r.Check(ctx, read, r.newest()); err != nil {
			return err
		}
		works()
		r.Trouble.Report(trouble.NATS, readingEvents, nil)
		return nil
	}, func(m event.Message) { r.deal(ctx, m) })
}

// readingEvents is what the trouble of a reader is about.
const readingEvents = "reading events"

// restartMost bounds the wait before a consumer is started again: servers that elect a leader answer nothing for seconds, and
// then at once.
const restartMost = time.Second

// deal hands one message to its partition.
func (r *Reader) deal(ctx context.Context, msg event.Message) {
	r.dealing.Lock()
	defer r.dealing.Unlock()
	if ctx.Err() != nil { // a message before this one may not have been handed out
		return
	}
	if msg.Sequence <= r.delivered.Sequence || !r.skip(ctx, msg.Sequence) {
		return
	}
	p := Partition(msg.Subject, len(r.slots))
	s := r.slots[p].Load()
	msg.ReadHead()
	received := event.Received(&msg) // 0 of what moves no clock: of a message of the server's or Firstlight's own, too
	clock := max(r.delivered.Clock, received)
	if s != nil && msg.Sequence > s.from && !r.hand(ctx, s, Item{Message: msg, Clock: clock}) {
		return
	}
	r.had.Receive(p, msg.Sequence)
	r.last = msg
	r.tell(&msg, received, clock)
}

// newest returns the fingerprint of the message handed out last, 0 where there is none.
func (r *Reader) newest() uint64 {
	r.dealing.Lock()
	defer r.dealing.Unlock()
	if r.last.Sequence == 0 {
		return 0
	}
	return Fingerprint(&r.last)
}

// hand hands a message to a partition, unless that is gone. It reports false when ctx has ended.
func (r *Reader) hand(ctx context.Context, s *slot, item Item) bool {
	n := weight(&item.Message)
	if n > 0 && r.room.Acquire(ctx, n) != nil {
		return false
	}
	select { // of one case: it costs a fraction of the other
	case s.in <- item:
		s.dealt.Add(1)
		return true
	default:
	}
	select {
	case s.in <- item:
		s.dealt.Add(1)
		return true
	case <-s.gone:
	case <-ctx.Done():
	}
	if n > 0 {
		r.room.Release(n)
	}
	return ctx.Err() == nil
}

// tell takes note of a message that was handed out: only then, or a mark would be ahead of it.
func (r *Reader) tell(m *event.Message, received, clock int64) {
	r.marking.Lock()
	defer r.marking.Unlock()
	r.delivered.Sequence, r.delivered.Stored = m.Sequence, m.Stored
	if received == 0 && m.Own() {
		return
	}
	r.delivered.Clock, r.delivered.Live = clock, m.Live()
	if OfThePast(received, m.Stored) {
		r.delivered.Past = m.Stored
		if e := r.earliest.Load(); e == 0 || received < e {
			r.earliest.Store(received)
		}
	}
}

// OfThePast reports whether a message was loaded long after it was received: it is of an import. Times are ms.
func OfThePast(received, stored int64) bool { return stored-received > pastAfter }

const pastAfter = 3_600_000 // ms

// Earliest returns the least received time (ms) of the messages of the past that were handed out since it was last called, 0 when
// there were none.
func (r *Reader) Earliest() int64 { return r.earliest.Swap(0) }

// Applied tells the reader that a message it handed out takes no room in a queue any more.
func (r *Reader) Applied(m *event.Message) {
	if n := weight(m); n > 0 {
		r.room.Release(n)
	}
}

func weight(m *event.Message) int64 {
	if len(m.Data) < large {
		return 0
	}
	return min(int64(len(m.Data)), largeTotal)
}

// mark tells the partitions how far the stream was read. A mark is read before it is sent, so it never
// overtakes a message.
func (r *Reader) mark(ctx context.Context) {
	tick := time.NewTicker(markInterval)
	defer tick.Stop()
	var last uint64
	var joins int
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.marking.Lock()
		same := last == r.delivered.Sequence && joins == r.joins
		last, joins = r.delivered.Sequence, r.joins
		r.marking.Unlock()
		if same && !first {
			continue
		}
		for i := range r.slots {
			s := r.slots[i].Load()
			if s == nil {
				continue
			}
			m := r.Delivered() // asked for the slot that is there: one that joins has not been handed what others have
			select {
			case s.in <- Item{Mark: &m}:
			case <-s.gone:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Delivered returns how far messages were handed out.
func (r *Reader) Delivered() Mark {
	r.marking.Lock()
	defer r.marking.Unlock()
	return r.delivered
}

// Dealt returns how many messages were handed to a partition since it was attached.
func (r *Reader) Dealt(partition int) uint64 {
	if s := r.slots[partition].Load(); s != nil {
		return s.dealt.Load()
	}
	return 0
}

// Partition returns the partition of a subject's user token, as the server's partition(n, token) does: the
// FNV-1a hash (Fowler, Noll, Vo 1991) of the token modulo n.
func Partition(subject string, n int) int {
	token := subject
	if at := strings.IndexByte(subject, '.'); at >= 0 {
		token = subject[at+1:]
		if at = strings.IndexByte(token, '.'); at >= 0 {
			token = token[at+1:]
		}
	}
	h := fnv.New32a()
	h.Write([]byte(token))
	return int(h.Sum32() % uint32(n))
}
