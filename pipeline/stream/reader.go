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

// Reader reads the stream through one ordered consumer of its own, and deals messages out to partitions. Its
// consumer holds no acknowledgements, and starts again by itself after a gap, so every partition sees the
// messages of its users in stream order, each once.
type Reader struct {
	Stream     jetstream.Stream
	From       uint64 // first sequence to read
	Partitions []chan<- Item
	Lost       func(err error) // told when the consumer has to start again

	delivered atomic.Uint64
	clock     atomic.Int64
	live      atomic.Bool
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
	consumer, err := r.Stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(r.From, 1),
	})
	if err != nil {
		return fmt.Errorf("create a consumer at sequence %d: %w", r.From, err)
	}
	consume, err := consumer.Consume(func(m jetstream.Msg) { r.deal(ctx, m) },
		jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.Lost(err) }))
	if err != nil {
		return fmt.Errorf("consume from sequence %d: %w", r.From, err)
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
	meta, err := m.Metadata()
	if err != nil {
		r.Lost(fmt.Errorf("read the metadata of a message: %w", err))
		return
	}
	msg := event.Message{Subject: m.Subject(), Header: m.Headers(), Stored: meta.Timestamp.UnixMilli(), Sequence: meta.Sequence.Stream, Data: m.Data()}
	select {
	case r.Partitions[Partition(msg.Subject, len(r.Partitions))] <- Item{Message: msg}:
	case <-ctx.Done():
		return
	}
	received := event.Received(&msg)
	r.clock.Store(max(r.clock.Load(), received))
	_, imported := msg.Header[event.ReceivedHeader]
	r.live.Store(!imported)
	r.delivered.Store(msg.Sequence)
}

// mark tells the partitions how far the stream was read. A mark is read before it is sent, so it never
// overtakes a message.
func (r *Reader) mark(ctx context.Context) {
	tick := time.NewTicker(markInterval)
	defer tick.Stop()
	last := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m := Mark{Sequence: r.delivered.Load(), Clock: r.clock.Load(), Live: r.live.Load()}
		if m.Sequence == last {
			continue
		}
		last = m.Sequence
		for _, p := range r.Partitions {
			select {
			case p <- Item{Mark: &m}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Delivered returns the last sequence handed out, 0 before the first.
func (r *Reader) Delivered() uint64 { return r.delivered.Load() }

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
