package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// The client's ordered consumer notices after 30 s that its server is gone, and then waits 10 s for each attempt to start
// again: with three servers of which the leader dies, nothing was read for up to a minute. These times are why reading goes
// on within seconds of an election.
const (
	heartbeat      = 2 * time.Second // two missed ones, and the consumer is given up
	createPatience = 3 * time.Second
	deletePatience = 500 * time.Millisecond
	inactive       = time.Minute // after which the server drops a consumer that was given up
)

var errGap = errors.New("a message of the consumer is missing")

// Consume hands out the messages of a stream from a sequence on, in order and without a gap, each at most once, until it
// returns why it cannot go on: then it is to be called again, with the sequence after the last message. started is called once
// the server has the consumer, and keeps it from handing out anything by an error. deliver may block; it is not called any more
// once Consume has returned.
func Consume(ctx context.Context, s jetstream.Stream, from uint64, started func() error, deliver func(event.Message)) error {
	creating, cancel := context.WithTimeout(ctx, createPatience)
	defer cancel()
	consumer, err := createConsumer(creating, s, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: inactive,
	})
	if err != nil {
		return fmt.Errorf("create a consumer at sequence %d: %w", from, err)
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletePatience)
		defer cancel()
		_ = s.DeleteConsumer(ending, consumer.CachedInfo().Name) // else the server does, in a while
	}()
	if err := started(); err != nil {
		return err
	}
	lost := make(chan error, 1)
	lose := func(err error) {
		select {
		case lost <- err:
		default:
		}
	}
	var next uint64 = 1 // the consumer's sequence of the next message
	running, err := consumer.Consume(func(raw jetstream.Msg) {
		m, sequence, err := message(raw)
		if err == nil && sequence != next {
			err = errGap
		}
		if err != nil {
			next = 0 // nothing is in order any more
			lose(err)
			return
		}
		next++
		deliver(m)
	}, jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes), jetstream.PullHeartbeat(heartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { lose(err) }))
	if err != nil {
		return fmt.Errorf("consume from sequence %d: %w", from, err)
	}
	select {
	case err = <-lost:
	case <-ctx.Done():
		err = ctx.Err()
	}
	ended := running.Closed()
	running.Stop()
	<-ended
	return err
}

// message returns a stored message as the pure packages read it, and its place among those of its consumer.
func message(m jetstream.Msg) (event.Message, uint64, error) {
	at, ok := placeOf(m.Reply())
	if !ok {
		meta, err := m.Metadata()
		if err != nil {
			return event.Message{}, 0, fmt.Errorf("read the metadata of a message: %w", err)
		}
		at = place{meta.Timestamp.UnixMilli(), meta.Sequence.Stream, meta.Sequence.Consumer}
	}
	return event.Message{Subject: m.Subject(), Header: m.Headers(), Stored: at.stored, Sequence: at.sequence, Data: m.Data()}, at.ofConsumer, nil
}

// place is where a message lies in the stream.
type place struct {
	stored               int64 // when, ms
	sequence, ofConsumer uint64
}

// placeOf reads the place from the subject at which a message would be acknowledged, in the form of servers without a domain:
// $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<sequence of the consumer>.<stored, ns>.<pending>. It reports false for any other,
// which the client reads in several times the time.
func placeOf(reply string) (p place, ok bool) {
	const prefix, dots = "$JS.ACK.", 8
	if !strings.HasPrefix(reply, prefix) || strings.Count(reply, ".") != dots {
		return p, false
	}
	rest := reply[:strings.LastIndexByte(reply, '.')]
	var last [3]uint64
	for i := range last {
		at := strings.LastIndexByte(rest, '.')
		n, err := strconv.ParseUint(rest[at+1:], 10, 63)
		if err != nil {
			return p, false
		}
		last[i], rest = n, rest[:at]
	}
	return place{stored: int64(last[0]) / 1e6, ofConsumer: last[1], sequence: last[2]}, true
}

// Message returns a stored message as the pure packages read it.
func Message(m jetstream.Msg) (event.Message, error) {
	read, _, err := message(m)
	return read, err
}
