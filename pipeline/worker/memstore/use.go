package memstore

import (
	"math/bits"
	"slices"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// use is what users did in one window.
type use struct{ active, adopters, newAdopters, events int64 }

func (u *use) add(v use, sign int64) {
	u.active += sign * v.active
	u.adopters += sign * v.adopters
	u.newAdopters += sign * v.newAdopters
	u.events += sign * v.events
}

// adoptionByWindow counts tumbling windows as they are, and trailing ones as running sums of what changes day by day. First uses
// and events of entered users are those of their days: they join when the day comes into the window, and leave with it.
func (e *evaluator) adoptionByWindow(p panel) {
	type in struct {
		group
		window
	}
	type day struct {
		group
		name string // of the window
		day  calendar.Day
	}
	tumbling, changes := map[in]*use{}, map[day]*use{}
	listed := func(name string) bool {
		return slices.ContainsFunc(e.catalog.Windows, func(w catalog.Window) bool { return w.Name == name })
	}
	change := func(g group, name string, d calendar.Day, u use, sign int64) {
		k := day{g, name, d}
		if changes[k] == nil {
			changes[k] = &use{}
		}
		changes[k].add(u, sign)
	}
	for _, c := range e.cells[about{"window", p.metric.Name, p.name}] {
		g, d := group{c.Value, c.CohortStart}, calendar.FromDate(c.Day.Date())
		if listed(c.Window) {
			k := in{g, window{c.Window, c.Bucket.Unix(), c.BucketEnd.Unix(), d}}
			if tumbling[k] == nil {
				tumbling[k] = &use{}
			}
			tumbling[k].add(use{c.Active, c.Adopters, c.NewAdopters, c.N}, 1)
		}
		if c.Window != "1d" || c.CohortStart.Unix() == 0 {
			continue
		}
		for _, w := range e.catalog.Windows {
			if w.Kind == catalog.Trailing {
				change(g, w.Name, d, use{newAdopters: c.NewAdopters, events: c.N}, 1)
				change(g, w.Name, d+calendar.Day(w.Days), use{newAdopters: c.NewAdopters, events: c.N}, -1)
			}
		}
	}
	for _, c := range e.cells[about{"trailing", p.metric.Name, p.name}] {
		if listed(c.Window) {
			change(group{c.Value, c.CohortStart}, c.Window, calendar.FromDate(c.Day.Date()), use{c.Active, c.Adopters, c.NewAdopters, c.N}, 1)
		}
	}
	for k, u := range tumbling {
		e.addUse(p, k.group, k.window, *u)
	}
	type series struct {
		group
		name string
	}
	byDay := map[series][]calendar.Day{}
	for k := range changes {
		byDay[series{k.group, k.name}] = append(byDay[series{k.group, k.name}], k.day)
	}
	for s, days := range byDay {
		slices.Sort(days)
		sum := use{}
		for i, d := range days {
			sum.add(*changes[day{s.group, s.name, d}], 1)
			if sum == (use{}) || e.today == nil {
				continue
			}
			until := *e.today + 1
			if i+1 < len(days) {
				until = min(until, days[i+1])
			}
			for last := d; last < until; last++ {
				for _, w := range e.span(nil, s.name, last-e.length(s.name)+1, last+1) {
					e.addUse(p, s.group, w, sum)
				}
			}
		}
	}
}

// length is how many days a trailing window has.
func (e *evaluator) length(name string) calendar.Day {
	for _, w := range e.catalog.Windows {
		if w.Name == name {
			return calendar.Day(w.Days)
		}
	}
	return 0
}

func (e *evaluator) addUse(p panel, g group, w window, u use) {
	if u == (use{}) {
		return
	}
	keys := withWindow(p.keys(g.value), w)
	keys["cohort_start"] = any(nil)
	if g.start.Unix() != 0 {
		keys["cohort_start"] = g.start
	}
	e.add("adoption_by_window", p.suffix, keys, e.windowColumns(w, Row{
		"active_users": uint64(u.active), "adopters": uint64(u.adopters), "new_adopters": uint64(u.newAdopters), "events": uint64(u.events),
	}))
}

func (e *evaluator) userProgress(m int) {
	def := &e.catalog.Metrics[m]
	for k, u := range e.n.Users {
		entered, reached, steps := u.EnteredAt[def.Cohort], u.ReachedAt[def.Place], u.Steps[def.Place]
		if entered == 0 {
			continue
		}
		columns := Row{
			"cohort_start": u.CohortStart[def.Cohort], "segments": u.Segments[def.Cohort], "entered_at": instant(entered),
			"kind": def.Kind.String(), "reached_at": nil, "seconds": nil, "steps_done": uint64(bits.OnesCount64(steps)), "next_step": "",
		}
		if reached != 0 {
			columns["reached_at"], columns["seconds"] = instant(reached), float64(reached-entered)/1000
		}
		if first := bits.TrailingZeros64(^steps); first < len(def.Steps) {
			columns["next_step"] = def.Steps[first].Name
		}
		e.add("user_progress", "", Row{"metric": def.Name, "cohort": e.catalog.Cohorts[def.Cohort].Name, "user_id": k.ID}, columns)
	}
}

// eventVolume leaves out that a source with more than 500 names shows the most frequent only.
func (e *evaluator) eventVolume() {
	type in struct {
		source, event string
		window
	}
	counts := map[in]uint64{}
	for a, cells := range e.cells {
		if a.kind != "volume" {
			continue
		}
		for i := range cells {
			for _, w := range e.windows(&cells[i], false) {
				counts[in{a.name, cells[i].Value, w}] += uint64(cells[i].N)
			}
		}
	}
	for k, n := range counts {
		if n > 0 {
			e.add("event_volume", "", withWindow(Row{"source": k.source, "event": k.event}, k.window), e.windowColumns(k.window, Row{"events": n}))
		}
	}
}
