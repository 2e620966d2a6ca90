package stream_test

import (
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
)

// TestScanFindsStrays: of a user's messages under tokens of others the scan finds all that name the user, also those that are no
// events (identify, group, alias) and those that are refused for something else.
func TestScanFindsStrays(t *testing.T) {
	_, js := streamtest.Connect(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	var want []uint64
	for _, m := range []struct {
		token, body string
		stray       bool
	}{
		{"ada", `{"event":"signed_up","userId":"ada"}`, false},
		{"ben", `{"event":"signed_up","userId":"ada"}`, true},
		{"ben", `{"type":"identify","userId":"ada","traits":{"email":"ada@acme.example"}}`, true},
		{"ben", `{"type":"alias","userId":"ada","previousId":"ben"}`, true},
		{"ben", `{"type":"group","anonymousId":"ada","groupId":"acme"}`, true},
		{"ben", `{"event":"signed_up","userId":"ada","timestamp":"yesterday"}`, true},
		{"ben", `{"userId":"ada"}`, true},
		{"ada", `{"type":"identify","userId":"ada"}`, false},
		{"ben", `{"type":"identify","userId":"ben"}`, false},
		{"ben", `{"type":"identify"}`, false},
		{"ben", `no JSON`, false},
	} {
		ack, err := js.Publish(t.Context(), event.Subject("web", m.token), []byte(m.body))
		if err != nil {
			t.Fatal(err)
		}
		if m.stray {
			want = append(want, ack.Sequence)
		}
	}
	f, err := stream.NewForgetter(t.Context(), js, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	err = f.Scan(t.Context(), func(s stream.Stray) {
		if s.User != "ada" || s.Route != event.Token("ben") {
			t.Errorf("message %d is of %q under %s", s.Sequence, s.User, s.Route)
		}
		got = append(got, s.Sequence)
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the scan finds %v (%v), want %v", got, err, want)
	}
}
