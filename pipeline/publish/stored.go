package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// Stored is a message that the stream holds.
type Stored struct {
	ID       string // <source>:<messageId>; empty when it has none
	Subject  string
	Received int64 // ms; 0 of a message that is no event
}

// handOut is how long a stream may take to hand out its next message.
const handOut = time.Minute

// Held calls visit for the messages of the stream. Their headers say what is to be known; only where an app left the id out
// of them, payloads are read too, and such a message is visited twice.
func (s *JetStream) Held(ctx context.Context, visit func(*Stored) error) error {
	unnamed := false
	read := func(payloads bool) error {
		return s.scan(ctx, payloads, func(m *event.Message) error {
			stored := &Stored{ID: event.Header(m, nats.MsgIdHdr), Subject: m.Subject, Received: event.Received(m)}
			id := event.Header(m, "ce-id")
			if stored.ID == "" && id == "" && payloads {
				e, _ := event.Open(m.Data)
				id = e.ID
			}
			if stored.ID == "" && id != "" {
				stored.ID = event.Source(m.Subject) + ":" + id
			}
			unnamed = unnamed || stored.ID == "" && stored.Received != 0
			return visit(stored)
		})
	}
	err := read(false)
	if err == nil && unnamed {
		err = read(true)
	}
	return err
}

// scan calls visit for what the stream holds now, in order.
func (s *JetStream) scan(ctx context.Context, payloads bool, visit func(*event.Message) error) error {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the stream's state: %w", err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	consumer, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy, HeadersOnly: !payloads})
	if err != nil {
		return fmt.Errorf("read what stream %s holds: %w", s.name, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read what stream %s holds: %w", s.name, err)
	}
	defer messages.Stop()
	for {
		m, err := next(ctx, messages)
		if err != nil {
			return fmt.Errorf("read what stream %s holds: %w", s.name, err)
		}
		message, err := stream.Message(m)
		if err != nil {
			return err
		}
		if err := visit(&message); err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read the metadata of a message: %w", err)
		}
		if meta.NumPending == 0 || meta.Sequence.Stream >= info.State.LastSeq {
			return nil
		}
	}
}

// next waits for a message.
func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, handOut)
	defer cancel()
	m, err := messages.Next(jetstream.NextContext(waiting))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("the next message did not come within %s", handOut)
	}
	return m, err
}
