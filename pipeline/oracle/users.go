package oracle

// The views about single users, the state of a metric as one number, and the volume of events.

func (b *batch) userProgress(m *metric, members []*member) {
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
	for i, goal := range m.goals() {
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
	if m.Kind == "adoption" || slow == nil {
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

// metricStatus is the metric as one number: a rate of the eligible users of the 28 local entry days that end with
// the newest day that has any. For ttfv, which needs nobody to be eligible, it is the Kaplan–Meier median of all
// who entered in the 28 days that end with the newest day of an entry.
func (b *batch) metricStatus(m *metric, whole panel) {
	row := Row{
		"metric": m.Name, "kind": m.Kind, "as_of": instant(b.asOf),
		"value": nil, "low": nil, "high": nil, "n": uint64(0),
	}
	newest := day(-1 << 40)
	for _, mb := range whole.members {
		if m.Kind == "ttfv" || b.eligibleFor(whole, m, mb) {
			newest = max(newest, mb.entryDay)
		}
	}
	var recent []*member
	for _, mb := range whole.members {
		if mb.entryDay > newest-28 && mb.entryDay <= newest {
			recent = append(recent, mb)
		}
	}
	if m.Kind == "ttfv" {
		km := b.curve(whole, recent)
		row["n"] = uint64(len(recent))
		row["value"] = km.quantile(0.5, estimate)
		row["low"], row["high"] = km.quantile(0.5, lower), km.quantile(0.5, upper)
	} else if len(recent) > 0 {
		eligible := func(mb *member) bool { return b.eligibleFor(whole, m, mb) }
		n := count(recent, eligible)
		k := count(recent, func(mb *member) bool { return eligible(mb) && mb.hasReached() })
		row["n"], row["value"] = uint64(n), share(k, n)
		row["low"], row["high"] = wilson(k, n)
	}
	b.add("metric_status", row, nil)
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
