package oracle

// The views about single users, the state of a metric as one number, and the volume of events.

import "math"

func (b *batch) userProgress(m *metric, members []*member) {
	b.told[m] = members
	for _, mb := range members {
		row := b.userRow(m, mb)
		row["kind"] = m.Kind
		row["reached_at"], row["seconds"] = nil, nil
		if mb.hasReached() {
			row["reached_at"], row["seconds"] = instant(mb.reached), mb.seconds()
		}
		b.add("user_progress", row, nil)
	}
}

// userRow holds the columns that both user views show.
func (b *batch) userRow(m *metric, mb *member) Row {
	next := ""
	for i, goal := range m.kind.goals() {
		if mb.goals[i] == never {
			next = goal.Name
			break
		}
	}
	return Row{
		"metric": m.Name, "cohort": m.Cohort, "user_id": mb.user, "cohort_start": mb.cohortStart.date(),
		"segments": mb.segments, "entered_at": instant(mb.entered),
		"steps_done": uint64(mb.done()), "next_step": next,
	}
}

// stalledUsers lists who is still inside within and slower than 75 % of all who made it.
func (b *batch) stalledUsers(m *metric, members []*member) {
	slow := quantile(b.ages(members, always), 75)
	if slow == nil {
		return
	}
	for _, mb := range members {
		waited := float64(b.asOf-mb.entered) / 1000
		expires := mb.entered + int64(m.Within)
		if mb.hasReached() || waited <= slow.(float64) || m.Within > 0 && expires < b.asOf {
			continue
		}
		row := b.userRow(m, mb)
		row["last_seen_at"] = instant(mb.lastSeen)
		row["expires_at"] = nil
		if m.Within > 0 {
			row["expires_at"] = instant(expires)
		}
		b.add("stalled_users", row, nil)
	}
}

// value is what a metric's one number is of: the members that count, and the value, its limits and the users behind it of some.
type value struct {
	counts func(*member) bool
	of     func(members []*member) Row
}

// rate is the share of the eligible who reached the metric.
func (b *batch) rate(m *metric, whole panel) value {
	eligible := func(mb *member) bool { return b.eligibleFor(whole, m, mb) }
	return value{eligible, func(members []*member) Row {
		n, k := count(members, eligible), count(members, func(mb *member) bool { return eligible(mb) && mb.hasReached() })
		row := Row{"n": uint64(n), "value": share(k, n), "low": nil, "high": nil}
		if n > 0 {
			row["low"], row["high"] = wilson(k, n)
		}
		return row
	}}
}

// median is the Kaplan–Meier median of all who entered: it needs nobody to be eligible.
func (b *batch) median(whole panel) value {
	return value{always, func(members []*member) Row {
		km := b.curve(whole, members)
		return Row{"n": uint64(len(members)), "value": km.quantile(0.5, estimate), "low": km.quantile(0.5, lower), "high": km.quantile(0.5, upper)}
	}}
}

// metricStatus is the metric as one number: of the 28 local entry days that end with the newest day of a member that counts, beside that
// of the 28 before.
func (b *batch) metricStatus(m *metric, whole panel, v value) {
	newest := day(-1 << 40)
	for _, mb := range whole.members {
		if v.counts(mb) {
			newest = max(newest, mb.entryDay)
		}
	}
	row, before := v.of(enteredBy(whole.members, newest)), v.of(enteredBy(whole.members, newest-28))
	row["metric"], row["kind"], row["as_of"] = m.Name, m.Kind, instant(b.asOf)
	row["previous_value"] = before["value"]
	row["change"], row["change_low"], row["change_high"] = change(row, before)
	b.add("metric_status", row, nil)
}

// enteredBy are the members of the 28 entry days that end with a day.
func enteredBy(members []*member, last day) []*member {
	var in []*member
	for _, mb := range members {
		if mb.entryDay > last-28 && mb.entryDay <= last {
			in = append(in, mb)
		}
	}
	return in
}

// change is the difference of two values and its 95 % limits, from theirs: Newcombe (1998, method 10) for rates. Each is NULL
// when something it needs is.
func change(now, before Row) (difference, low, high any) {
	side := func(row Row, limit string) (float64, bool) {
		value, has := row["value"].(float64)
		end, bounded := row[limit].(float64)
		return end - value, has && bounded
	}
	a, isNow := now["value"].(float64)
	b, isBefore := before["value"].(float64)
	if !isNow || !isBefore {
		return nil, nil, nil
	}
	down, hasDown := side(now, "low")
	rise, hasRise := side(before, "high")
	if hasDown && hasRise {
		low = a - b - math.Hypot(down, rise)
	}
	up, hasUp := side(now, "high")
	fall, hasFall := side(before, "low")
	if hasUp && hasFall {
		high = a - b + math.Hypot(up, fall)
	}
	return a - b, low, high
}

func (b *batch) eventVolume() {
	type key struct {
		source, event string
		in            window
	}
	counts := map[key]uint64{}
	for _, e := range b.events {
		for _, name := range b.catalog.Windows {
			for _, w := range b.catalog.calendar.windows(name, e.at, b.asOf) {
				counts[key{e.source, e.name, w}]++
			}
		}
	}
	for k, n := range counts {
		row := b.settled(k.in)
		delete(row, "is_final")
		row["source"], row["event"], row["events"] = k.source, k.event, n
		b.add("event_volume", row, nil)
	}
}
