package simulate

import "testing"

func TestLiveKeepsItsRate(t *testing.T) {
	past := (&Product{Seed: 5, From: monday, Until: monday + 2*day, PerDay: 50}).Users()
	l := NewLive(monday+2*day, 50, past)
	ids := map[string]bool{}
	last, n := int64(0), 0
	for now := monday + 2*day; now <= monday+2*day+60_000; now += 100 {
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
	if len(l.Users) < 100 || len(l.Users) > 220 {
		t.Errorf("%d sign-ups of 3000 events, want about 150", len(l.Users))
	}
}

func TestLiveUsersOfThePastGoOn(t *testing.T) {
	past := (&Product{Seed: 5, From: monday, Until: monday + day, PerDay: 200}).Users()
	var want []string
	for _, e := range EventsBetween(past, monday+day, monday+day+hour) {
		want = append(want, e.ID)
	}
	l, got := NewLive(monday+day, 1, past), map[string]bool{}
	for now := monday + day; now <= monday+day+hour; now += 1000 {
		for _, e := range l.Next(now) {
			got[e.ID] = true
		}
	}
	for _, id := range want {
		if !got[id] {
			t.Errorf("%s did not happen", id)
		}
	}
	if len(want) == 0 {
		t.Error("nobody had anything left to do")
	}
}

func TestLiveSkipsASleep(t *testing.T) {
	l := NewLive(monday, 100, nil)
	l.Next(monday + 1000)
	if n := len(l.Next(monday + day)); n > 0 {
		t.Errorf("%d events for a day in which the computer slept", n)
	}
	if n := len(l.Next(monday + day + 1000)); n != 100 {
		t.Errorf("%d events in the second after, want 100", n)
	}
}
