package stream

import (
	"context"
	"errors"
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

	Fingerprint uint64            // of the message: a stream that was restored gives its sequence to another
	Attributes  map[string]string // headers of a CloudEvent in binary mode, which belong to the payload
}

// Refuse returns the letter of a message.
func Refuse(m *event.Message, reason event.Reason, detail string) DeadLetter {
	return DeadLetter{Subject: m.Subject, Sequence: m.Sequence, Reason: reason, Detail: detail, Data: m.Data, Fingerprint: Fingerprint(m)}
}

// Sent are letters that were sent: the fingerprints of the messages by their sequences, 0 where that is not known.
type Sent map[uint64]uint64

// Has reports whether a letter is among them.
func (s Sent) Has(l *DeadLetter) bool {
	of, ok := s[l.Sequence]
	return ok && (of == 0 || of == l.Fingerprint)
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

// Send publishes letters and waits until the stream has them all, each once: a letter that is there already, because somebody
// who paused or crashed has sent it, is left. A stream that is gone is made again.
func (d *DeadLetters) Send(ctx context.Context, letters []DeadLetter) error {
	ctx, cancel := context.WithTimeoutCause(ctx, sendPatience, errors.New("no acknowledgement came"))
	defer cancel()
	acks := make([]jetstream.PubAckFuture, 0, len(letters))
	for i := range letters {
		ack, err := d.JS.PublishMsgAsync(d.message(&letters[i]), jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithStallWait(sendPatience))
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
			if taken(err) {
				err = d.replaceOther(ctx, &letters[i])
			}
			if err != nil {
				return fmt.Errorf("store the dead letter of message %d: %w", letters[i].Sequence, d.again(ctx, err))
			}
		case <-ctx.Done():
			return fmt.Errorf("store the dead letter of message %d: %w", letters[i].Sequence, context.Cause(ctx))
		}
	}
	return nil
}

// sendPatience bounds how long letters wait for their acknowledgements.
const sendPatience = 30 * time.Second

// taken reports whether a message was refused because its subject has one. Replicated streams have a code of their own for it.
func taken(err error) bool {
	api := (*jetstream.APIError)(nil)
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// replaceOther deals with a letter whose subject has one: it is this letter, or that of another message with the same sequence, in an event
// stream before this one or in this one before it was restored.
func (d *DeadLetters) replaceOther(ctx context.Context, l *DeadLetter) error {
	m := d.message(l)
	there, err := d.Stream.GetLastMsgForSubject(ctx, m.Subject)
	if err != nil {
		return err
	}
	if _, of, ours := d.identity(there.Header); ours && (of == 0 || of == l.Fingerprint) {
		d.known(there.Sequence)
		return nil
	}
	ack, err := d.JS.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(there.Sequence))
	if err != nil {
		return err
	}
	d.known(ack.Sequence)
	return nil
}

// again makes the stream again if that is why something failed, so that trying once more helps. It returns the error.
func (d *DeadLetters) again(ctx context.Context, err error) error {
	if !Gone(err) {
		return err
	}
	if _, e := EnsureDead(ctx, d.JS); e != nil {
		return fmt.Errorf("%w (%w)", err, e)
	}
	return err
}

// deadOverhead is room for a letter's headers beyond their texts.
const deadOverhead = 1024

// maxDeadSubject bounds what a letter's subject takes over from the message's. A server closes the connection of
// a client that sends a longer line than it allows, 4,096 bytes by default.
const maxDeadSubject = 1024

// deadSubject returns the subject of a letter. That of the message is in a header, whole. An event's loses its first
// token, an annotation's stays whole: so the two cannot be taken for each other.
// It ends in the message's sequence: a subject that has a letter takes no other, however much later it comes.
func deadSubject(reason event.Reason, subject string, sequence uint64) string {
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
	return "dead." + string(reason) + "." + rest + "." + strconv.FormatUint(sequence, 10)
}

func (d *DeadLetters) message(l *DeadLetter) *nats.Msg {
	m := nats.NewMsg(deadSubject(l.Reason, l.Subject, l.Sequence))
	m.Header.Set(HeaderReason, string(l.Reason))
	m.Header.Set(HeaderDetail, headerText(l.Detail))
	m.Header.Set(HeaderSubject, l.Subject)
	m.Header.Set(HeaderSequence, strconv.FormatUint(l.Sequence, 10))
	m.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s:%d:%x", d.Source, l.Sequence, l.Fingerprint))
	attributes := 0
	for name, value := range l.Attributes {
		m.Header.Set(name, value)
		attributes += len(name) + len(value) + len(": \r\n")
	}
	m.Data = l.Data
	if room := d.MaxSize - len(l.Subject)*2 - len(l.Detail)*2 - attributes - deadOverhead; len(m.Data) > room {
		m.Header.Set(HeaderOriginal, strconv.Itoa(len(m.Data)))
		m.Data = m.Data[:max(room, 0)]
	}
	return m
}

// identity returns the sequence and the fingerprint of the message whose letter has these headers, 0 for a fingerprint it does not
// tell. ours is false when that is no message of the stream: somebody else put the letter there.
func (d *DeadLetters) identity(h nats.Header) (sequence, fingerprint uint64, ours bool) {
	rest, ours := strings.CutPrefix(h.Get(nats.MsgIdHdr), d.Source+":")
	number, print, _ := strings.Cut(rest, ":")
	sequence, err := strconv.ParseUint(number, 10, 64)
	if !ours || err != nil {
		return 0, 0, false
	}
	fingerprint, _ = strconv.ParseUint(print, 16, 64) // not known then
	return sequence, fingerprint, true
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

// SentAfter returns the letters stored after a sequence of the dead-letter stream: they were sent before a crash, and must not be
// sent again.
func (d *DeadLetters) SentAfter(ctx context.Context, seq uint64) (Sent, error) {
	info, err := d.Stream.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the dead-letter stream's state: %w", d.again(ctx, err))
	}
	sent := make(Sent)
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
		m, err := messages.Next(jetstream.NextMaxWait(sendPatience))
		if err != nil {
			return nil, fmt.Errorf("read back dead letters after %d: %w", seq, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("read back dead letters after %d: %w", seq, err)
		}
		if sequence, of, ours := d.identity(m.Headers()); ours {
			sent[sequence] = of
		}
		if meta.NumPending == 0 || meta.Sequence.Stream >= last {
			return sent, nil
		}
	}
}
