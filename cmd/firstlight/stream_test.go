package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/stream/streamtest"
)

// TestStreamAdopt: a stream that was there before is shown with what is to be changed, changed on --yes, and run takes it then.
func TestStreamAdopt(t *testing.T) {
	b := newSharedBox(t)
	conn, js := streamtest.Connect(t)
	b.env["NATS_URL"] = conn.ConnectedUrl()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"product.>"}, Retention: jetstream.InterestPolicy}); err != nil {
		t.Fatal(err)
	}
	b.refused(1, []string{"EVENTS", "retention"}, "run", "--drain")
	for range 2 {
		if shown := b.must("stream", "adopt"); !strings.Contains(shown, "retention policy: interest -> limits") || !strings.Contains(shown, "product.>, events.>") || !strings.Contains(shown, "--yes") {
			t.Errorf("it shows\n%s", shown)
		}
	}
	if done := b.must("stream", "adopt", "--yes"); !strings.Contains(done, "EVENTS was changed") {
		t.Errorf("it says\n%s", done)
	}
	if again := b.must("stream", "adopt", "--yes"); again != "EVENTS needs no change.\n" {
		t.Errorf("again it says\n%s", again)
	}
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.must("run", "--drain")
	if got := b.tsv("SELECT sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "3" {
		t.Errorf("%s entered, want 3", got)
	}
	b.refused(2, []string{"stream adopt"}, "stream")
}
