// Package stream is Firstlight's side of JetStream: the streams it needs, a reader of all events in order, and
// the dead letters.
package stream

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The subjects of the contract.
const (
	EventSubjects = "events.>"
	DeadStream    = "EVENTS_DEAD"
	deadSubjects  = "dead.>"

	AnnotationStream   = "ANNOTATIONS"
	AnnotationSubjects = annotationPrefix + ">"
	annotationPrefix   = "annotations."

	AnomalyStream   = "ANOMALIES"
	AnomalySubjects = "anomalies.>"
)

// DuplicateWindow is how long a new stream remembers Nats-Msg-Id.
const DuplicateWindow = 2 * time.Minute

// Messages about incidents are few: they are kept for long, and an id is remembered for longer than a restart takes.
const (
	anomalyAge        = 365 * 24 * time.Hour
	anomalyDuplicates = 24 * time.Hour
)

// MaxDeadBytes bounds the dead-letter stream, which discards its oldest. It gets a share of the room where there is less.
const MaxDeadBytes = 1 << 30

// Ensure returns the event stream, created if it is not there. An existing one is used as it is when it fits:
// it must hold the event subjects and keep messages after they were read.
func Ensure(ctx context.Context, js jetstream.JetStream, name string) (jetstream.Stream, error) {
	s, err := open(ctx, js, jetstream.StreamConfig{
		Name: name, Subjects: []string{EventSubjects},
		Description: "Product events; subjects events.<source>.<user-token>",
	})
	if err != nil {
		return nil, fmt.Errorf("event stream %s: %w", name, err)
	}
	c := s.CachedInfo().Config
	if err := cmp.Or(transformed(&c), fits(c, "events", EventSubjects, holdsEvents)); err != nil {
		return nil, fmt.Errorf("event stream %s does not fit: %w", name, err)
	}
	return s, nil
}

// transformed returns an error when a stream stores events under other subjects than events.<source>.<user-token>, with both as they
// were published.
func transformed(c *jetstream.StreamConfig) error {
	if c.SubjectTransform == nil {
		return nil
	}
	if to := strings.Split(c.SubjectTransform.Destination, "."); len(to) == 0 || to[0] == "" || to[0] == "events" && (len(to) == 2 && to[1] == ">" || len(to) == 3 && asPublished.MatchString(to[1]) && asPublished.MatchString(to[2])) {
		return nil
	}
	return fmt.Errorf("its subjects are transformed from %q to %q before they are stored, and Firstlight reads source and user token as they were published: take the transform out",
		c.SubjectTransform.Source, c.SubjectTransform.Destination)
}

// asPublished is a token of a transform's destination that is one of its source.
var asPublished = regexp.MustCompile(`^(\{\{\s*[wW]ildcard\(\s*[0-9]+\s*\)\s*\}\}|\$[0-9]+)$`)

// EnsureDead returns the dead-letter stream, created if it is not there.
func EnsureDead(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	s, err := open(ctx, js, jetstream.StreamConfig{
		Name: DeadStream, Subjects: []string{deadSubjects}, Discard: jetstream.DiscardOld, MaxBytes: MaxDeadBytes,
		Description: "Messages that were refused, as they came; subjects dead.<reason>.<source>.<user-token>",
	})
	if err != nil {
		return nil, fmt.Errorf("dead-letter stream %s: %w", DeadStream, err)
	}
	return s, nil
}

// EnsureAnnotations returns the stream of annotations, created if it is not there. An existing one must hold their
// subjects and keep messages after they were read.
func EnsureAnnotations(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	s, err := open(ctx, js, jetstream.StreamConfig{
		Name: AnnotationStream, Subjects: []string{AnnotationSubjects},
		Description: "What happened beside the numbers; subjects annotations.<source>",
	})
	if err != nil {
		return nil, fmt.Errorf("annotation stream %s: %w", AnnotationStream, err)
	}
	if err := fits(s.CachedInfo().Config, "annotations", AnnotationSubjects, holdsAnnotations); err != nil {
		return nil, fmt.Errorf("annotation stream %s does not fit: %w", AnnotationStream, err)
	}
	return s, nil
}

// EnsureAnomalies returns the stream of messages about incidents, created if it is not there. An existing one must
// hold all their subjects and keep messages after they were read.
func EnsureAnomalies(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	s, err := open(ctx, js, jetstream.StreamConfig{
		Name: AnomalyStream, Subjects: []string{AnomalySubjects}, MaxAge: anomalyAge, Duplicates: anomalyDuplicates,
		Description: "Messages about incidents, CloudEvents; subjects anomalies.<severity>.<metric>",
	})
	if err != nil {
		return nil, fmt.Errorf("anomaly stream %s: %w", AnomalyStream, err)
	}
	if err := fits(s.CachedInfo().Config, "messages of all severities", AnomalySubjects, holdsAnomalies); err != nil {
		return nil, fmt.Errorf("anomaly stream %s does not fit: %w", AnomalyStream, err)
	}
	return s, nil
}

func fits(c jetstream.StreamConfig, what, subjects string, holds func(pattern string) bool) error {
	switch {
	case c.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("its retention is %q, which removes messages before every worker has read them; it must be \"limits\"", c.Retention)
	case c.Mirror == nil && len(c.Sources) == 0 && !slices.ContainsFunc(c.Subjects, holds):
		return fmt.Errorf("its subjects %q hold no %s; they must include %q", c.Subjects, what, subjects)
	default:
		return nil
	}
}

// holdsEvents reports whether a subject pattern can hold events.<source>.<user-token>.
func holdsEvents(pattern string) bool { return holds(pattern, "events.*.*") }

// holdsAnnotations reports whether a subject pattern can hold annotations.<source>.
func holdsAnnotations(pattern string) bool { return holds(pattern, "annotations.*") }

// holdsAnomalies reports whether a subject pattern holds every anomalies.<severity>.<metric>.
func holdsAnomalies(pattern string) bool {
	return slices.Contains([]string{AnomalySubjects, "anomalies.*.*", ">", "*.>", "*.*.*"}, pattern)
}
