package simulate

import (
	"time"
)

// Truth is what the metrics of saas.yaml should come to for a group of users: the mean of the probabilities
// with which the simulator drew what they do. What Firstlight measures differs by chance only.
type Truth struct {
	Users int     // of the group that count
	Value float64 // a rate, or seconds; 0 when Known is false
	Known bool
}

// The horizons of saas.yaml.
const (
	activatedDays   = 7
	activatedWithin = activatedDays * 24 * time.Hour
	reportWithin    = 30 * 24 * time.Hour
	exportsWithin   = 28 * 24 * time.Hour
	templateWithin  = 24 * time.Hour
)

// Activated is the rate of the metric activated among the users whose 7 days have passed at asOf (Unix ms).
func Activated(users []User, asOf int64) Truth {
	return rate(users, asOf, activatedWithin, (*User).activation)
}

// activation is the probability that a user is activated in time.
func (u *User) activation() float64 {
	return projectShare * createProject.By(activatedWithin) * u.plan.invites * (invite.By(activatedWithin-inviteGap) - u.lostInvites())
}

// lostInvites is the probability that a user who would have invited within 7 days did not for an outage.
func (u *User) lostInvites() (lost float64) {
	limit := u.SignedUp + (activatedWithin - inviteGap).Milliseconds()
	for _, o := range u.lost {
		from, until := min(o.From, limit)-u.SignedUp, min(o.Until, limit)-u.SignedUp
		lost += lostShare * (invite.By(ms(until)) - invite.By(ms(from)))
	}
	return lost
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// Exports is the rate of adoption_by_cohort of the metric exports, as Activated.
func Exports(users []User, asOf int64) Truth {
	return rate(users, asOf, exportsWithin, func(u *User) float64 { return u.plan.exports * runExport.By(exportsWithin) })
}

// Returned is the rate of the metric weekly_return in a week (from 1) since sign-up, as Activated. Activation is what makes users come back.
func Returned(users []User, asOf, week int64) Truth {
	return rate(users, asOf, time.Duration(week+1)*7*24*time.Hour, func(u *User) float64 {
		p := u.activation()
		return p*returns(week, 1) + (1-p)*returns(week, keptInterest)
	})
}

// returns is the probability that a user opens a dashboard on any day of a week, who comes on a share of the days on which activated users do.
func returns(week int64, share float64) float64 {
	never := 1.0
	for d := 7 * week; d < min(7*week+7, visitDays); d++ {
		never *= 1 - share*interest(d)
	}
	return 1 - never
}

// FromTemplate is the rate of the metric from_template of demo.yaml, as Activated.
func FromTemplate(users []User, asOf int64) Truth {
	return rate(users, asOf, templateWithin, func(u *User) float64 {
		return projectShare * createProject.By(templateWithin) * templateShares[u.Screen]
	})
}

func rate(users []User, asOf int64, within time.Duration, p func(*User) float64) (t Truth) {
	sum := 0.0
	for i := range users {
		u := &users[i]
		if u.Test || u.hour+within.Milliseconds() > asOf {
			continue
		}
		t.Users++
		sum += p(u)
	}
	if t.Users > 0 {
		t.Value, t.Known = sum/float64(t.Users), true
	}
	return t
}

// FirstReport is the median time to the first shared report among all users, in seconds: unknown when fewer than
// half will share one within 30 days.
func FirstReport(users []User) (t Truth) {
	sum := 0.0
	for i := range users {
		if !users[i].Test {
			t.Users++
			sum += users[i].plan.reports
		}
	}
	if t.Users == 0 {
		return t
	}
	share := sum / float64(t.Users)
	if share*shareReport.By(reportWithin) < 0.5 {
		return t
	}
	low, high := time.Duration(0), reportWithin
	for high-low > time.Second {
		if middle := (low + high) / 2; share*shareReport.By(middle) < 0.5 {
			low = middle
		} else {
			high = middle
		}
	}
	t.Value, t.Known = high.Seconds(), true
	return t
}

// SignedUpBetween returns the users who signed up in [from, until), of users in order of sign-up.
func SignedUpBetween(users []User, from, until int64) []User {
	first, last := 0, len(users)
	for first < len(users) && users[first].SignedUp < from {
		first++
	}
	for last > first && users[last-1].SignedUp >= until {
		last--
	}
	return users[first:last]
}
