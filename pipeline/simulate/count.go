package simulate

import "slices"

// What the users did, counted plainly from their events: Firstlight should find exactly this.

// CountActivated is the rate of the metric activated among the users whose 7 days have passed at asOf (Unix ms).
func CountActivated(users []User, asOf int64) Truth {
	return counted(users, asOf, activatedWithin.Milliseconds(), func(u *User, _ int64) bool { return u.activated() })
}

// CountReturned is the share of users who opened a dashboard in a week (from 0) since their sign-up, among those for whom it is over at asOf.
func CountReturned(users []User, asOf, week int64) Truth {
	return counted(users, asOf, (week+1)*7*day, func(u *User, end int64) bool {
		return slices.ContainsFunc(u.Events, func(e Event) bool {
			return e.Name == "dashboard_viewed" && e.Time >= end-7*day && e.Time < end
		})
	})
}

// CountExports is the rate of the metric exports among the users whose 28 days have passed at asOf (Unix ms).
func CountExports(users []User, asOf int64) Truth {
	return counted(users, asOf, exportsWithin.Milliseconds(), func(u *User, end int64) bool {
		at := u.first("export_run")
		return at != 0 && at <= end
	})
}

// CountFromTemplate is the rate of the metric from_template among the users whose day has passed at asOf (Unix ms).
func CountFromTemplate(users []User, asOf int64) Truth {
	return counted(users, asOf, templateWithin.Milliseconds(), func(u *User, end int64) bool {
		for _, e := range u.Events {
			if e.Name == "project_created" && e.Properties["template"] == true {
				return e.Time <= end
			}
		}
		return false
	})
}

func counted(users []User, asOf, within int64, did func(u *User, end int64) bool) (t Truth) {
	n := 0
	for i := range users {
		u := &users[i]
		if u.Test || u.hour+within > asOf {
			continue
		}
		t.Users++
		if did(u, u.SignedUp+within) {
			n++
		}
	}
	if t.Users > 0 {
		t.Value, t.Known = float64(n)/float64(t.Users), true
	}
	return t
}

// CountFirstReport is the time in seconds after which half of all users had shared a report, known once all have
// been there for longer than that.
func CountFirstReport(users []User, asOf int64) (t Truth) {
	var took []int64
	youngest := int64(0)
	for i := range users {
		u := &users[i]
		if u.Test {
			continue
		}
		t.Users++
		youngest = max(youngest, u.hour)
		if at := u.first("report_shared"); at != 0 && at <= min(asOf, u.SignedUp+reportWithin.Milliseconds()) {
			took = append(took, at-u.SignedUp)
		}
	}
	slices.Sort(took)
	if half := (t.Users+1)/2 - 1; half >= 0 && half < len(took) && youngest+took[half] < asOf {
		t.Value, t.Known = float64(took[half])/1000, true
	}
	return t
}
