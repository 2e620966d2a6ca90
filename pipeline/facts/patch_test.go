package facts_test

import (
	"bytes"
	"testing"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
)

// TestPatch: a user of whom an event changes nothing but when it was last seen is written in its place, as if it were written anew.
func TestPatch(t *testing.T) {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	j := facts.NewJoiner(c, calendar.New(c.Location, c.WeekStart), func(_, _ int, text string) string { return text })
	u, matcher := j.NewUser(), c.NewMatcher()
	entry := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	held, patched := u.Append(nil), 0
	for i, name := range []string{"signed_up", "page_viewed", "page_viewed", "export_run", "page_viewed", "nothing", "invite_sent", "nothing"} {
		e := event.Event{Name: name, ID: "m", Time: entry.Add(time.Duration(i) * time.Minute).UnixMilli()}
		mask := matcher.Match(&e)
		u.Open(held)
		j.Join(u, &e, &mask, 0, 0)
		u.Sequence++
		anew := u.Append(nil)
		if u.Patch() {
			patched++
			if !bytes.Equal(held, anew) {
				t.Errorf("after %d: %s is patched to %x, want %x", i, name, held, anew)
			}
		}
		held = anew
	}
	if patched == 0 {
		t.Error("no event left all but the header as it was")
	}
}
