package stream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// The headers of a dead letter.
const (
	HeaderReason   = "Firstlight-Reason"
	HeaderDetail   = "Firstlight-Detail"
	HeaderSubject  = "Firstlight-Subject"
	HeaderSequence = "Firstlight-Sequence"
	HeaderOriginal = "Firstlight-Original-Size"
)

// DeadLetter is a message that was refused.
type DeadLetter struct {
	Subject  string
	Sequence uint64
	Reason   event.Reason
	Detail   string
	Data     []byte
}

// DeadLetters writes the dead-letter stream. It is safe for concurrent use.
type DeadLetters struct {
	JS      jetstream.JetStream
	Stream  jetstream.Stream
	Source  string // names the stream of the messages and its creation: part of a letter's identity
	MaxSize int    // the server's largest message

	last atomic.Uint64
}

// Last returns the last sequence of the dead-letter stream that is known to be stored.
func (d *DeadLetters) Last() uint64 { return d.last.Load() }

func (d *DeadLetters) known(seq uint64) {
	for {
		last := d.last.Load()
		if seq <= last || d.last.CompareAndSwap(last, seq) {
			return
		}
	}
}

// Send publishes letters and waits until the stream has them all.
func (d *DeadLetters) Send(ctx context.Context, letters []DeadLetter) error {
	acks := make([]jetstream.PubAckFuture, 0, len(letters))
	for i := range letters {
		ack, err := d.JS.PublishMsgAsync(d.message(&letters[i]), jetstream.WithStallWait(time.Minute))
		if err != nil {
			return fmt.Errorf("publish the dead letter of message %d: %w", letters[i].Sequence, err)
		}
		acks = append(acks, ack)
	}
	for i, ack := range acks {
		select {
		case ok := <-ack.Ok():
			d.known(ok.Sequence)
		case err := <-ack.Err():
			return fmt.Errorf("store the dead letter of message %d: %w", letters[i].Sequence, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// deadOverhead is room for a letter's headers beyond their texts.
const deadOverhead = 1024

// maxDeadSubject bounds what a letter's subject takes over from the message's. A server closes the connection of
// a client that sends a longer line than it allows, 4,096 bytes by default.
const maxDeadSubject = 1024

// deadSubject returns the subject of a letter. That of the message is in a header, whole. An event's loses its first
// token, an annotation's stays whole: so the two cannot be taken for each other.
func deadSubject(reason event.Reason, subject string) string {
	rest := subject
	if !strings.HasPrefix(subject, annotationPrefix) {
		_, rest, _ = strings.Cut(subject, ".")
	}
	if len(rest) > maxDeadSubject {
		rest = strings.TrimRight(rest[:maxDeadSubject], ".")
	}
	if rest == "" {
		rest = "unknown"
	}
	return "dead." + string(reason) + "." + rest
}

func (d *DeadLetters) message(l *DeadLetter) *nats.Msg {
	m := nats.NewMsg(deadSubject(l.Reason, l.Subject))
	m.Header.Set(HeaderReason, string(l.Reason))
	m.Header.Set(HeaderDetail, headerText(l.Detail))
	m.Header.Set(HeaderSubject, l.Subject)
	m.Header.Set(HeaderSequence, strconv.FormatUint(l.Sequence, 10))
	m.Header.Set(nats.MsgIdHdr, d.Source+":"+strconv.FormatUint(l.Sequence, 10))
	m.Data = l.Data
	if room := d.MaxSize - len(l.Subject)*2 - len(l.Detail)*2 - deadOverhead; len(m.Data) > room {
		m.Header.Set(HeaderOriginal, strconv.Itoa(len(m.Data)))
		m.Data = m.Data[:max(room, 0)]
	}
	return m
}

// headerText keeps a text on one header line.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// SentAfter returns the event sequences of the letters stored after a sequence of the dead-letter stream: they
// were sent before a crash, and must not be sent again.
func (d *DeadLetters) SentAfter(ctx context.Context, seq uint64) (map[uint64]struct{}, error) {
	info, err := d.Stream.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the dead-letter stream's state: %w", err)
	}
	sent := make(map[uint64]struct{})
	last := info.State.LastSeq
	d.known(last)
	if info.State.Msgs == 0 || seq >= last {
		return sent, nil
	}
	consumer, err := d.Stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: seq + 1, HeadersOnly: true,
	})
	if err != nil {
		return nil, fmt.Errorf("read back dead letters after %d: %w", seq, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, fmt.Errorf("read back dead letters after %d: %w", seq, err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read back dead letters after %d: %w", seq, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("read back dead letters after %d: %w", seq, err)
		}
		// A letter somebody else put there has no sequence and stands for no message of ours.
		if id := m.Headers().Get(nats.MsgIdHdr); strings.HasPrefix(id, d.Source+":") {
			if n, err := strconv.ParseUint(m.Headers().Get(HeaderSequence), 10, 64); err == nil {
				sent[n] = struct{}{}
			}
		}
		if meta.NumPending == 0 || meta.Sequence.Stream >= last {
			return sent, nil
		}
	}
}
