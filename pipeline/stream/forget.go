package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// Forgetter takes users' messages out of the streams. It needs a NATS user who may purge them; a worker's may not.
type Forgetter struct {
	js     jetstream.JetStream
	events jetstream.Stream
	dead   jetstream.Stream // nil when there is none
}

// NewForgetter returns a Forgetter for an event stream and its dead letters.
func NewForgetter(ctx context.Context, js jetstream.JetStream, events string) (*Forgetter, error) {
	f := &Forgetter{js: js}
	var err error
	if f.events, err = js.Stream(ctx, events); err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", events, err)
	}
	f.dead, err = js.Stream(ctx, DeadStream)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("look up stream %s: %w", DeadStream, err)
	}
	return f, nil
}

// eventFilters match a user's events by token: with a source, and with a partition's number before it. A letter's subject ends in the
// sequence of its message.
func eventFilters(token string) []string { return []string{"events.*." + token, "events.*.*." + token} }

func letterFilters(token, sequence string) []string {
	return []string{"dead.*.*." + token + "." + sequence, "dead.*.*.*." + token + "." + sequence}
}

// Tell has the user of a token forgotten where the events under a route are counted, and returns the sequence of the message that says
// so. One that is stored already, with no event of the route after it, is enough.
func (f *Forgetter) Tell(ctx context.Context, token, route string) (uint64, error) {
	m := event.Forget(token, route)
	told, newest := uint64(0), uint64(0)
	err := f.each(ctx, route, func(subject string, headers nats.Header, sequence uint64) {
		switch {
		case subject != m.Subject:
			newest = sequence
		case token == route: // of a stray, the message's body says whom
			told = sequence
		}
	})
	if err != nil || told > newest {
		return told, err
	}
	ack, err := f.js.PublishMsg(ctx, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
	if err != nil {
		return 0, fmt.Errorf("publish on %s that a user is to be forgotten (may this NATS user?): %w", m.Subject, err)
	}
	return ack.Sequence, nil
}

// Note says in the stream which of its messages are to be purged, by their sequences.
func (f *Forgetter) Note(ctx context.Context, sequences []uint64) error {
	for some := range slices.Chunk(sequences, event.MaxPurged) {
		m := event.Purged(some)
		if _, err := f.js.PublishMsg(ctx, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err != nil {
			return fmt.Errorf("publish on %s what is purged (may this NATS user?): %w", m.Subject, err)
		}
	}
	return nil
}

// Purged returns the sequences of messages that forget has taken out of an event stream, as messages in it say, ascending.
func Purged(ctx context.Context, events jetstream.Stream) (sequences []uint64, err error) {
	for next := uint64(1); ; {
		m, err := events.GetMsg(ctx, next, jetstream.WithGetMsgSubject(event.PurgedSubject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			slices.Sort(sequences)
			return slices.Compact(sequences), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read what was purged from stream %s: %w", events.CachedInfo().Config.Name, err)
		}
		sequences = append(sequences, event.PurgedBy(&event.Message{Subject: m.Subject, Header: m.Header, Data: m.Data})...)
		next = m.Sequence + 1
	}
}

// Stored returns the sequences of a user's messages before a sequence.
func (f *Forgetter) Stored(ctx context.Context, token string, before uint64) (sequences []uint64, err error) {
	err = f.each(ctx, token, func(_ string, _ nats.Header, sequence uint64) {
		if sequence < before {
			sequences = append(sequences, sequence)
		}
	})
	return sequences, err
}

// each calls message for every stored message of a token, in order.
func (f *Forgetter) each(ctx context.Context, token string, message func(subject string, headers nats.Header, sequence uint64)) error {
	subjects, _, err := subjectsOf(ctx, f.events, eventFilters(token))
	if err != nil || len(subjects) == 0 {
		return err
	}
	c := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy, FilterSubjects: subjects, HeadersOnly: true}
	return read(ctx, f.events, c, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
		message(m.Subject(), m.Headers(), meta.Sequence.Stream)
	})
}

// subjectsOf returns which subjects of a stream match one of some filters, and how many messages they have.
func subjectsOf(ctx context.Context, s jetstream.Stream, filters []string) (subjects []string, messages uint64, err error) {
	for _, filter := range filters {
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(filter))
		if err != nil {
			return nil, 0, fmt.Errorf("look for %s in stream %s: %w", filter, s.CachedInfo().Config.Name, err)
		}
		for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
			subjects, messages = append(subjects, subject), messages+info.State.Subjects[subject]
		}
	}
	return subjects, messages, nil
}

// read calls message for every message of a stream that a consumer delivers, up to the newest there is at the beginning.
func read(ctx context.Context, s jetstream.Stream, c jetstream.OrderedConsumerConfig, message func(jetstream.Msg, *jetstream.MsgMetadata)) error {
	name := s.CachedInfo().Config.Name
	info, err := s.Info(ctx)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", name, err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	consumer, err := s.OrderedConsumer(ctx, c)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", name, err)
	}
	if i := consumer.CachedInfo(); i != nil && i.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read stream %s: %w", name, err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(readPatience))
		if err != nil {
			return fmt.Errorf("read stream %s: %w", name, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read stream %s: %w", name, err)
		}
		if meta.Sequence.Stream <= info.State.LastSeq {
			message(m, meta)
		}
		if meta.NumPending == 0 || meta.Sequence.Stream >= info.State.LastSeq {
			return nil
		}
	}
}

// readPatience is how long a stored message may take to come.
const readPatience = 30 * time.Second

// Stray is a message of a user under a token of another.
type Stray struct {
	User     string
	Sequence uint64 // of the event, or of the dead letter
	Route    string // the token; empty for a dead letter
}

// Scan reads both streams from their beginning, and calls stray for every message of a user under a token of another.
func (f *Forgetter) Scan(ctx context.Context, stray func(Stray)) error {
	all := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	err := read(ctx, f.events, all, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
		if user := strayed(m, m.Subject()); user != "" {
			stray(Stray{user, meta.Sequence.Stream, m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]})
		}
	})
	if err != nil || f.dead == nil {
		return err
	}
	return read(ctx, f.dead, all, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
		if user := strayed(m, m.Headers().Get(HeaderSubject)); user != "" {
			stray(Stray{User: user, Sequence: meta.Sequence.Stream})
		}
	})
}

// strayed returns the user of a message under a token of another, empty when there is none.
func strayed(m jetstream.Msg, subject string) string {
	user := event.UserOf(&event.Message{Subject: subject, Header: m.Headers(), Data: m.Data()})
	if user == "" || !event.Misrouted(subject, user) {
		return ""
	}
	return user
}

// Purge takes a user's messages before a sequence out of the event stream, all dead letters of the user, and messages under tokens of
// others. It returns how many letters there were.
func (f *Forgetter) Purge(ctx context.Context, token string, before uint64, strays []Stray) (letters uint64, err error) {
	for _, filter := range eventFilters(token) {
		if err := f.events.Purge(ctx, jetstream.WithPurgeSubject(filter), jetstream.WithPurgeSequence(before)); err != nil {
			return 0, fmt.Errorf("purge a user's events (may this NATS user?): %w", err)
		}
	}
	for _, s := range strays {
		from := f.events
		if s.Route == "" {
			from = f.dead
			letters++
		}
		if err := from.DeleteMsg(ctx, s.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return 0, fmt.Errorf("delete message %d of stream %s (may this NATS user?): %w", s.Sequence, from.CachedInfo().Config.Name, err)
		}
	}
	if f.dead == nil {
		return letters, nil
	}
	filters := letterFilters(token, "*")
	_, n, err := subjectsOf(ctx, f.dead, filters)
	if err != nil {
		return 0, err
	}
	for _, filter := range filters {
		if err := f.dead.Purge(ctx, jetstream.WithPurgeSubject(filter)); err != nil {
			return 0, fmt.Errorf("purge a user's dead letters (may this NATS user?): %w", err)
		}
	}
	return letters + n, nil
}

// Left returns how many messages of a user before a sequence, and dead letters, are still there.
func (f *Forgetter) Left(ctx context.Context, token string, before uint64) (uint64, error) {
	sequences, err := f.Stored(ctx, token, before)
	if err != nil || f.dead == nil {
		return uint64(len(sequences)), err
	}
	_, n, err := subjectsOf(ctx, f.dead, letterFilters(token, "*"))
	return uint64(len(sequences)) + n, err
}
