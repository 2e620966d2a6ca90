package oracle

import "sort"

func init() { kinds["activation"] = func() kind { return &activation{} } }

// activation is steps to be done in any order or one after the other.
type activation struct {
	Steps []selector
	Order string
}

func (a *activation) goals() []selector { return a.Steps }
func (a *activation) takesEntry() bool  { return false }

func (a *activation) reached(cal *calendar, events []*event) []int64 {
	if a.Order == "sequence" {
		return sequenceTimes(cal, a.Steps, events)
	}
	return goalTimes(cal, a.Steps, events)
}

func (a *activation) rows(b *batch, m *metric, members []*member) {
	all := b.panels(m, members)
	for _, p := range all {
		a.views(b, p, m)
		b.progressByAge(p, m)
	}
	b.userProgress(m, members)
	b.stalledUsers(m, members)
	b.metricStatus(m, all[0], b.rate(m, all[0]))
}

// views adds the rows of activation_by_cohort, _by_entry_window, _by_window and activation_steps.
func (a *activation) views(b *batch, p panel, m *metric) {
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
		a.steps(b, p, m, g)
	}
	for _, w := range b.windowsOf(p.windows, entries(p.members)) {
		row := b.rates(enteredIn(p.members, w), eligible, "activated")
		for k, v := range b.settled(w) {
			row[k] = v
		}
		b.add("activation_by_entry_window"+p.suffix, p.base, row)
	}
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

func (a *activation) steps(b *batch, p panel, m *metric, g group) {
	eligible := count(g.members, func(mb *member) bool { return b.eligibleFor(p, m, mb) })
	if eligible == 0 {
		return
	}
	before := eligible
	for i, step := range a.Steps {
		var ages, waits []int64
		for _, mb := range g.members {
			if !b.eligibleFor(p, m, mb) || mb.goals[i] == never {
				continue
			}
			since := mb.entered
			if i > 0 {
				since = mb.goals[i-1]
			}
			ages, waits = append(ages, mb.goals[i]-mb.entered), append(waits, mb.goals[i]-since)
		}
		row := Row{
			"step": uint64(i + 1), "step_name": step.Name, "eligible": uint64(eligible),
			"reached": uint64(len(ages)), "p50_seconds": quantile(b.seconds(ages), 50),
		}
		ratio(row, len(ages), eligible)
		fromPrevious := Row{"rate": nil, "rate_low": nil, "rate_high": nil}
		row["p50_from_previous_seconds"] = nil
		if a.Order == "sequence" {
			ratio(fromPrevious, len(ages), before)
			row["p50_from_previous_seconds"] = quantile(b.seconds(waits), 50)
		}
		row["from_previous_rate"] = fromPrevious["rate"]
		row["from_previous_low"], row["from_previous_high"] = fromPrevious["rate_low"], fromPrevious["rate_high"]
		before = len(ages)
		b.add("activation_steps"+p.suffix, p.row(g), row)
	}
}

// sequenceTimes takes the steps one after the other. A step takes unused events at or after the step before,
// earliest first; of equal times first those that no later step could use, then by message id. A step that takes days
// uses one event of each.
func sequenceTimes(cal *calendar, steps []selector, events []*event) []int64 {
	used := map[*event]bool{}
	from := int64(-1) << 61
	times := make([]int64, len(steps))
	for i := range times {
		times[i] = never
	}
	for i, step := range steps {
		var candidates []*event
		for _, e := range events {
			if e.at >= from && !used[e] && step.matches(e) {
				candidates = append(candidates, e)
			}
		}
		sort.SliceStable(candidates, func(x, y int) bool {
			a, b := candidates[x], candidates[y]
			if a.at != b.at {
				return a.at < b.at
			}
			return !wanted(steps[i+1:], a) && wanted(steps[i+1:], b)
		})
		if step.Distinct == "day" {
			candidates = firstOfDays(cal, candidates)
		}
		if len(candidates) < step.Count {
			break
		}
		for _, e := range candidates[:step.Count] {
			used[e] = true
			from = e.at
		}
		times[i] = from
	}
	return times
}

func wanted(steps []selector, e *event) bool {
	for _, s := range steps {
		if s.matches(e) {
			return true
		}
	}
	return false
}
