package oracle

func init() { kinds["ttfv"] = func() kind { return &ttfv{} } }

// ttfv is the time to the first event of value.
type ttfv struct{ Value selector }

func (t *ttfv) goals() []selector { return []selector{t.Value} }
func (t *ttfv) takesEntry() bool  { return false }
func (t *ttfv) reached(cal *calendar, events []*event) []int64 {
	return goalTimes(cal, t.goals(), events)
}

func (t *ttfv) rows(b *batch, m *metric, members []*member) {
	all := b.panels(m, members)
	for _, p := range all {
		t.views(b, p)
		b.progressByAge(p, m)
	}
	b.userProgress(m, members)
	b.stalledUsers(m, members)
	b.metricStatus(m, all[0], b.median(all[0]))
}

// views adds the rows of ttfv_by_cohort, ttfv_by_entry_window and ttfv_by_window.
func (t *ttfv) views(b *batch, p panel) {
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
