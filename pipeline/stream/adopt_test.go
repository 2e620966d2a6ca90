package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
)

// TestAdopt: a stream that keeps little is made one that keeps all events, its messages stay, and there is nothing more to change then.
func TestAdopt(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	before := jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"orders.>", "events.*"}, Retention: jetstream.InterestPolicy, MaxMsgsPerSubject: 5, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		Duplicates: time.Second, NoAck: true, Storage: jetstream.FileStorage, Description: "ours",
	}
	if _, err := js.CreateStream(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	a := mustAdopt(t, js, false)
	for _, word := range []string{"retention policy: interest -> limits", "messages per subject: 5 -> any number", "orders.>, events.* -> orders.>, events.>", "no_ack: true -> false", "1s -> 2m0s", "allow_direct"} {
		if !strings.Contains(strings.Join(a.Changes, "\n"), word) {
			t.Errorf("the changes do not name %q: %q", word, a.Changes)
		}
	}
	if s, err := js.Stream(t.Context(), "EVENTS"); err != nil || s.CachedInfo().Config.Retention != jetstream.InterestPolicy {
		t.Errorf("looking has changed the stream: %v", err)
	}
	if err := a.Make(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	if left := mustAdopt(t, js, false); len(left.Changes) > 0 {
		t.Errorf("after that is to be changed: %q", left.Changes)
	}
	s, err := stream.Ensure(t.Context(), js, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if s.CachedInfo().Config.Description != "ours" {
		t.Error("another's description is gone")
	}
	for range 9 {
		if _, err := js.Publish(t.Context(), event.Subject("web", "u"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Msgs != 9 {
		t.Errorf("of 9 events of a user it keeps %+v, %v", info.State, err)
	}
}

// TestAdoptNarrowly: what a stream holds and would refuse is listed, and refused from then on; it stays.
func TestAdoptNarrowly(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"orders.*", "events.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"events.web", "events.web.a.b", "events.web.a.b", event.Subject("web", "u"), "orders.1"} {
		if _, err := js.Publish(t.Context(), subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	a := mustAdopt(t, js, true)
	if got := fmt.Sprint(a.Refused); got != "[{events.web 1} {events.web.a.b 2}]" {
		t.Errorf("refused would be %s", got)
	}
	if err := a.Make(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "events.web.a.b", nil); err == nil {
		t.Error("what has another shape is taken still")
	}
	for _, subject := range []string{event.Subject("web", "v"), "orders.2"} {
		if _, err := js.Publish(t.Context(), subject, nil); err != nil {
			t.Errorf("%s is refused: %v", subject, err)
		}
	}
	if s, err := js.Stream(t.Context(), "EVENTS"); err != nil || s.CachedInfo().State.Msgs != 7 {
		t.Errorf("it holds not 7 messages: %v", err)
	}
}

// TestAdoptRefuses: what cannot be made to fit is refused in words that say what to do.
func TestAdoptRefuses(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	for _, c := range []struct {
		config jetstream.StreamConfig
		words  []string
	}{
		{jetstream.StreamConfig{Name: "FIRST", Subjects: []string{"events.>"}}, nil},
		{jetstream.StreamConfig{Name: "COPY", Mirror: &jetstream.StreamSource{Name: "FIRST"}}, []string{"mirror of FIRST", "adopt FIRST"}},
		{jetstream.StreamConfig{Name: "QUEUE", Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy}, []string{"workqueue", "make a new stream"}},
		{jetstream.StreamConfig{Name: "MOVED", Subjects: []string{"moved.>"}, SubjectTransform: &jetstream.SubjectTransformConfig{Source: "moved.>", Destination: "events.>"}}, []string{"transformed", "take the transform out"}},
	} {
		if _, err := js.CreateStream(t.Context(), c.config); err != nil {
			t.Fatal(err)
		}
		_, err := stream.Adopt(t.Context(), js, c.config.Name, false)
		if (err != nil) != (c.words != nil) {
			t.Errorf("%s: %v", c.config.Name, err)
		}
		for _, word := range c.words {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v does not say %q", c.config.Name, err, word)
			}
		}
	}
	if _, err := stream.Adopt(t.Context(), js, "NONE", false); err == nil || !strings.Contains(err.Error(), "firstlight run makes one") {
		t.Errorf("a stream that is not there: %v", err)
	}
}

func mustAdopt(t *testing.T, js jetstream.JetStream, narrow bool) *stream.Adoption {
	t.Helper()
	a, err := stream.Adopt(t.Context(), js, "EVENTS", narrow)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
