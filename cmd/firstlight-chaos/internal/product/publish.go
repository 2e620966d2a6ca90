package product

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// attempt is how long an acknowledgement is waited for before a message is sent again.
const attempt = 5 * time.Second

// Publish stores messages, each once however often it has to be sent, and returns the last sequence one of them has: the stream tells
// by a message's id what it has.
func Publish(ctx context.Context, js jetstream.JetStream, messages []Message) (last uint64, err error) {
	for left := messages; len(left) > 0; {
		if err := ctx.Err(); err != nil {
			return last, err
		}
		var stored uint64
		stored, left = try(ctx, js, left)
		last = max(last, stored)
		if len(left) > 0 {
			pause(ctx, 100*time.Millisecond)
		}
	}
	return last, nil
}

// try sends messages and returns those that were not acknowledged.
func try(ctx context.Context, js jetstream.JetStream, messages []Message) (last uint64, left []Message) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	acks := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		msg := nats.NewMsg(m.Subject)
		msg.Data = m.Data
		for name, value := range m.Header {
			msg.Header.Set(name, value)
		}
		acks[i], _ = js.PublishMsgAsync(msg, jetstream.WithMsgID(m.ID)) // what was not sent is sent again
	}
	for i, ack := range acks {
		if ack == nil {
			left = append(left, messages[i])
			continue
		}
		select {
		case ok := <-ack.Ok():
			last = max(last, ok.Sequence)
		case <-ack.Err():
			left = append(left, messages[i])
		case <-ctx.Done():
			left = append(left, messages[i])
		}
	}
	return last, left
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
