package notes

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
)

// reading is one uninterrupted reading of one stream. The goroutine of Run owns it.
type reading struct {
	*Follower
	stream jetstream.Stream
	at     clickhouse.AnnotationPosition // stored
	dead   *stream.DeadLetters
	sent   map[uint64]struct{} // messages to come whose letters were sent before the reading began
}

const (
	checkInterval = time.Second           // how often the stream is looked at: is it still the same?
	gatherTime    = 20 * time.Millisecond // how long a batch waits for more messages
	batchMessages = 500
	batchBytes    = 4 << 20
	queueLength   = 16
	pullMessages  = 500
	pullBytes     = 64 << 20 // no message is larger
)

// run stores what the stream holds and gets, from the position on.
func (r *reading) run(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	consumer, err := r.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.at.AppliedSeq + 1,
	})
	if err != nil {
		return fmt.Errorf("create a consumer of annotations at sequence %d: %w", r.at.AppliedSeq+1, err)
	}
	queue := make(chan event.Message, queueLength)
	consume, err := consumer.Consume(func(m jetstream.Msg) { r.enqueue(reading, queue, m) },
		jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.lost(err) }))
	if err != nil {
		return fmt.Errorf("consume annotations from sequence %d: %w", r.at.AppliedSeq+1, err)
	}
	defer consume.Stop()
	check := time.NewTicker(checkInterval)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-queue:
			err = r.save(ctx, gather(m, queue))
		case <-check.C:
			err = r.check(ctx)
		}
		if err == nil {
			err = r.checkDrained(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (r *reading) lost(err error) {
	r.Log.Warn("the consumer of annotations starts again", zap.Error(err))
}

// enqueue hands one message over.
func (r *reading) enqueue(ctx context.Context, queue chan<- event.Message, m jetstream.Msg) {
	message, err := stream.Message(m)
	if err != nil {
		r.lost(err)
		return
	}
	select {
	case queue <- message:
	case <-ctx.Done():
	}
}

// gather returns a message and those that come soon after it, within bounds.
func gather(m event.Message, queue <-chan event.Message) []event.Message {
	batch, bytes := []event.Message{m}, len(m.Data)
	over := time.NewTimer(gatherTime)
	defer over.Stop()
	for len(batch) < batchMessages && bytes < batchBytes {
		select {
		case m = <-queue:
			batch, bytes = append(batch, m), bytes+len(m.Data)
		case <-over.C:
			return batch
		}
	}
	return batch
}

// check reports errReplaced when the stream is not the one whose position is known.
func (r *reading) check(ctx context.Context) error {
	info, err := r.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the annotation stream's state: %w", err)
	}
	if info.Created.UnixMilli() != r.at.StreamCreated || info.State.LastSeq < r.at.AppliedSeq {
		return errReplaced
	}
	return nil
}

// save stores messages in the order that makes a crash between any two writes harmless: rows, dead letters, and last
// the position that covers them.
func (r *reading) save(ctx context.Context, batch []event.Message) error {
	rows, letters := r.judge(batch)
	to := r.at
	to.AppliedSeq = batch[len(batch)-1].Sequence
	steps := []struct {
		what  string
		empty bool
		write func() error
	}{
		{"rows", len(rows) == 0, func() error { return r.Store.WriteAnnotations(ctx, r.at.StreamCreated, rows) }},
		{"dead letters", len(letters) == 0, func() error { return r.dead.Send(ctx, letters) }},
		{"position", false, func() error {
			if len(r.sent) == 0 { // no letter of a later message has been sent yet
				to.DeadSeq = max(to.DeadSeq, r.dead.Last())
			}
			return r.Store.WriteAnnotationPosition(ctx, to)
		}},
	}
	for _, step := range steps {
		if step.empty {
			continue
		}
		if r.fault != nil {
			if err := r.fault(step.what); err != nil {
				return err
			}
		}
		if err := step.write(); err != nil {
			return err
		}
	}
	r.at = to
	return nil
}

// judge turns messages into rows, and those it refuses into letters, less the letters that were sent before a crash.
func (r *reading) judge(batch []event.Message) (rows []clickhouse.AnnotationRow, letters []stream.DeadLetter) {
	for i := range batch {
		m := &batch[i]
		a, reason, detail := annotation.Parse(m)
		if reason == "" {
			rows = append(rows, clickhouse.AnnotationRow{Annotation: a, Sequence: m.Sequence})
			continue
		}
		if _, sent := r.sent[m.Sequence]; sent {
			delete(r.sent, m.Sequence)
			continue
		}
		letters = append(letters, stream.DeadLetter{Subject: m.Subject, Sequence: m.Sequence, Reason: reason, Detail: detail, Data: m.Data})
	}
	return rows, letters
}
