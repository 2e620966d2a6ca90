package simulate

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
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

// sameRate fails when a count is no likely outcome of a probability: five standard deviations away.
func sameRate(t *testing.T, what string, count, truth Truth) {
	t.Helper()
	if count.Users != truth.Users || count.Users < 1000 {
		t.Errorf("%s: the count is about %d users, the truth about %d", what, count.Users, truth.Users)
	}
	sd := math.Sqrt(truth.Value * (1 - truth.Value) / float64(truth.Users))
	if math.Abs(count.Value-truth.Value) > 5*sd {
		t.Errorf("%s: counted %.4f, the truth says %.4f ± %.4f", what, count.Value, truth.Value, sd)
	}
}

func TestActivatedTruth(t *testing.T) {
	for name, p := range map[string]Product{"healthy": large, "with an outage": broken} {
		users := p.Users()
		for week := range int64(4) {
			of := SignedUpBetween(users, monday+week*7*day, monday+(week+1)*7*day)
			sameRate(t, name, CountActivated(of, forever), Activated(of, forever))
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
	sameRate(t, "exports", CountExports(users, forever), Exports(users, forever))
}

func TestReturnedTruth(t *testing.T) {
	users := broken.Users()
	for week := int64(1); week < 8; week++ {
		sameRate(t, fmt.Sprint("back in week ", week), CountReturned(users, forever, week), Returned(users, forever, week))
	}
}

// TestExperimentsTruth: of the two experiments one changes what users do, and neither anything else.
func TestExperimentsTruth(t *testing.T) {
	users := large.Users()
	of := func(dealt func(*User) string) map[string][]User {
		by := map[string][]User{}
		for i := range users {
			by[dealt(&users[i])] = append(by[dealt(&users[i])], users[i])
		}
		return by
	}
	screens, variants := of(func(u *User) string { return u.Screen }), of(func(u *User) string { return u.Variant })
	for _, some := range [][]User{screens["blank"], screens["templates"], variants["control"], variants["checklist"]} {
		sameRate(t, "from a template", CountFromTemplate(some, forever), FromTemplate(some, forever))
		sameRate(t, "activated", CountActivated(some, forever), Activated(some, forever))
		if share := float64(len(some)) / float64(len(users)); share < 0.48 || share > 0.52 {
			t.Errorf("%.3f of users are dealt one of two variants", share)
		}
	}
	more := FromTemplate(screens["templates"], forever).Value - FromTemplate(screens["blank"], forever).Value
	if math.Abs(more-0.0655) > 0.0005 {
		t.Errorf("templates on the screen let %.4f more start from one", more)
	}
}

func TestFirstReportTruth(t *testing.T) {
	users := large.Users()
	truth, count := FirstReport(users), CountFirstReport(users, forever)
	if !truth.Known || !count.Known || math.Abs(count.Value/truth.Value-1) > 0.05 {
		t.Errorf("half had shared a report after %v, the truth says %v", count, truth)
	}
	if got := CountFirstReport(users, large.Until); got.Known {
		t.Errorf("those who just signed up have not had their time, the count says %v", got)
	}
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

// TestSameLuckWheneverItBegan: products that began at different times have the same users, who do the same at the same ages, but for how
// many come on a day of the week and at an hour of the day.
func TestSameLuckWheneverItBegan(t *testing.T) {
	began := func(at int64) map[string]User {
		p := Product{Seed: 5, Began: at, From: at, Until: at + 14*day, PerDay: 130}
		all := map[string]User{}
		for _, u := range p.Users() {
			all[u.ID] = u
		}
		return all
	}
	ages := func(u User) (all []string) {
		for _, e := range u.Events {
			all = append(all, fmt.Sprint(e.ID, e.Name, e.Properties, e.Time-u.SignedUp))
		}
		return all
	}
	first := began(monday)
	for _, after := range []int64{17 * 60_000, 5*day + 11*hour + 1} {
		both, same := 0, true
		for id, u := range began(monday + after) {
			if other, ok := first[id]; ok {
				both++
				same = same && slices.Equal(ages(u), ages(other)) && u.Plan == other.Plan && u.Country == other.Country
			}
		}
		if !same || both < len(first)/3 || after < hour && both != len(first) {
			t.Errorf("begun %d ms later, %d of %d users are the same, and do the same: %t", after, both, len(first), same)
		}
	}
}

// TestGoesOn: users of a product in two parts are those of the whole, wherever it is cut.
func TestGoesOn(t *testing.T) {
	whole := Product{Seed: 5, Began: monday + 17*60_000, From: monday + 17*60_000, Until: monday + 3*day, PerDay: 130}
	before, after := whole, whole
	before.Until, after.From = monday+day+12345, monday+day+12345
	if !reflect.DeepEqual(slices.Concat(before.Users(), after.Users()), whole.Users()) {
		t.Error("the parts have other users than the whole")
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
