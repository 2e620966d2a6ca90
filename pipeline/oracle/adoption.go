package oracle

func init() { kinds["adoption"] = func() kind { return &adoption{} } }

// adoption is the use of a feature by active users.
type adoption struct {
	Feature selector
	Active  *selector // nil: any event
}

func (a *adoption) goals() []selector { return []selector{a.Feature} }
func (a *adoption) takesEntry() bool  { return true }
func (a *adoption) reached(cal *calendar, events []*event) []int64 {
	return goalTimes(cal, a.goals(), events)
}

func (a *adoption) rows(b *batch, m *metric, members []*member) {
	all := b.panels(m, members)
	for _, p := range all {
		a.byCohort(b, p, m)
	}
	for _, p := range b.panels(m, b.everybody(m)) {
		a.byWindow(b, p)
	}
	b.userProgress(m, members)
	b.metricStatus(m, all[0], b.rate(m, all[0]))
}

func (a *adoption) byCohort(b *batch, p panel, m *metric) {
	eligible := func(mb *member) bool { return b.eligibleFor(p, m, mb) }
	for _, g := range p.groups() {
		row := b.rates(g.members, eligible, "adopted")
		row["p50_seconds"] = quantile(b.ages(g.members, eligible), 50)
		b.add("adoption_by_cohort"+p.suffix, p.row(g), row)
	}
}

// tally is one row of adoption_by_window in the making.
type tally struct{ active, adopters, newAdopters, uses int }

// add adds what a user did in a window, counting only events at or after since.
func (t *tally) add(a *adoption, events []*event, since int64, w window) {
	active, uses, firstUse := false, 0, never
	for _, e := range events {
		if e.at < since {
			continue
		}
		isUse := a.Feature.matches(e)
		if isUse && firstUse == never {
			firstUse = e.at
		}
		if w.holds(e.at) {
			active = active || isUse || a.Active == nil || a.Active.matches(e)
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

// byWindow counts users into the row of their cohort period, or, where they have not entered before the window ends, into the
// not-entered row. Who is left out counts only in windows that were final by then.
func (a *adoption) byWindow(b *batch, p panel) {
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
			if final, out := b.excluded[user]; out && w.end > final {
				continue
			}
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
			tallies[start].add(a, events, since, w)
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
