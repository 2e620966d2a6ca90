package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

const (
	maxPending = 4096             // messages on their way, at most
	ackTimeout = 30 * time.Second // for one message
)

// JetStream is the Sink that stores messages in a JetStream stream. One goroutine may use it at a time.
type JetStream struct {
	js         jetstream.JetStream
	name       string
	stream     jetstream.Stream
	duplicates atomic.Uint64

	mu  sync.Mutex
	err error // the first failure; later ones mostly follow from it
}

// NewJetStream returns a sink for the named stream, which must exist.
func NewJetStream(ctx context.Context, nc *nats.Conn, stream string) (*JetStream, error) {
	s := &JetStream{name: stream}
	var err error
	s.js, err = jetstream.New(nc,
		jetstream.WithPublishAsyncMaxPending(maxPending),
		jetstream.WithPublishAsyncTimeout(ackTimeout),
		jetstream.WithPublishAsyncAckHandler(s.stored),
		jetstream.WithPublishAsyncErrHandler(s.fail))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	s.stream, err = s.js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s does not exist: start firstlight run, which creates it, or set FIRSTLIGHT_STREAM: %w",
			stream, err)
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", stream, err)
	}
	return s, nil
}

// Publish implements Sink.
func (s *JetStream) Publish(_ context.Context, m *Message) error {
	if err := s.failure(); err != nil {
		return err
	}
	msg := nats.NewMsg(m.Subject)
	msg.Data = m.Data
	msg.Header.Set(nats.MsgIdHdr, m.ID)
	if m.Received != 0 {
		msg.Header.Set(event.ReceivedHeader, rfc3339(m.Received))
	}
	_, err := s.js.PublishMsgAsync(msg, jetstream.WithStallWait(ackTimeout))
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%w (max_payload)", ErrTooLarge)
	}
	return err
}

// Flush implements Sink.
func (s *JetStream) Flush(ctx context.Context) (duplicates uint64, err error) {
	select {
	case <-s.js.PublishAsyncComplete():
		err = s.failure()
	case <-ctx.Done():
		err = fmt.Errorf("wait for the last events to be stored: %w", ctx.Err())
	}
	return s.duplicates.Swap(0), err
}

// Clock implements Sink.
func (s *JetStream) Clock(ctx context.Context) (int64, error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the stream's state: %w", err)
	}
	if info.State.Msgs == 0 {
		return 0, nil
	}
	m, err := s.stream.GetMsg(ctx, info.State.LastSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) { // deleted; nobody knows what it said, but when it came
		return info.State.LastTime.UnixMilli(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the stream's newest message: %w", err)
	}
	return event.Received(&event.Message{Header: m.Header, Stored: m.Time.UnixMilli()}), nil
}

// stored judges an acknowledgement.
func (s *JetStream) stored(_ jetstream.JetStream, _ *nats.Msg, ack *jetstream.PubAck) {
	if ack.Duplicate {
		s.duplicates.Add(1)
	}
	if ack.Stream != s.name {
		s.set(fmt.Errorf("stream %s took the events instead of %s: its subjects cover events.>", ack.Stream, s.name))
	}
}

// fail judges a message that was not stored.
func (s *JetStream) fail(_ jetstream.JetStream, m *nats.Msg, err error) {
	id := m.Header.Get(nats.MsgIdHdr)
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		err = fmt.Errorf("no stream takes subject %s (message %s): %w", m.Subject, id, err)
	case errors.Is(err, nats.ErrDisconnected):
		err = fmt.Errorf("the connection to the NATS server was lost (message %s may not be stored): %w", id, err)
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		err = fmt.Errorf("the NATS server did not confirm message %s within %s: %w", id, ackTimeout, err)
	default:
		err = fmt.Errorf("the stream did not store message %s: %w", id, err)
	}
	s.set(err)
}

func (s *JetStream) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func (s *JetStream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
