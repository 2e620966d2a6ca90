package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/stream"
)

const (
	streamName     = "jetstream"
	publishTimeout = 5 * time.Second
)

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
	s, err := stream.EnsureAnomalies(ctx, d.js)
	if err != nil {
		return "", fmt.Errorf("look into %s: %w", stream.AnomalyStream, err)
	}
	id := ""
	switch m, err := s.GetLastMsgForSubject(ctx, subject); {
	case err == nil:
		id = m.Header.Get(nats.MsgIdHdr)
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return "", fmt.Errorf("look into %s: %w", stream.AnomalyStream, err)
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
	if stream.Gone(err) { // made again for the next attempt
		if _, e := stream.EnsureAnomalies(ctx, d.js); e != nil {
			err = fmt.Errorf("%w (%w)", err, e)
		}
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

// newestOf returns the last message about a metric of the product, nil when there is none.
func (d *streamDestination) newestOf(ctx context.Context, metric string) (*anomaly.Message, error) {
	s, err := d.js.Stream(ctx, stream.AnomalyStream)
	if err != nil {
		return nil, err
	}
	subject := "anomalies.*." + metric
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil || len(info.State.Subjects) == 0 {
		return nil, err
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	var last *anomaly.Message
	for {
		raw, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		meta, err := raw.Metadata()
		if err != nil {
			return nil, err
		}
		var event struct {
			Source string          `json:"source"`
			Data   anomaly.Message `json:"data"`
		}
		// Others may write to the stream too: what is no message of ours is none.
		if json.Unmarshal(raw.Data(), &event) == nil && event.Source == "firstlight/"+d.product && !event.Data.Test {
			last = &event.Data
		}
		if meta.NumPending == 0 {
			return last, nil
		}
	}
}
