package storage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/sinks/clickhouse"
)

// reading is one uninterrupted reading of one stream. The goroutine of Run owns it.
type reading struct {
	*Follower
	stream jetstream.Stream
	at     clickhouse.AnnotationPosition // stored
	dead   *stream.DeadLetters
	sent   stream.Sent // messages to come whose letters were sent before the reading began
}

const (
	checkInterval = time.Second           // how often the stream is looked at: is it still the same?
	gatherTime    = 20 * time.Millisecond // how long a batch waits for more messages
	batchMessages = 500
	batchBytes    = 4 << 20
	queueLength   = 16
)

// run stores what the stream holds and gets, from the position on.
func (r *reading) run(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	queue, lost, from := make(chan event.Message, queueLength), make(chan error, 1), r.at.AppliedSeq+1
	var consumer sync.WaitGroup
	consumer.Go(func() {
		lost <- stream.Consume(reading, r.stream, from, func() error { return nil }, func(m event.Message) { enqueue(reading, queue, m) })
	})
	defer consumer.Wait()
	defer stop()
	check := time.NewTicker(checkInterval)
	defer check.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost:
			return trouble.At(trouble.NATS, fmt.Errorf("read annotations: %w", err))
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
		r.works()
	}
}

// enqueue hands one message over.
func enqueue(ctx context.Context, queue chan<- event.Message, message event.Message) {
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
		return trouble.At(trouble.NATS, fmt.Errorf("read the annotation stream's state: %w", err))
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
		empty bool
		write func() error
	}{
		{len(rows) == 0, func() error { return r.Store.WriteAnnotations(ctx, r.at.StreamCreated, rows) }},
		{len(letters) == 0, func() error { return trouble.At(trouble.NATS, r.dead.Send(ctx, letters)) }},
		{false, func() error {
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
		letter := stream.Refuse(m, reason, detail)
		sent := r.sent.Has(&letter)
		delete(r.sent, m.Sequence)
		if sent {
			continue
		}
		letters = append(letters, letter)
	}
	return rows, letters
}
