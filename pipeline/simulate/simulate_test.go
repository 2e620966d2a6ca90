package simulate

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"firstlight/pipeline/event"
)

var (
	monday  = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).UnixMilli()
	large   = Product{Seed: 7, From: monday, Until: monday + 28*day, PerDay: 350}
	outage  = Outage{monday + 7*day, monday + 10*day}
	broken  = Product{Seed: 7, From: monday, Until: monday + 28*day, PerDay: 350, Outages: []Outage{outage}}
	forever = monday + 1000*day
)

// activated counts plainly: a project and two member invitations within 7 days.
func activated(users []User) (n, of int) {
	for _, u := range users {
		if u.Test {
			continue
		}
		of++
		projects, invites := 0, 0
		for _, e := range u.Events {
			if e.Time > u.SignedUp+7*day {
				continue
			}
			switch {
			case e.Name == "project_created":
				projects++
			case e.Name == "invite_sent" && e.Properties["role"] != "guest":
				invites++
			}
		}
		if projects >= 1 && invites >= 2 {
			n++
		}
	}
	return n, of
}

// sameRate fails when a count is no likely outcome of a probability: five standard deviations away.
func sameRate(t *testing.T, what string, n, of int, p float64) {
	t.Helper()
	got, sd := float64(n)/float64(of), math.Sqrt(p*(1-p)/float64(of))
	if math.Abs(got-p) > 5*sd {
		t.Errorf("%s: %d of %d is %.4f, the truth says %.4f ± %.4f", what, n, of, got, p, sd)
	}
}

func TestActivatedTruth(t *testing.T) {
	for name, p := range map[string]Product{"healthy": large, "with an outage": broken} {
		users := p.Users()
		for week := range int64(4) {
			of := SignedUpBetween(users, monday+week*7*day, monday+(week+1)*7*day)
			n, all := activated(of)
			truth := Activated(of, forever)
			if truth.Users != all {
				t.Errorf("%s: the truth is about %d users of %d", name, truth.Users, all)
			}
			sameRate(t, name, n, all, truth.Value)
		}
	}
}

func TestOutageShows(t *testing.T) {
	week := func(p Product) float64 {
		return Activated(SignedUpBetween(p.Users(), monday+7*day, monday+14*day), forever).Value
	}
	if healthy, hurt := week(large), week(broken); hurt > 0.8*healthy {
		t.Errorf("activation in the week of the outage is %.3f, without it %.3f", hurt, healthy)
	}
}

func TestOnlyUsersWhoseTimeHasPassedCount(t *testing.T) {
	users := large.Users()
	if got := Activated(users, monday+7*day); got.Known {
		t.Errorf("nobody's 7 days have passed, the truth knows %v", got)
	}
	if got := Activated(users, monday+8*day); got.Users == 0 || got.Users > len(users)/10 {
		t.Errorf("only the first day's users count on day 8, the truth counts %d of %d", got.Users, len(users))
	}
}

func TestExportsTruth(t *testing.T) {
	users := large.Users()
	n, of := 0, 0
	for _, u := range users {
		if u.Test {
			continue
		}
		of++
		if at := u.has("export_run"); at != 0 && at <= u.SignedUp+28*day {
			n++
		}
	}
	sameRate(t, "exports", n, of, Exports(users, forever).Value)
}

func TestFirstReportTruth(t *testing.T) {
	users := large.Users()
	median := FirstReport(users)
	n, of := 0, 0
	for _, u := range users {
		if u.Test {
			continue
		}
		of++
		if at := u.has("report_shared"); at != 0 && float64(at-u.SignedUp)/1000 <= median.Value {
			n++
		}
	}
	sameRate(t, "reports by the median", n, of, 0.5)
}

func TestSameSeedSameProduct(t *testing.T) {
	bytesOf := func(p Product) []byte {
		var all []byte
		for _, e := range EventsBetween(p.Users(), 0, forever) {
			all = append(all, e.JSON()...)
		}
		return all
	}
	small := Product{Seed: 1, From: monday, Until: monday + 3*day, PerDay: 50}
	if !bytes.Equal(bytesOf(small), bytesOf(small)) {
		t.Error("the same product has other events the second time")
	}
	other := small
	other.Seed = 2
	if bytes.Equal(bytesOf(small), bytesOf(other)) {
		t.Error("another seed gives the same events")
	}
}

func TestWeekendsAreQuiet(t *testing.T) {
	users := large.Users()
	count := func(day0 int64) int { return len(SignedUpBetween(users, monday+day0*day, monday+(day0+1)*day)) }
	if wednesday, sunday := count(2), count(6); sunday*3 > wednesday*2 {
		t.Errorf("%d sign-ups on Wednesday, %d on Sunday", wednesday, sunday)
	}
}

func TestEventsAreAccepted(t *testing.T) {
	users := (&Product{Seed: 3, From: monday, Until: monday + day, PerDay: 200}).Users()
	events := EventsBetween(users, monday, forever)
	if !slices.IsSortedFunc(events, func(a, b Event) int { return int(a.Time - b.Time) }) {
		t.Error("events are not in order of time")
	}
	ids := map[string]bool{}
	for _, e := range events {
		var parsed event.Event
		m := event.Message{Subject: event.Subject("demo", e.User), Stored: e.Time, Data: e.JSON()}
		if r := event.Parse(&m, false, &parsed); r.Verdict != event.Accepted || parsed.Time != e.Time {
			t.Fatalf("%s: %v %s at %d", m.Data, r.Reason, r.Detail, parsed.Time)
		}
		if ids[e.ID] {
			t.Fatalf("two events have the id %s", e.ID)
		}
		ids[e.ID] = true
	}
}
