package oracle

import "time"

// Action is something that was done about a metric at a time.
type Action struct {
	Source, ID, Metric string
	At                 time.Time
}

const (
	actionWeek  = int64(7 * 86_400_000)
	actionWeeks = 4
)

// subject is one user whom an action may concern: the bucket in which they entered or started, whether they are old enough, and whether
// they got there.
type subject struct {
	from, to       int64
	eligible, made bool
}

// effects counts, of each action about a metric, the users of the four weeks before it and of the four weeks after it.
func (b *batch) effects(m *metric, members []*member, actions []Action) {
	for _, a := range actions {
		if a.Metric != m.Name {
			continue
		}
		at := a.At.UnixMilli()
		age, period, subjects := b.subjects(m, members, at)
		var entered, eligible, made [2]uint64
		for _, s := range subjects {
			side := 0
			switch {
			case s.from >= at && s.from < at+actionWeeks*actionWeek:
				side = 1
			case s.to <= at && s.to > at-actionWeeks*actionWeek:
			default:
				continue
			}
			entered[side]++
			if s.eligible {
				eligible[side]++
				if s.made {
					made[side]++
				}
			}
		}
		row := Row{
			"metric": m.Name, "cohort": m.Cohort, "source": a.Source, "id": a.ID, "at": a.At, "age_seconds": uint64(age / 1000), "period": uint64(period),
			"before_eligible": eligible[0], "before_reached": made[0], "before_rate": share(int(made[0]), int(eligible[0])),
			"after_entered": entered[1], "after_eligible": eligible[1], "after_reached": made[1], "after_rate": share(int(made[1]), int(eligible[1])),
			"difference": nil, "difference_low": nil, "difference_high": nil, "as_of": instant(b.asOf),
		}
		if eligible[0] > 0 && eligible[1] > 0 {
			row["difference"], row["difference_low"], row["difference_high"] = newcombe(int(made[1]), int(eligible[1]), int(made[0]), int(eligible[0]))
		}
		b.add("action_effects", row, nil)
	}
}

// subjects are the users of a metric, judged at the age (ms) or in the period at which an action at a time is looked at.
func (b *batch) subjects(m *metric, members []*member, at int64) (age int64, period int, all []subject) {
	cal := b.catalog.calendar
	if r, ok := m.kind.(*retention); ok {
		k := r.targetPeriod()
		for _, s := range r.starts(b, members) {
			of := subject{from: cal.hour(s.start), eligible: r.over(b, false, s, k), made: r.returned(cal, s, k)}
			of.to = of.from + 3_600_000
			if r.Period != "day" && r.Period != "week" {
				of.from, of.to = cal.start(s.day), cal.start(s.day+1)
			}
			all = append(all, of)
		}
		return 0, k, all
	}
	age = int64(m.Within)
	if age == 0 {
		for _, listed := range shownAges() {
			if listed <= actionWeeks*actionWeek && listed <= b.asOf-at-actionWeeks*actionWeek-3_600_000 {
				age = listed
			}
		}
	}
	for _, mb := range members {
		all = append(all, subject{
			from: mb.hourEnd - 3_600_000, to: mb.hourEnd, eligible: age > 0 && b.asOf >= mb.hourEnd+age,
			made: mb.hasReached() && mb.reached-mb.entered <= age,
		})
	}
	return age, 0, all
}
