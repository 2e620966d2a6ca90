package simulate

import (
	"slices"
	"testing"
)

// TestLiveContinuesThePast: whoever watches from some moment on sees what would have been the past for a later one, at the same
// pace.
func TestLiveContinuesThePast(t *testing.T) {
	past := Product{Seed: 5, From: monday, Until: monday + 2*day, PerDay: 200}
	longer := past
	longer.Until += 2 * day
	want := EventsBetween(longer.Users(), past.Until, longer.Until)

	l := NewLive(&past, past.Until, 0, past.Users())
	var got []Event
	for now := past.Until; now < longer.Until; now += 50_000 {
		got = append(got, l.Next(now)...)
	}
	got = append(got, l.Next(longer.Until)...)
	if !slices.IsSortedFunc(got, func(a, b Event) int { return int(a.Time - b.Time) }) {
		t.Error("events are not in order of time")
	}
	ids := func(events []Event) []string {
		var all []string
		for _, e := range events {
			all = append(all, e.ID)
		}
		slices.Sort(all)
		return all
	}
	if len(want) < 1000 || !slices.Equal(ids(got), ids(want)) {
		t.Errorf("%d events live, %d where they are the past", len(got), len(want))
	}
	if n := len(SignedUpBetween(longer.Users(), past.Until, longer.Until)); len(l.Users) != n {
		t.Errorf("%d sign-ups live, %d where they are the past", len(l.Users), n)
	}
}

func TestLiveFillsUpWithVisits(t *testing.T) {
	p := Product{Seed: 5, From: monday, Until: monday + 2*day, PerDay: 50}
	l := NewLive(&p, p.Until, 50, p.Users())
	ids := map[string]bool{}
	last, n := int64(0), 0
	for now := p.Until; now <= p.Until+60_000; now += 100 {
		for _, e := range l.Next(now) {
			n++
			if e.Time < last || e.Time >= now || ids[e.ID] {
				t.Fatalf("event %s at %d after %d, called at %d", e.ID, e.Time, last, now)
			}
			last, ids[e.ID] = e.Time, true
		}
	}
	if n != 3000 {
		t.Errorf("%d events in a minute, want 3000", n)
	}
}

func TestLiveAfterASleep(t *testing.T) {
	p := Product{Seed: 5, From: monday, Until: monday + 2*day, PerDay: 50}
	l := NewLive(&p, p.Until, 100, p.Users())
	l.Next(p.Until + 1000)
	for _, e := range l.Next(p.Until + hour) {
		if e.Name == "dashboard_viewed" && len(e.ID) > 5 && e.ID[:5] == "visit" {
			t.Fatalf("the visit %s in an hour in which the computer slept", e.ID)
		}
	}
	if n := len(l.Next(p.Until + hour + 1000)); n < 100 || n > 110 {
		t.Errorf("%d events in the second after, want 100", n)
	}
}
