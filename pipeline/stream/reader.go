package stream

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"firstlight/pipeline/event"
)

// Mark says that everything up to a sequence has been handed out.
type Mark struct {
	Sequence uint64
	Clock    int64 // largest received time (ms) of all messages of the stream read up to there
	Live     bool  // the newest of them carries no received time of its own
}

// Item is a message or, when Mark is set, a mark between messages.
type Item struct {
	Message event.Message
	Mark    *Mark
}

// large is the size from which a message counts against the memory that queued messages may take; smaller ones
// are bounded by the length of the queues.
const (
	large      = 16 << 10
	largeTotal = 64 << 20
)

// Reader reads the stream through one ordered consumer of its own, and deals messages out to partitions. Its
// consumer holds no acknowledgements, and starts again by itself after a gap, so every partition sees the
// messages of its users in stream order, each once.
type Reader struct {
	Lost func(err error) // told when the consumer has to start again; must be set

	stream     jetstream.Stream
	from       uint64 // last sequence that need not be read
	partitions []chan<- Item
	dealt      []atomic.Uint64 // messages handed to each partition
	room       *semaphore.Weighted
	delivered  atomic.Uint64
	clock      atomic.Int64
	live       atomic.Bool
}

// NewReader returns a reader of all messages after a mark.
func NewReader(s jetstream.Stream, after Mark, partitions []chan<- Item) *Reader {
	r := &Reader{stream: s, from: after.Sequence, partitions: partitions, dealt: make([]atomic.Uint64, len(partitions)), room: semaphore.NewWeighted(largeTotal)}
	r.delivered.Store(after.Sequence)
	r.clock.Store(after.Clock)
	r.live.Store(after.Live)
	return r
}

// markInterval is how often partitions learn how far the stream was read.
const markInterval = 50 * time.Millisecond

// pullMessages and pullBytes bound what the reader holds undelivered.
const (
	pullMessages = 4096
	pullBytes    = 64 << 20
)

// Run reads until ctx ends. It blocks while a partition's channel is full: the server
// then waits too.
func (r *Reader) Run(ctx context.Context) error {
	consumer, err := r.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.from + 1,
	})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create a consumer at sequence %d: %w", r.from+1, err)
	}
	consume, err := consumer.Consume(func(m jetstream.Msg) { r.deal(ctx, m) },
		jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.Lost(err) }))
	if err != nil {
		return fmt.Errorf("consume from sequence %d: %w", r.from+1, err)
	}
	defer consume.Stop()
	var marks sync.WaitGroup
	marks.Go(func() { r.mark(ctx) })
	defer marks.Wait()
	<-ctx.Done()
	return nil
}

// deal hands one message to its partition.
func (r *Reader) deal(ctx context.Context, m jetstream.Msg) {
	msg, err := Message(m)
	if err != nil {
		r.Lost(err)
		return
	}
	if n := weight(&msg); n > 0 && r.room.Acquire(ctx, n) != nil {
		return // ctx ended
	}
	p := Partition(msg.Subject, len(r.partitions))
	select {
	case r.partitions[p] <- Item{Message: msg}:
	case <-ctx.Done():
		return
	}
	r.dealt[p].Add(1)
	received := event.Received(&msg)
	r.clock.Store(max(r.clock.Load(), received))
	_, imported := msg.Header[event.ReceivedHeader]
	r.live.Store(!imported)
	r.delivered.Store(msg.Sequence)
}

// Message returns a stored message as the pure packages read it.
func Message(m jetstream.Msg) (event.Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return event.Message{}, fmt.Errorf("read the metadata of a message: %w", err)
	}
	return event.Message{Subject: m.Subject(), Header: m.Headers(), Stored: meta.Timestamp.UnixMilli(), Sequence: meta.Sequence.Stream, Data: m.Data()}, nil
}

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
	for first, last := true, uint64(0); ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m := r.Delivered()
		if m.Sequence == last && !first {
			continue
		}
		last = m.Sequence
		for _, p := range r.partitions {
			select {
			case p <- Item{Mark: &m}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Delivered returns how far messages were handed out.
func (r *Reader) Delivered() Mark {
	m := Mark{Sequence: r.delivered.Load()}
	m.Clock, m.Live = r.clock.Load(), r.live.Load()
	return m
}

// Dealt returns how many messages were handed to a partition.
func (r *Reader) Dealt(partition int) uint64 { return r.dealt[partition].Load() }

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
