package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

const (
	maxPending = 4096             // messages on their way, at most
	ackTimeout = 30 * time.Second // for one message
)

// JetStream stores messages in a JetStream stream, and reads what that holds. One goroutine may use it at a time.
type JetStream struct {
	js     jetstream.JetStream
	name   string
	stream jetstream.Stream

	mu      sync.Mutex
	outcome Outcome
	err     error // the first failure; later ones mostly follow from it
}

// Outcome counts what became of the messages handed over.
type Outcome struct {
	Stored     uint64 // acknowledged
	Duplicates uint64 // the stream had them within its duplicate window
	Failed     uint64 // not acknowledged, because the stream takes no more
	Refused    []Refused
}

// Refused is a message that the stream does not take, although it takes others.
type Refused struct{ ID, Detail string }

// NewJetStream returns a sink for the named stream, which must exist and acknowledge what it stores.
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
	if s.stream.CachedInfo().Config.NoAck {
		return nil, fmt.Errorf("stream %s confirms nothing (no_ack), so nobody could say what it has stored: switch no_ack off", stream)
	}
	return s, nil
}

// Publish hands a message over. It may return before the message is stored, and then keeps its data, but holds only so many
// unstored. An error is final unless it is ErrTooLarge.
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

// Flush waits until everything handed over is stored or refused, and counts it since the last Flush. The error says why the
// stream takes no more.
func (s *JetStream) Flush(ctx context.Context) (Outcome, error) {
	// Also where the run was given up, what is on its way is counted: the wait is short then.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	var unfinished error
	select {
	case <-s.js.PublishAsyncComplete():
	case <-ctx.Done():
		unfinished = fmt.Errorf("the NATS server did not confirm the last events within %s", ackTimeout)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out, err := s.outcome, s.err
	if unfinished != nil {
		out.Failed += uint64(s.js.PublishAsyncPending())
	}
	s.outcome = Outcome{}
	if err == nil {
		err = unfinished
	}
	return out, err
}

// stored judges an acknowledgement.
func (s *JetStream) stored(_ jetstream.JetStream, m *nats.Msg, ack *jetstream.PubAck) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ack.Stream != s.name:
		s.outcome.Failed++
		s.set(fmt.Errorf("stream %s took the events instead of %s: its subjects cover %s", ack.Stream, s.name, m.Subject))
	case ack.Duplicate:
		s.outcome.Duplicates++
	default:
		s.outcome.Stored++
	}
}

// fail judges a message that was not stored.
func (s *JetStream) fail(_ jetstream.JetStream, m *nats.Msg, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := m.Header.Get(nats.MsgIdHdr)
	if detail := stream.OfOneMessage(err); detail != "" {
		s.outcome.Refused = append(s.outcome.Refused, Refused{id, detail})
		return
	}
	s.outcome.Failed++
	s.set(s.explain(m.Subject, id, err))
}

// explain says in one line why the stream takes no more, and what to do.
func (s *JetStream) explain(subject, id string, err error) error {
	var api *jetstream.APIError
	config := s.stream.CachedInfo().Config
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("no stream takes subject %s: stream %s takes %s; choose --source to match, or widen its subjects to events.>: %w",
			subject, s.name, strings.Join(config.Subjects, ", "), err)
	case errors.Is(err, nats.ErrDisconnected):
		return fmt.Errorf("the connection to the NATS server was lost (message %s may not be stored): %w", id, err)
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		return fmt.Errorf("the NATS server did not confirm message %s within %s: %w", id, ackTimeout, err)
	case !errors.As(err, &api):
		return fmt.Errorf("the stream did not store message %s: %w", id, err)
	case strings.Contains(api.Description, "maximum messages exceeded"):
		return fmt.Errorf("stream %s is full: it holds at most %d messages and discards new ones (max_msgs, discard); raise the limit, then run this again: %w", s.name, config.MaxMsgs, err)
	case strings.Contains(api.Description, "maximum bytes exceeded"):
		return fmt.Errorf("stream %s is full: it holds at most %d bytes and discards new ones (max_bytes, discard); raise the limit, then run this again: %w", s.name, config.MaxBytes, err)
	case strings.Contains(api.Description, "sealed"):
		return fmt.Errorf("stream %s is sealed and takes no more messages, for good: set FIRSTLIGHT_STREAM to another: %w", s.name, err)
	case strings.Contains(api.Description, "resource"), strings.Contains(api.Description, "insufficient"):
		return fmt.Errorf("the NATS server has no room for stream %s: make room, then run this again: %w", s.name, err)
	}
	return fmt.Errorf("the stream did not store message %s: %w", id, err)
}

func (s *JetStream) set(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *JetStream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
