package oracle

// What all metric kinds share: whole cohorts and segments, groups, rates, windows, and progress by age.

import (
	"sort"
	"time"
)

// panel is a set of members that one family of rows is about: the whole cohort, or one segment value.
type panel struct {
	suffix  string // of the views
	base    Row    // the columns every row starts with
	members []*member
	windows []string
	entryBy func(*member) int64 // the end of the hour or day that a member's entry is counted in
}

// panels are the whole cohort first, then every value of every segment.
func (b *batch) panels(m *metric, members []*member) []panel {
	whole := panel{
		base:    Row{"metric": m.Name, "cohort": m.Cohort},
		members: members,
		windows: b.catalog.Windows,
		entryBy: func(mb *member) int64 { return mb.hourEnd },
	}
	all := []panel{whole}
	for _, s := range m.of.Segments {
		byValue := map[string][]*member{}
		for _, mb := range members {
			value := mb.segments[s.Name]
			byValue[value] = append(byValue[value], mb)
		}
		for value, some := range byValue {
			all = append(all, panel{
				suffix:  "_segments",
				base:    Row{"metric": m.Name, "cohort": m.Cohort, "segment": s.Name, "segment_value": value},
				members: some,
				windows: withoutHours(b.catalog.Windows),
				entryBy: func(mb *member) int64 { return mb.dayEnd },
			})
		}
	}
	return all
}

func withoutHours(windows []string) []string {
	var out []string
	for _, w := range windows {
		if w != "1h" {
			out = append(out, w)
		}
	}
	return out
}

// group is the members of one cohort period.
type group struct {
	start   day
	members []*member
}

func (p panel) groups() []group {
	byStart := map[day][]*member{}
	for _, mb := range p.members {
		byStart[mb.cohortStart] = append(byStart[mb.cohortStart], mb)
	}
	var all []group
	for start, members := range byStart {
		all = append(all, group{start, members})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].start < all[j].start })
	return all
}

// rows returns the base columns of a row about one cohort period.
func (p panel) row(g group) Row {
	row := Row{"cohort_start": g.start.date()}
	for k, v := range p.base {
		row[k] = v
	}
	return row
}

// eligible reports whether a member entered so long ago that age (ms) has passed for all its bucket.
func (b *batch) eligible(p panel, mb *member, age int64) bool {
	return b.asOf >= p.entryBy(mb)+age
}

// eligibleFor is eligible for the metric's horizon; without one every member is.
func (b *batch) eligibleFor(p panel, m *metric, mb *member) bool {
	return m.Within == 0 || b.eligible(p, mb, int64(m.Within))
}

// count counts members.
func count(members []*member, is func(*member) bool) int {
	n := 0
	for _, mb := range members {
		if is(mb) {
			n++
		}
	}
	return n
}

// ages are the ages (s) at which members reached the metric, of those that count.
func (b *batch) ages(members []*member, is func(*member) bool) []float64 {
	var ages []int64
	for _, mb := range members {
		if mb.hasReached() && is(mb) {
			ages = append(ages, mb.reached-mb.entered)
		}
	}
	return b.seconds(ages)
}

// seconds turns ages in ms into seconds, and into the mean of their bucket where ages are not exact.
func (b *batch) seconds(ages []int64) []float64 {
	bucket := b.bucket
	if bucket == nil {
		bucket = func(ms int64) int { return int(ms) }
	}
	sum, n := map[int]int64{}, map[int]int64{}
	for _, ms := range ages {
		sum[bucket(ms)] += ms
		n[bucket(ms)]++
	}
	var seconds []float64
	for _, ms := range ages {
		seconds = append(seconds, float64(sum[bucket(ms)])/float64(n[bucket(ms)])/1000)
	}
	return seconds
}

func always(*member) bool { return true }

// ratio is k of n as columns rate, rate_low, rate_high.
func ratio(row Row, k, n int) {
	row["rate"], row["rate_low"], row["rate_high"] = nil, nil, nil
	if n > 0 {
		row["rate"] = float64(k) / float64(n)
		row["rate_low"], row["rate_high"] = wilson(k, n)
	}
}

// share is k of n, or NULL.
func share(k, n int) any {
	if n == 0 {
		return nil
	}
	return float64(k) / float64(n)
}

// curve follows members until they reached the metric, or are censored at as_of counted from the end of their
// entry's bucket.
func (b *batch) curve(p panel, members []*member) curve {
	var users []followed
	for _, age := range b.ages(members, always) {
		users = append(users, followed{age, true})
	}
	for _, mb := range members {
		if !mb.hasReached() {
			users = append(users, followed{float64(max(0, b.asOf-p.entryBy(mb))) / 1000, false})
		}
	}
	return kaplanMeier(users)
}

// settled adds day, is_settled and is_final to the columns of a window.
func (b *batch) settled(w window) Row {
	row := w.row()
	row["day"] = b.catalog.calendar.dayOf(w.start).date()
	row["is_settled"] = w.end+int64(b.catalog.Settle) <= b.asOf
	row["is_final"] = w.end+int64(b.catalog.AllowedLateness) <= b.asOf
	return row
}

// windowsOf lists, once each and by time, the windows that hold one of the times.
func (b *batch) windowsOf(names []string, times []int64) []window {
	seen := map[window]bool{}
	var all []window
	for _, name := range names {
		for _, at := range times {
			for _, w := range b.catalog.calendar.windows(name, at, b.asOf) {
				if !seen[w] {
					seen[w] = true
					all = append(all, w)
				}
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].start < all[j].start })
	return all
}

// shownAges are the ages (ms) of progress_by_age: a few within the first day, then days, then weeks.
func shownAges() []int64 {
	var ages []int64
	for _, d := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour} {
		ages = append(ages, d.Milliseconds())
	}
	for d := int64(1); d <= 28; d++ {
		ages = append(ages, d*86_400_000)
	}
	for d := int64(35); d <= 5*365; d += 7 {
		ages = append(ages, d*86_400_000)
	}
	return ages
}

func (b *batch) progressByAge(p panel, m *metric) {
	for _, g := range p.groups() {
		km := b.curve(p, g.members)
		for _, age := range shownAges() {
			if m.Within > 0 && age > int64(m.Within) {
				continue
			}
			old := func(mb *member) bool { return b.eligible(p, mb, age) }
			eligible := count(g.members, old)
			reached := count(g.members, func(mb *member) bool {
				return old(mb) && mb.hasReached() && mb.reached-mb.entered <= age
			})
			seconds := float64(age) / 1000
			atRisk := km.atRisk(seconds)
			if eligible == 0 && atRisk == 0 {
				continue
			}
			row := Row{
				"age_seconds": uint64(age / 1000), "eligible": uint64(eligible), "reached": uint64(reached),
				"at_risk": uint64(atRisk), "is_mature": eligible == len(g.members),
				"km_rate": nil, "km_low": nil, "km_high": nil,
			}
			ratio(row, reached, eligible)
			if eligible > 0 {
				s := km.at(seconds)
				row["km_rate"], row["km_low"], row["km_high"] = 1-s.s, number(1-s.high), number(1-s.low)
			}
			b.add("progress_by_age"+p.suffix, p.row(g), row)
		}
	}
}
