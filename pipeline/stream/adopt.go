package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Adoption is how a stream that others have made becomes one that keeps all events, and what of it stays though it matters.
type Adoption struct {
	Info    *jetstream.StreamInfo
	Changes []string // one line each; none: the stream is as it should be
	Stays   []string // likewise, of what cannot be changed, or not without asking whoever set it
	Refused []Stored // what it holds and would refuse from then on
	wanted  jetstream.StreamConfig
}

// Stored is a subject of which a stream holds messages.
type Stored struct {
	Subject  string
	Messages uint64
}

// narrowSubjects are the subjects of events, and nothing else below the same first token.
const narrowSubjects = "events.*.*"

// Adopt looks what an event stream has to be changed in. With narrow its subjects hold nothing but what is shaped like those of events.
// It changes nothing.
func Adopt(ctx context.Context, js jetstream.JetStream, name string, narrow bool) (*Adoption, error) {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("there is no stream %s to be adopted: firstlight run makes one as it should be", name)
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", name, err)
	}
	a := &Adoption{Info: s.CachedInfo(), wanted: s.CachedInfo().Config}
	if err := adoptable(&a.wanted); err != nil {
		return nil, fmt.Errorf("stream %s cannot be adopted: %w", name, err)
	}
	a.keepMessages()
	a.takeSubjects(narrow)
	a.answer()
	a.note()
	if narrow {
		if a.Refused, err = refused(ctx, s, a.wanted.Subjects); err != nil {
			return nil, fmt.Errorf("list the subjects of stream %s: %w", name, err)
		}
	}
	return a, nil
}

// adoptable returns why a stream cannot be made to fit.
func adoptable(c *jetstream.StreamConfig) error {
	switch {
	case c.Mirror != nil:
		return fmt.Errorf("it is a mirror of %s, which takes no subjects and no settings of its own: adopt %s where that is, the mirror follows it", c.Mirror.Name, c.Mirror.Name)
	case c.Sealed:
		return errors.New("it is sealed, so it takes no messages and no changes any more: make a new one, with it as a source")
	case c.Retention == jetstream.WorkQueuePolicy:
		return errors.New("its retention is \"workqueue\", which NATS does not let be changed: make a new stream with retention \"limits\", and have whoever works off this one read a copy")
	case c.SubjectTransform != nil && c.SubjectTransform.Source != "":
		return fmt.Errorf("its subjects are transformed from %q to %q before they are stored, and Firstlight reads source and user token as they were published: take the transform out", c.SubjectTransform.Source, c.SubjectTransform.Destination)
	}
	return nil
}

// keepMessages has the stream keep what it takes.
func (a *Adoption) keepMessages() {
	c := &a.wanted
	if c.Retention != jetstream.LimitsPolicy {
		a.change("retention policy", c.Retention, jetstream.LimitsPolicy, "messages go once the consumers of others have read them")
		c.Retention = jetstream.LimitsPolicy
	}
	if c.MaxMsgsPerSubject > 0 {
		a.change("messages per subject", c.MaxMsgsPerSubject, "any number", "a subject is a user, whose older events would go")
		c.MaxMsgsPerSubject, c.DiscardNewPerSubject = -1, false
	}
}

// takeSubjects has the stream take events.
func (a *Adoption) takeSubjects(narrow bool) {
	c := &a.wanted
	copied := len(c.Sources) > 0 && len(c.Subjects) == 0
	before := slices.Clone(c.Subjects)
	switch {
	case narrow && !copied:
		c.Subjects = append(slices.DeleteFunc(slices.Clone(before), holdsEvents), narrowSubjects)
		if !slices.Equal(before, c.Subjects) {
			a.change("subjects", before, c.Subjects, "what has another shape is refused when it is published")
		}
	case !copied && !slices.ContainsFunc(before, holdsEvents):
		within := func(pattern string) bool { return strings.HasPrefix(pattern, "events.") } // patterns must not overlap
		c.Subjects = append(slices.DeleteFunc(slices.Clone(before), within), EventSubjects)
		a.change("subjects", before, c.Subjects, "events are published on events.<source>.<user-token>")
	}
}

// answer has the stream say what it has stored, drop what is sent again, and hand out single messages.
func (a *Adoption) answer() {
	c := &a.wanted
	if c.NoAck {
		a.change("no_ack", true, false, "nobody could say whether an event is stored")
		c.NoAck = false
	}
	window := DuplicateWindow
	if c.MaxAge > 0 {
		window = min(window, c.MaxAge) // NATS takes no longer one
	}
	if c.Duplicates < window {
		a.change("duplicate window", c.Duplicates, window, "an event that a client sends again would count twice")
		c.Duplicates = window
	}
	if !c.AllowDirect {
		a.change("allow_direct", false, true, "any server of a cluster can hand out a message")
		c.AllowDirect = true
	}
}

// Loses says what of an event stream's settings loses events or counts them twice, empty when nothing does. firstlight stream adopt
// changes that.
func Loses(c jetstream.StreamConfig) []string {
	a := &Adoption{wanted: c}
	a.keepMessages()
	a.wanted.AllowDirect = true
	a.answer()
	return a.Changes
}

// note says what stays though it matters.
func (a *Adoption) note() {
	c := &a.wanted
	say := func(is bool, line string) {
		if is {
			a.Stays = append(a.Stays, line)
		}
	}
	say(c.Storage == jetstream.MemoryStorage, "storage is memory, which NATS does not let be changed: all is lost when its servers end")
	say(c.DenyPurge, "deny_purge is set, which NATS does not let be taken back: firstlight forget cannot remove messages")
	say(c.MaxAge > 0, fmt.Sprintf("messages older than %s go: a metric that is new or changed does not see them", c.MaxAge))
	say(c.MaxMsgs > 0 || c.MaxBytes > 0, fmt.Sprintf("its size is bounded (messages %d, bytes %d; -1: they are not): beyond that, discard %q", c.MaxMsgs, c.MaxBytes, c.Discard))
}

func (a *Adoption) change(what string, from, to any, because string) {
	a.Changes = append(a.Changes, fmt.Sprintf("%s: %s -> %s, because %s", what, shown(from), shown(to), because))
}

func shown(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, ", ")
	}
	return strings.ToLower(fmt.Sprint(v))
}

// refused are the stored subjects that none of some patterns holds.
func refused(ctx context.Context, s jetstream.Stream, patterns []string) (out []Stored, err error) {
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return nil, err
	}
	for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
		if !slices.ContainsFunc(patterns, func(pattern string) bool { return holds(pattern, subject) }) {
			out = append(out, Stored{subject, info.State.Subjects[subject]})
		}
	}
	return out, nil
}

// holds reports whether a pattern of subjects holds a subject, or can hold one in which * stands for any token.
func holds(pattern, subject string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range want {
		switch {
		case token == ">":
			return len(have) > i
		case i >= len(have) || token != "*" && have[i] != "*" && token != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}

// Make makes the changes.
func (a *Adoption) Make(ctx context.Context, js jetstream.JetStream) error {
	if _, err := js.UpdateStream(ctx, a.wanted); err != nil {
		return fmt.Errorf("change stream %s: %w", a.wanted.Name, err)
	}
	return nil
}
