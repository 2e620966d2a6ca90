package oracle

// The views of each metric kind.

// activation adds the rows of activation_by_cohort, _by_entry_window, _by_window and activation_steps.
func (b *batch) activation(p panel, m *metric) {
	eligible := func(mb *member) bool { return b.eligibleFor(p, m, mb) }
	for _, g := range p.groups() {
		row := b.rates(g.members, eligible, "activated")
		row["rate_to_date"] = share(count(g.members, (*member).hasReached), len(g.members))
		row["km_rate"] = nil
		if n := count(g.members, eligible); n > 0 {
			row["km_rate"] = 1 - b.curve(p, g.members).at(float64(m.Within)/1000).s
		}
		row["is_mature"] = count(g.members, eligible) == len(g.members)
		row["as_of"] = instant(b.asOf)
		b.add("activation_by_cohort"+p.suffix, p.row(g), row)
		b.activationByWindow(p, g)
		b.activationSteps(p, m, g)
	}
	for _, w := range b.windowsOf(p.windows, entries(p.members)) {
		row := b.rates(enteredIn(p.members, w), eligible, "activated")
		for k, v := range b.settled(w) {
			row[k] = v
		}
		b.add("activation_by_entry_window"+p.suffix, p.base, row)
	}
}

// rates counts entered, eligible and the reached among them under the given name, and to date.
func (b *batch) rates(members []*member, eligible func(*member) bool, reached string) Row {
	n := count(members, eligible)
	k := count(members, func(mb *member) bool { return eligible(mb) && mb.hasReached() })
	row := Row{
		"entered": uint64(len(members)), "eligible": uint64(n), reached: uint64(k),
		reached + "_to_date": uint64(count(members, (*member).hasReached)),
	}
	ratio(row, k, n)
	return row
}

func entries(members []*member) []int64 {
	var times []int64
	for _, mb := range members {
		times = append(times, mb.entered)
	}
	return times
}

func completions(members []*member) []int64 {
	var times []int64
	for _, mb := range members {
		if mb.hasReached() {
			times = append(times, mb.reached)
		}
	}
	return times
}

func enteredIn(members []*member, w window) []*member {
	var in []*member
	for _, mb := range members {
		if w.holds(mb.entered) {
			in = append(in, mb)
		}
	}
	return in
}

// reachedBefore and reachedIn judge when members reached the metric.
func reachedBefore(end int64) func(*member) bool {
	return func(mb *member) bool { return mb.hasReached() && mb.reached < end }
}

func reachedIn(w window) func(*member) bool {
	return func(mb *member) bool { return mb.hasReached() && w.holds(mb.reached) }
}

func (b *batch) activationByWindow(p panel, g group) {
	for _, w := range b.windowsOf(p.windows, completions(g.members)) {
		entered := count(g.members, func(mb *member) bool { return mb.entered < w.end })
		toDate := count(g.members, reachedBefore(w.end))
		row := b.settled(w)
		row["entered"] = uint64(entered)
		row["activated_in_window"] = uint64(count(g.members, reachedIn(w)))
		row["activated_to_date"] = uint64(toDate)
		row["rate_to_date"] = share(toDate, entered)
		b.add("activation_by_window"+p.suffix, p.row(g), row)
	}
}

func (b *batch) activationSteps(p panel, m *metric, g group) {
	eligible := count(g.members, func(mb *member) bool { return b.eligibleFor(p, m, mb) })
	if eligible == 0 {
		return
	}
	for i, step := range m.Steps {
		var ages []int64
		for _, mb := range g.members {
			if b.eligibleFor(p, m, mb) && mb.goals[i] != never {
				ages = append(ages, mb.goals[i]-mb.entered)
			}
		}
		row := Row{
			"step": uint64(i + 1), "step_name": step.Name, "eligible": uint64(eligible),
			"reached": uint64(len(ages)), "p50_seconds": quantile(b.seconds(ages), 50),
		}
		ratio(row, len(ages), eligible)
		b.add("activation_steps"+p.suffix, p.row(g), row)
	}
}

// ttfv adds the rows of ttfv_by_cohort, ttfv_by_entry_window and ttfv_by_window.
func (b *batch) ttfv(p panel, m *metric) {
	for _, g := range p.groups() {
		ages := b.ages(g.members, always)
		km := b.curve(p, g.members)
		b.add("ttfv_by_cohort"+p.suffix, p.row(g), Row{
			"entered": uint64(len(g.members)), "reached": uint64(len(ages)),
			"mean_seconds": meanSeconds(g.members, always),
			"p25_seconds":  quantile(ages, 25), "p50_seconds": quantile(ages, 50),
			"p75_seconds": quantile(ages, 75), "p90_seconds": quantile(ages, 90),
			"km_p25_seconds": km.quantile(0.25, estimate), "km_p50_seconds": km.quantile(0.5, estimate),
			"km_p50_low": km.quantile(0.5, lower), "km_p50_high": km.quantile(0.5, upper),
			"km_p75_seconds": km.quantile(0.75, estimate), "as_of": instant(b.asOf),
		})
		for _, w := range b.windowsOf(p.windows, completions(g.members)) {
			row := b.settled(w)
			row["reached_in_window"] = uint64(count(g.members, reachedIn(w)))
			row["reached_to_date"] = uint64(count(g.members, reachedBefore(w.end)))
			row["mean_seconds"] = meanSeconds(g.members, reachedIn(w))
			row["p50_seconds"] = quantile(b.ages(g.members, reachedIn(w)), 50)
			b.add("ttfv_by_window"+p.suffix, p.row(g), row)
		}
	}
	for _, w := range b.windowsOf(p.windows, entries(p.members)) {
		in := enteredIn(p.members, w)
		km := b.curve(p, in)
		row := b.settled(w)
		row["entered"] = uint64(len(in))
		row["reached"] = uint64(count(in, (*member).hasReached))
		row["km_p50_seconds"] = km.quantile(0.5, estimate)
		row["km_p50_low"] = km.quantile(0.5, lower)
		row["km_p50_high"] = km.quantile(0.5, upper)
		b.add("ttfv_by_entry_window"+p.suffix, p.base, row)
	}
}

// meanSeconds is exact: ages are not rounded.
func meanSeconds(members []*member, is func(*member) bool) any {
	var seconds []float64
	for _, mb := range members {
		if mb.hasReached() && is(mb) {
			seconds = append(seconds, mb.seconds())
		}
	}
	return mean(seconds)
}

func (b *batch) adoptionByCohort(p panel, m *metric) {
	eligible := func(mb *member) bool { return b.eligibleFor(p, m, mb) }
	for _, g := range p.groups() {
		row := b.rates(g.members, eligible, "adopted")
		row["p50_seconds"] = quantile(b.ages(g.members, eligible), 50)
		b.add("adoption_by_cohort"+p.suffix, p.row(g), row)
	}
}

// tally is one row of adoption_by_window in the making.
type tally struct{ active, adopters, newAdopters, uses int }

// note adds what a user did in a window, counting only events at or after since.
func (t *tally) note(m *metric, events []*event, since int64, w window) {
	active, uses, firstUse := false, 0, never
	for _, e := range events {
		if e.at < since {
			continue
		}
		isUse := m.Feature.matches(e)
		if isUse && firstUse == never {
			firstUse = e.at
		}
		if w.holds(e.at) {
			active = active || isUse || m.Active == nil || m.Active.matches(e)
			if isUse {
				uses++
			}
		}
	}
	t.uses += uses
	if active {
		t.active++
	}
	if uses > 0 {
		t.adopters++
	}
	if firstUse != never && w.holds(firstUse) {
		t.newAdopters++
	}
}

// adoptionByWindow counts users into the row of their cohort period, or, where they have not entered before the
// window ends, into the not-entered row.
func (b *batch) adoptionByWindow(p panel, m *metric) {
	byUser := b.eventsByUser()
	standing := map[string]*member{}
	for _, mb := range p.members {
		standing[mb.user] = mb
	}
	var times []int64
	for _, e := range b.events {
		times = append(times, e.at)
	}
	const notEntered = day(-1 << 40)
	for _, w := range b.windowsOf(p.windows, times) {
		tallies := map[day]*tally{}
		for user, events := range byUser {
			mb := standing[user]
			start, since := notEntered, never
			if mb != nil && mb.entered < w.end {
				start, since = mb.cohortStart, mb.entered
			} else if p.suffix != "" {
				continue
			}
			if tallies[start] == nil {
				tallies[start] = &tally{}
			}
			tallies[start].note(m, events, since, w)
		}
		for start, t := range tallies {
			if *t == (tally{}) {
				continue
			}
			row := b.settled(w)
			row["cohort_start"] = nil
			if start != notEntered {
				row["cohort_start"] = start.date()
			}
			row["active_users"], row["adopters"] = uint64(t.active), uint64(t.adopters)
			row["new_adopters"], row["events"] = uint64(t.newAdopters), uint64(t.uses)
			ratio(row, t.adopters, t.active)
			b.add("adoption_by_window"+p.suffix, p.base, row)
		}
	}
}
