package event_test

import (
	"slices"
	"testing"

	"firstlight/pipeline/event"
)

// TestPurgedBy: what was purged is what Firstlight's own message says; an app's says nothing, and neither counts as an event.
func TestPurgedBy(t *testing.T) {
	m := event.Purged([]uint64{3, 7})
	if got := event.PurgedBy(m); !slices.Equal(got, []uint64{3, 7}) {
		t.Errorf("it names %v", got)
	}
	if _, forgets := event.Forgets(m); forgets {
		t.Error("it has somebody forgotten")
	}
	forged := *m
	forged.Subject = "events.web.purged"
	if got := event.PurgedBy(&forged); got != nil {
		t.Errorf("an app's message names %v", got)
	}
	forged = *m
	forged.Data = []byte("{")
	if got := event.PurgedBy(&forged); got != nil {
		t.Errorf("one that is no JSON names %v", got)
	}
}
