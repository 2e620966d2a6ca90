package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/anomaly"
)

// Stream is the JetStream stream of all messages.
const (
	Stream           = "ANOMALIES"
	streamSubjects   = "anomalies.>"
	streamName       = "jetstream"
	streamAge        = 365 * 24 * time.Hour
	streamDuplicates = 24 * time.Hour
	publishTimeout   = 5 * time.Second
)

// ensureStream creates the stream if it is not there. An existing one is used as it is when it keeps the messages.
func ensureStream(ctx context.Context, js jetstream.JetStream) error {
	s, err := js.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: Stream, Subjects: []string{streamSubjects}, Storage: jetstream.FileStorage,
			Retention: jetstream.LimitsPolicy, MaxAge: streamAge, Duplicates: streamDuplicates, AllowDirect: true,
			Description: "Messages about incidents, CloudEvents; subjects anomalies.<severity>.<metric>",
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another worker was faster
			s, err = js.Stream(ctx, Stream)
		}
	}
	if err != nil {
		return fmt.Errorf("stream of messages %s: %w", Stream, err)
	}
	config := s.CachedInfo().Config
	switch {
	case config.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("stream %s does not fit: its retention is %q, it must be \"limits\"", Stream, config.Retention)
	case !slices.Contains(config.Subjects, streamSubjects) && !slices.Contains(config.Subjects, ">"):
		return fmt.Errorf("stream %s does not fit: its subjects %q do not include %q", Stream, config.Subjects, streamSubjects)
	}
	return nil
}

// streamDestination publishes every message on the stream.
type streamDestination struct {
	js      jetstream.JetStream
	product string

	mu   sync.Mutex
	last map[string]string // by subject: the id of the message that was the last when this process first looked
}

func (d *streamDestination) name() string    { return streamName }
func (d *streamDestination) key() string     { return streamName }
func (d *streamDestination) setting() string { return "NATS_URL" }

func (d *streamDestination) plan(e *entry, waiting []*anomaly.Message) plan {
	return inOrder(e, waiting)
}

// deliver publishes a message, unless it was the last on its subject when this process began: then one before it died
// between publishing and writing the ledger, perhaps longer ago than the stream's duplicate window.
func (d *streamDestination) deliver(ctx context.Context, _ *entry, p plan) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	last, err := d.lastAtStart(ctx, p.message.Subject())
	if err != nil || last == p.message.ID() {
		return "", err
	}
	return d.publish(ctx, p.message)
}

func (d *streamDestination) lastAtStart(ctx context.Context, subject string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, ok := d.last[subject]; ok {
		return id, nil
	}
	s, err := d.js.Stream(ctx, Stream)
	if err != nil {
		return "", fmt.Errorf("look into %s: %w", Stream, err)
	}
	id := ""
	switch m, err := s.GetLastMsgForSubject(ctx, subject); {
	case err == nil:
		id = m.Header.Get(nats.MsgIdHdr)
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return "", fmt.Errorf("look into %s: %w", Stream, err)
	}
	if d.last == nil {
		d.last = map[string]string{}
	}
	d.last[subject] = id
	return id, nil
}

func (d *streamDestination) publish(ctx context.Context, m *anomaly.Message) (string, error) {
	data, err := m.CloudEvent(d.product)
	if err != nil {
		return "", unfit(err)
	}
	msg := nats.NewMsg(m.Subject())
	msg.Data = data
	msg.Header.Set(nats.MsgIdHdr, m.ID())
	msg.Header.Set("Content-Type", cloudEventType)
	ack, err := d.js.PublishMsg(ctx, msg)
	if errors.Is(err, nats.ErrMaxPayload) {
		return "", unfit(fmt.Errorf("publish %d bytes: %w", len(data), err))
	}
	if err != nil {
		return "", fmt.Errorf("publish on %s: %w", m.Subject(), err)
	}
	return fmt.Sprintf("stored as number %d", ack.Sequence), nil
}

func (d *streamDestination) test(ctx context.Context, m *anomaly.Message) (string, string, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	answer, err := d.publish(ctx, m)
	return "message " + m.ID() + " on " + m.Subject(), answer, err
}
