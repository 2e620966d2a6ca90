// Package stream is Firstlight's side of JetStream: the streams it needs, a reader of all events in order, and
// the dead letters.
package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The subjects of the contract.
const (
	EventSubjects = "events.>"
	DeadStream    = "EVENTS_DEAD"
	deadSubjects  = "dead.>"
)

// DuplicateWindow is how long a new stream remembers Nats-Msg-Id.
const DuplicateWindow = 2 * time.Minute

// maxDeadBytes bounds the dead-letter stream; it discards its oldest.
const maxDeadBytes = 1 << 30

// Ensure returns the event stream, created if it is not there. An existing one is used as it is when it fits:
// it must hold the event subjects and keep messages after they were read.
func Ensure(ctx context.Context, js jetstream.JetStream, name string) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: []string{EventSubjects}, Storage: jetstream.FileStorage,
			Retention: jetstream.LimitsPolicy, Duplicates: DuplicateWindow, AllowDirect: true,
			Description: "Product events; subjects events.<source>.<user-token>",
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another worker was faster
			s, err = js.Stream(ctx, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("event stream %s: %w", name, err)
	}
	if err := fits(s.CachedInfo().Config); err != nil {
		return nil, fmt.Errorf("event stream %s does not fit: %w", name, err)
	}
	return s, nil
}

func fits(c jetstream.StreamConfig) error {
	switch {
	case c.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("its retention is %q, which removes messages before every worker has read them; it must be \"limits\"", c.Retention)
	case c.Mirror == nil && len(c.Sources) == 0 && !slices.ContainsFunc(c.Subjects, holdsEvents):
		return fmt.Errorf("its subjects %q hold no events; they must include %q", c.Subjects, EventSubjects)
	default:
		return nil
	}
}

// holdsEvents reports whether a subject pattern can hold events.<source>.<user-token>.
func holdsEvents(pattern string) bool {
	return pattern == ">" || pattern == "*.>" || pattern == "*.*.*" || len(pattern) >= 8 && pattern[:7] == "events."
}

// EnsureDead returns the dead-letter stream, created if it is not there.
func EnsureDead(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, DeadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: DeadStream, Subjects: []string{deadSubjects}, Storage: jetstream.FileStorage,
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxBytes: maxDeadBytes,
			Duplicates: DuplicateWindow, AllowDirect: true,
			Description: "Events that were refused, as they came; subjects dead.<reason>.<source>.<user-token>",
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = js.Stream(ctx, DeadStream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dead-letter stream %s: %w", DeadStream, err)
	}
	return s, nil
}
