package memstore

import (
	"maps"
	"math"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// Row is one row of a view, as far as it can be counted: column to uint64, bool, float64, string, time.Time, map or nil for NULL.
type Row = map[string]any

// Columns are what Counts gives of each view beside the keys of its rows. What the views compute from these counts by statistics
// (intervals, quantiles, Kaplan-Meier curves) is left out.
var Columns = map[string][]string{
	"activation_by_cohort":       {"entered", "eligible", "activated", "activated_to_date", "is_mature", "as_of"},
	"activation_by_entry_window": {"entered", "eligible", "activated", "activated_to_date", "is_settled", "is_final", "day"},
	"activation_by_window":       {"entered", "activated_in_window", "activated_to_date", "is_settled", "is_final", "day"},
	"activation_steps":           {"step_name", "eligible", "reached"},
	"ttfv_by_cohort":             {"entered", "reached", "mean_seconds", "as_of"},
	"ttfv_by_entry_window":       {"entered", "reached", "is_settled", "is_final", "day"},
	"ttfv_by_window":             {"reached_in_window", "reached_to_date", "mean_seconds", "is_settled", "is_final", "day"},
	"progress_by_age":            {"eligible", "reached", "is_mature"},
	"adoption_by_cohort":         {"entered", "eligible", "adopted", "adopted_to_date"},
	"adoption_by_window":         {"active_users", "adopters", "new_adopters", "events", "is_settled", "is_final", "day"},
	"retention_by_cohort":        {"period_days", "started", "eligible", "returned", "returned_since", "is_mature", "as_of"},
	"retention_by_split":         {"activated_eligible", "activated_returned", "other_eligible", "other_returned"},
	"user_progress":              {"cohort_start", "segments", "entered_at", "kind", "reached_at", "seconds", "steps_done", "next_step"},
	"experiment_results":         {"users", "eligible", "left_out", "value", "as_of"},
	"voices":                     {"cohort_start", "segments", "steps_done", "next_step"},
	"event_volume":               {"events", "is_settled", "day"},
}

// Counts returns what the views count, by view: those by segment under the view's name and _segments. Of progress_by_age only the
// ages that some user is old enough for are given.
func (s *Store) Counts() map[string][]Row {
	n := s.InForce()
	e := &evaluator{catalog: n.catalog, days: calendar.New(n.catalog.Location, n.catalog.WeekStart), edges: s.edges, n: n, asOf: math.MaxInt64, out: map[string][]Row{}}
	for _, p := range n.Progress {
		e.asOf = min(e.asOf, p.AsOf)
	}
	for d, start := range n.Days {
		if start <= e.asOf/1000 && (e.today == nil || d > *e.today) {
			e.today = &d
		}
	}
	e.group()
	for m := range n.catalog.Metrics {
		e.metric(&n.catalog.Metrics[m])
		if n.catalog.Metrics[m].Kind.Traits().Reached {
			e.userProgress(m)
		}
	}
	for i := range n.catalog.Experiments {
		x := &n.catalog.Experiments[i]
		for m := range x.Metrics {
			e.trial(x, &x.Metrics[m])
		}
	}
	e.eventVolume()
	e.voices()
	return e.out
}

type evaluator struct {
	catalog *catalog.Catalog
	days    *calendar.Calendar
	edges   []int64
	n       *Numbers
	asOf    int64 // ms
	today   *calendar.Day
	cells   map[about][]placed
	out     map[string][]Row
}

// about is what a set of cells counts, over all partitions and times.
type about struct{ kind, name, segment string }

// placed is a cell with the rest of its key.
type placed struct {
	CellKey
	Cell
}

func (e *evaluator) group() {
	e.cells = map[about][]placed{}
	for k, c := range e.n.Counted() {
		a := about{k.Kind, k.Name, k.Segment}
		e.cells[a] = append(e.cells[a], placed{k, c})
	}
}

// panel is one metric of the whole cohort, or of one segment.
type panel struct {
	metric *catalog.Metric
	cohort *catalog.Cohort
	suffix string // of the views
	name   string // of the segment
}

func (e *evaluator) metric(m *catalog.Metric) {
	co := &e.catalog.Cohorts[m.Cohort]
	panels := []panel{{metric: m, cohort: co}}
	for i := range co.Segments {
		panels = append(panels, panel{m, co, "_segments", co.Segments[i].Name})
	}
	for _, p := range panels {
		switch m.Kind.String() {
		case "activation":
			e.byCohort(p, "activation_by_cohort", "activated")
			e.byEntryWindow(p, "activation_by_entry_window")
			e.byWindow(p, "activation_by_window")
			e.steps(p)
			e.progressByAge(p)
		case "ttfv":
			e.byCohort(p, "ttfv_by_cohort", "reached")
			e.byEntryWindow(p, "ttfv_by_entry_window")
			e.byWindow(p, "ttfv_by_window")
			e.progressByAge(p)
		case "adoption":
			e.byCohort(p, "adoption_by_cohort", "adopted")
			e.adoptionByWindow(p)
		case "retention":
			e.retentionByCohort(p)
			if p.name == "" && m.Periods.Split != catalog.NoMetric {
				e.retentionBySplit(p)
			}
		}
	}
}

// add adds a row: its keys, and of the columns those that the view has.
func (e *evaluator) add(view, suffix string, keys, columns Row) {
	row := maps.Clone(keys)
	for _, c := range Columns[view] {
		row[c] = columns[c]
	}
	e.out[view+suffix] = append(e.out[view+suffix], row)
}

func (p *panel) keys(value string) Row {
	row := Row{"metric": p.metric.Name, "cohort": p.cohort.Name}
	if p.name != "" {
		row["segment"], row["segment_value"] = p.name, value
	}
	return row
}

// entries are the cells of users who entered, reached those of users who reached a stage.
func (e *evaluator) entries(p panel) []placed { return e.cells[about{"entry", p.cohort.Name, p.name}] }

func (e *evaluator) reached(p panel, kind string, stage int) (out []placed) {
	for _, c := range e.cells[about{kind, p.metric.Name, p.name}] {
		if int(c.Stage) == stage {
			out = append(out, c)
		}
	}
	return out
}

// old reports whether all users of an entry's bucket have some age (s) at as_of.
func (e *evaluator) old(c *placed, age int64) bool { return c.BucketEnd.Unix()+age <= e.asOf/1000 }

func (e *evaluator) eligible(p panel, c *placed) bool {
	within := int64(p.metric.Within.Seconds())
	return within == 0 || e.old(c, within)
}

// group is a cohort's period, of one segment value.
type group struct {
	value string
	start time.Time
}

// followed are the users of a group.
type followed struct {
	entered, eligible, reached, toDate uint64
	ages, ms                           uint64 // users with an age, and the sum of their ages
}

func (f *followed) mean() any {
	if f.ages == 0 {
		return nil
	}
	return float64(f.ms) / float64(f.ages) / 1000
}

func (c *placed) ages() (users, ms uint64) {
	for i := range c.Ages {
		users, ms = users+c.Counts[i], ms+c.Sums[i]
	}
	return users, ms
}

// followBy follows users from their entry to a stage, grouped.
func followBy[G comparable](e *evaluator, p panel, stage int, by func(*placed) []G) map[G]*followed {
	out := map[G]*followed{}
	each := func(cells []placed, count func(f *followed, c *placed, n uint64)) {
		for i := range cells {
			c := &cells[i]
			for _, g := range by(c) {
				if out[g] == nil {
					out[g] = &followed{}
				}
				count(out[g], c, uint64(c.N))
			}
		}
	}
	each(e.entries(p), func(f *followed, c *placed, n uint64) {
		f.entered += n
		if e.eligible(p, c) {
			f.eligible += n
		}
	})
	each(e.reached(p, "reach", stage), func(f *followed, c *placed, n uint64) {
		users, ms := c.ages()
		f.toDate, f.ages, f.ms = f.toDate+n, f.ages+users, f.ms+ms
		if e.eligible(p, c) {
			f.reached += n
		}
	})
	return out
}

func byGroup(c *placed) []group { return []group{{c.Value, c.CohortStart}} }

func (e *evaluator) byCohort(p panel, view, reached string) {
	for g, f := range followBy(e, p, 0, byGroup) {
		if f.entered == 0 {
			continue
		}
		keys := p.keys(g.value)
		keys["cohort_start"] = g.start
		columns := Row{
			"entered": f.entered, "eligible": f.eligible, reached: f.reached, reached + "_to_date": f.toDate,
			"mean_seconds": f.mean(), "is_mature": f.eligible == f.entered, "as_of": instant(e.asOf),
		}
		if view == "ttfv_by_cohort" {
			columns["reached"] = f.toDate
		}
		e.add(view, p.suffix, keys, columns)
	}
}

func (e *evaluator) steps(p panel) {
	for i := range p.metric.Steps {
		for g, f := range followBy(e, p, i+1, byGroup) {
			if f.eligible == 0 {
				continue
			}
			keys := p.keys(g.value)
			keys["cohort_start"], keys["step"] = g.start, uint64(i+1)
			e.add("activation_steps", p.suffix, keys, Row{"step_name": p.metric.Steps[i].Name, "eligible": f.eligible, "reached": f.reached})
		}
	}
}

// window is one window of calendar time.
type window struct {
	name       string
	start, end int64 // Unix seconds
	day        calendar.Day
}

// windows are those that hold a cell's bucket, up to today. Days are those that were written: without them there is no window.
func (e *evaluator) windows(c *placed, segments bool) (out []window) {
	d := calendar.FromDate(c.Day.Date())
	for _, w := range e.catalog.Windows {
		switch w.Kind {
		case catalog.Hour:
			if !segments {
				out = append(out, window{w.Name, c.Bucket.Unix(), c.BucketEnd.Unix(), d})
			}
		case catalog.Day:
			out = e.span(out, w.Name, d, d+1)
		case catalog.Week:
			first := e.days.Week(d)
			out = e.span(out, w.Name, first, first+7)
		case catalog.Month:
			first, next := e.days.Month(d)
			out = e.span(out, w.Name, first, next)
		case catalog.Trailing:
			for last := d; last < d+calendar.Day(w.Days) && e.today != nil && last <= *e.today; last++ {
				out = e.span(out, w.Name, last-calendar.Day(w.Days)+1, last+1)
			}
		}
	}
	return out
}

func (e *evaluator) span(out []window, name string, first, next calendar.Day) []window {
	start, ok := e.n.Days[first]
	end, also := e.n.Days[next]
	if !ok || !also {
		return out
	}
	return append(out, window{name, start, end, first})
}

func (e *evaluator) windowColumns(w window, columns Row) Row {
	columns["is_settled"] = w.end+int64(e.catalog.Settle.Seconds()) <= e.asOf/1000
	columns["is_final"] = w.end+int64(e.catalog.AllowedLateness.Seconds()) <= e.asOf/1000
	columns["day"] = w.day.Time()
	return columns
}

func withWindow(keys Row, w window) Row {
	keys["window"], keys["window_start"], keys["window_end"] = w.name, instant(w.start*1000), instant(w.end*1000)
	return keys
}

func (e *evaluator) byEntryWindow(p panel, view string) {
	type in struct {
		value string
		window
	}
	by := func(c *placed) (out []in) {
		for _, w := range e.windows(c, p.name != "") {
			out = append(out, in{c.Value, w})
		}
		return out
	}
	for g, f := range followBy(e, p, 0, by) {
		if f.entered == 0 {
			continue
		}
		e.add(view, p.suffix, withWindow(p.keys(g.value), g.window), e.windowColumns(g.window, Row{
			"entered": f.entered, "eligible": f.eligible, "activated": f.reached, "activated_to_date": f.toDate, "reached": f.toDate,
		}))
	}
}

func (e *evaluator) byWindow(p panel, view string) {
	type in struct {
		group
		window
	}
	done := e.reached(p, "done", 0)
	counts := map[in]*followed{}
	for i := range done {
		c := &done[i]
		users, ms := c.ages()
		for _, w := range e.windows(c, p.name != "") {
			k := in{group{c.Value, c.CohortStart}, w}
			if counts[k] == nil {
				counts[k] = &followed{}
			}
			f := counts[k]
			f.reached, f.ages, f.ms = f.reached+uint64(c.N), f.ages+users, f.ms+ms
		}
	}
	before := func(cells []placed, k in) (n uint64) {
		for i := range cells {
			if c := &cells[i]; c.Value == k.value && c.CohortStart.Equal(k.group.start) && c.Bucket.Unix() < k.end {
				n += uint64(c.N)
			}
		}
		return n
	}
	entries := e.entries(p)
	for k, f := range counts {
		if f.reached == 0 {
			continue
		}
		keys := withWindow(p.keys(k.value), k.window)
		keys["cohort_start"] = k.group.start
		toDate := before(done, k)
		e.add(view, p.suffix, keys, e.windowColumns(k.window, Row{
			"entered": before(entries, k), "activated_in_window": f.reached, "activated_to_date": toDate,
			"reached_in_window": f.reached, "reached_to_date": toDate, "mean_seconds": f.mean(),
		}))
	}
}

func (e *evaluator) progressByAge(p panel) {
	entries, reach := map[group][]placed{}, map[group][]placed{}
	for _, c := range e.entries(p) {
		entries[group{c.Value, c.CohortStart}] = append(entries[group{c.Value, c.CohortStart}], c)
	}
	for _, c := range e.reached(p, "reach", 0) {
		reach[group{c.Value, c.CohortStart}] = append(reach[group{c.Value, c.CohortStart}], c)
	}
	for g, cells := range entries {
		for _, age := range shownAges() {
			if within := int64(p.metric.Within.Seconds()); within > 0 && age > within {
				break
			}
			var entered, eligible, reached uint64
			for i := range cells {
				entered += uint64(cells[i].N)
				if e.old(&cells[i], age) {
					eligible += uint64(cells[i].N)
				}
			}
			if eligible == 0 {
				break // nor is anybody old enough for a larger age
			}
			for i := range reach[g] {
				if c := &reach[g][i]; e.old(c, age) {
					for j, a := range c.Ages {
						if e.edges[a] <= age*1000 {
							reached += c.Counts[j]
						}
					}
				}
			}
			keys := p.keys(g.value)
			keys["cohort_start"], keys["age_seconds"] = g.start, uint64(age)
			e.add("progress_by_age", p.suffix, keys, Row{"eligible": eligible, "reached": reached, "is_mature": eligible == entered})
		}
	}
}

// shownAges are the ages (s) of progress_by_age.
func shownAges() []int64 {
	ages := []int64{60, 300, 900, 3600, 4 * 3600, 12 * 3600}
	for d := int64(1); d <= 28; d++ {
		ages = append(ages, d*86400)
	}
	for d := int64(35); d <= 5*365; d += 7 {
		ages = append(ages, d*86400)
	}
	return ages
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
