package main

import (
	"fmt"
	"strings"
	"testing"

	"firstlight/pipeline/event"
)

// TestMisrouted: events whose subject has the token of another user are counted, and their sources are named.
func TestMisrouted(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	js := d.jetstream()
	for i, to := range []string{"ada", "ada", "ben"} {
		source := []string{"web", "ios", "ios"}[i]
		body := fmt.Sprintf(`{"event":"signed_up","userId":"ada","messageId":"%d"}`, i)
		if _, err := js.Publish(t.Context(), event.Subject(source, to), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	var s status
	b.eventually("all events are applied", func() bool {
		s = b.accounts()
		applied := uint64(0)
		for _, p := range s.Partitions {
			applied += p.Applied
		}
		return applied == 3
	})
	if s.Misrouted != 1 {
		t.Errorf("%d events are misrouted, want 1", s.Misrouted)
	}
	if text := b.must("status"); !strings.Contains(text, "\n1 event under a token that is not that of the user") {
		t.Errorf("status:\n%s", text)
	}
	if text := get(t, "http://"+d.at.HTTP+"/metrics"); !strings.Contains(text, "firstlight_events_misrouted_total") {
		t.Error("/metrics does not count them")
	}
	said := b.must("check", b.env["FIRSTLIGHT_CATALOG"], "--live")
	want := `1 of 2 events of source "ios" have a subject of another user`
	if !strings.Contains(said, want) || !strings.Contains(said, "that of message 3 would be "+event.Subject("ios", "ada")) || strings.Contains(said, `source "web"`) {
		t.Errorf("check --live does not say %s:\n%s", want, said)
	}
}
