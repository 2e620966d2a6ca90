package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// What the stream ends with: where it does, and what its newest event is. As long as that came live, as_of follows the server's
// clock.

// last returns the sequence of the stream's last message, 0 when it holds none. What was deleted behind it is no message.
func (w *Worker) last(ctx context.Context) (uint64, error) {
	m, err := w.newest(ctx)
	if m == nil {
		return 0, err
	}
	return m.Sequence, nil
}

// newest returns the stream's last message, nil when it holds none.
func (w *Worker) newest(ctx context.Context) (*jetstream.RawStreamMsg, error) {
	m, err := w.Events.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the stream's newest message: %w", err)
	}
	return m, nil
}

// searched is how many messages from the stream's end are looked through for its newest event.
const searched = 100

// describe says what the stream's newest event up to last is. A stream that never held one has no clock. Where events have gone, what
// is stored tells: as_of lies beyond all that was received only when it followed the server's clock.
func (w *Worker) describe(ctx context.Context, last uint64, checkpoints []Checkpoint) (newest stream.Mark, err error) {
	for sequence := last; sequence > 0 && last-sequence < searched; sequence-- {
		m, err := w.Events.GetMsg(ctx, sequence)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return newest, fmt.Errorf("read message %d: %w", sequence, err)
		default:
			read := event.Message{Header: m.Header, Stored: m.Time.UnixMilli()}
			if read.Own() {
				continue
			}
			newest.Live, newest.Stored = read.Live(), read.Stored
			if stream.OfThePast(event.Received(&read), read.Stored) {
				newest.Past = read.Stored
			}
			return newest, nil
		}
	}
	received, asOf := int64(0), int64(0)
	for i := range checkpoints {
		c := &checkpoints[i]
		received, asOf = max(received, c.ArrivalClock), max(asOf, w.progress.of(c.Partition))
	}
	newest.Live = asOf > received
	return newest, nil
}

// beginning is the received time (ms) of the first message that the stream holds; of the last that it held where it holds none.
func (w *Worker) beginning(ctx context.Context, info *jetstream.StreamInfo) (int64, error) {
	if info.State.Msgs == 0 {
		return info.State.LastTime.UnixMilli(), nil
	}
	m, err := w.Events.GetMsg(ctx, info.State.FirstSeq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return info.State.LastTime.UnixMilli(), nil
	case err != nil:
		return 0, fmt.Errorf("read the stream's first message: %w", err)
	}
	return event.Received(&event.Message{Header: m.Header, Stored: m.Time.UnixMilli()}), nil
}
