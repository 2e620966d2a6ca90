package cohort

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

// Counter is a kind's state of a metric that says what its user counts.
type Counter interface {
	// Count hands the Folder what the user counts for the metric, in an order that depends on the facts only. What an event of the focus cannot
	// change may be left out, whether it is joined yet or not.
	Count(f *Folder, u *facts.User, focus Focus)
	// Narrow returns the focus for an event at a time (ms) that is to be joined, and the selectors that it matches.
	Narrow(u *facts.User, t int64, mask *catalog.Mask) Focus
}

// Focus is an event, by what it can change. The zero Focus may change all.
type Focus struct {
	At   int64 // ms; of windows it changes those only that hold this time
	Idle bool  // it is no use of a feature: it changes only when its user was active
}

// Folder turns facts into contributions. It reuses memory, so it is not safe for concurrent use.
type Folder struct {
	Windows []catalog.Window // the catalog's, behind a day window if only trailing windows need it

	catalog  *catalog.Catalog
	calendar *calendar.Calendar
	value    func(text string) uint32
	known    []segmentValue // by segment of a cohort: the value that was asked for last
	out      []Contribution
	prune    int64
	excluded int64 // of the user that is counted; see facts.User.Excluded
}

// NewFolder returns a Folder. value gives each segment value a number, the same for the same text.
func NewFolder(c *catalog.Catalog, cal *calendar.Calendar, value func(text string) uint32) *Folder {
	f := &Folder{catalog: c, calendar: cal, value: value}
	day, trailing := false, false
	for _, w := range c.Windows {
		day = day || w.Kind == catalog.Day
		trailing = trailing || w.Kind == catalog.Trailing
	}
	f.Windows = append(f.Windows, c.Windows...)
	if trailing && !day {
		f.Windows = append(f.Windows, catalog.Window{Name: "1d", Kind: catalog.Day})
	}
	return f
}

// Entries appends what a user's entry into a cohort counts.
func (f *Folder) Entries(out []Contribution, u *facts.User, c int) []Contribution {
	co := u.Cohort(c)
	if !co.Entered() {
		return out
	}
	f.out, f.excluded = out, u.Excluded()
	f.ByTime(co, c, Key{Kind: Entry, Name: uint32(c)}, co.Entry, 0)
	return f.out
}

// Metric appends what a user counts for a metric: one who is left out only in windows that were final before. Windows that end at or before prune (ms) are final and left out; so is, with a
// focus, what an event at that time (ms) does not change.
func (f *Folder) Metric(out []Contribution, u *facts.User, m int, prune int64, focus Focus) []Contribution {
	f.out, f.prune, f.excluded = out, prune, u.Excluded()
	if t, ok := u.Metric(m).(*facts.Trial); ok {
		f.trial(t, u, m)
	} else {
		u.Metric(m).(Counter).Count(f, u, focus)
	}
	return f.out
}

// Focus returns what Metric needs to be told before and after an event is joined.
func (f *Folder) Focus(u *facts.User, m int, t int64, mask *catalog.Mask) Focus {
	if c, ok := u.Metric(m).(Counter); ok {
		return c.Narrow(u, t, mask)
	}
	return Focus{}
}

// Reached counts a user who reached a stage of a metric, by when it entered; age (ms) is the time it took.
func (f *Folder) Reached(co *facts.Cohort, metric, stage int, age int64) {
	f.ByTime(co, f.catalog.Metrics[metric].Cohort, Key{Kind: Reach, Name: uint32(metric), Stage: uint8(stage)}, co.Entry, age)
}

// Completed counts a user who reached a metric at a time (ms), by when that was.
func (f *Folder) Completed(co *facts.Cohort, metric int, at int64) {
	f.ByTime(co, f.catalog.Metrics[metric].Cohort, Key{Kind: Done, Name: uint32(metric)}, at, at-co.Entry)
}

// Stepped counts a user who reached a step of a sequence, by when it entered; since (ms) is the time since the step before.
func (f *Folder) Stepped(co *facts.Cohort, metric, stage int, since int64) {
	f.ByTime(co, f.catalog.Metrics[metric].Cohort, Key{Kind: Between, Name: uint32(metric), Stage: uint8(stage)}, co.Entry, since)
}

// ByTime counts a user in the hour of a time (ms) for its whole cohort, and in the local day of it for each segment.
func (f *Folder) ByTime(co *facts.Cohort, c int, k Key, t, age int64) {
	sec := t / 1000
	k.Start = f.CohortStart(c, co.Entry)
	k.Bucket = f.calendar.HourOf(sec)
	f.emit(k, Counts{N: 1}, age)
	if len(co.Segments) == 0 {
		return
	}
	k.Bucket = f.calendar.Start(f.calendar.DayOf(sec))
	for i, text := range co.Segments {
		k.Segment, k.Value = uint8(i+1), f.valueOf(i, text)
		f.emit(k, Counts{N: 1}, age)
	}
}

type segmentValue struct {
	text   string
	number uint32
}

// valueOf is the number of a value of a cohort's i-th segment. A user counts its values in many cells, one after the other.
func (f *Folder) valueOf(i int, text string) uint32 {
	for len(f.known) <= i {
		f.known = append(f.known, segmentValue{text, f.value(text)})
	}
	if v := &f.known[i]; v.text != text {
		*v = segmentValue{text, f.value(text)}
	}
	return f.known[i].number
}

// Returns are the periods in which a user came back since it started.
type Returns struct {
	In   [2]uint64 // by bit: the numbers of those up to the metric's last one
	Last int       // number of the last of all, whatever it is; -1 when there is none
}

// Has reports whether a user came back in the k-th period.
func (r *Returns) Has(k int) bool { return r.In[k>>6]&(1<<(k&63)) != 0 }

// Started counts a user who started at a time (ms), by when that was, and came back since: in the hour of the start for its whole
// cohort, in the local day of it for each segment, and always so where periods are of the calendar.
func (f *Folder) Started(co *facts.Cohort, metric int, start int64, r *Returns) {
	def := &f.catalog.Metrics[metric]
	sec := start / 1000
	k := Key{Kind: Period, Name: uint32(metric), Start: f.CohortStart(def.Cohort, co.Entry), Bucket: f.calendar.Start(f.calendar.DayOf(sec))}
	day := k.Bucket
	if !def.Periods.Unit.Calendar() {
		k.Bucket = f.calendar.HourOf(sec)
	}
	f.returned(k, r, def.Periods.Last)
	k.Bucket = day
	for i, text := range co.Segments {
		k.Segment, k.Value = uint8(i+1), f.valueOf(i, text)
		f.returned(k, r, def.Periods.Last)
	}
}

// The stages of Period that tell users apart.
const (
	SplitReached = 1 + iota // who reached the metric that splits
	SplitOther              // who did not
)

// Split counts a user who started at a time (ms) apart, by the hour of its entry: once another metric's time has passed since then it is
// known who reached that. Where users do not start with the entry, their start is the cell's value, as a number.
func (f *Folder) Split(co *facts.Cohort, metric int, start int64, reached bool, r *Returns) {
	def := &f.catalog.Metrics[metric]
	k := Key{Kind: Period, Name: uint32(metric), Stage: SplitOther, Start: f.CohortStart(def.Cohort, co.Entry), Bucket: f.calendar.HourOf(co.Entry / 1000)}
	if reached {
		k.Stage = SplitReached
	}
	if def.Periods.After != catalog.NoMetric {
		k.Value = f.splitStart(def.Periods.Unit, start/1000)
	}
	f.returned(k, r, def.Periods.Last)
}

// splitStart is the local day of a start, where periods are of the calendar; else the minute (since 1970) in which its hour ends.
func (f *Folder) splitStart(unit catalog.Unit, sec int64) uint32 {
	if unit.Calendar() {
		return uint32(f.calendar.DayOf(sec))
	}
	return uint32((f.calendar.HourOf(sec) + calendar.HourSeconds) / 60)
}

// returned counts the start, and the periods up to the last one that has rows: who comes back later does so since all of them.
func (f *Folder) returned(k Key, r *Returns, last int) {
	f.emit(k, Counts{N: 1}, -1)
	newest := min(r.Last, last)
	for period := range newest + 1 {
		c := Counts{}
		if r.Has(period) {
			c.Adopters = 1
		}
		if period == newest {
			c.Active = 1
		}
		if !c.Zero() {
			f.emit(k, c, int64(period))
		}
	}
}

func (f *Folder) emit(k Key, c Counts, age int64) {
	if f.excluded != 0 && k.Kind != Window && k.Kind != Trailing {
		return
	}
	f.out = append(f.out, Contribution{Key: k, Counts: c, Age: age})
}

// CohortStart returns the first day of the grain period that holds an entry (ms).
func (f *Folder) CohortStart(c int, entry int64) calendar.Day {
	d := f.calendar.DayOf(entry / 1000)
	switch f.catalog.Cohorts[c].Grain {
	case catalog.GrainWeek:
		return f.calendar.Week(d)
	case catalog.GrainMonth:
		first, _ := f.calendar.Month(d)
		return first
	default:
		return d
	}
}

// WindowBounds returns the bounds (Unix seconds) of the tumbling window that holds a local day.
func (f *Folder) WindowBounds(k catalog.WindowKind, d calendar.Day) (start, end int64) {
	from, to := f.windowDays(k, d)
	return f.calendar.Start(from), f.calendar.Start(to)
}

// windowDays returns the first day of the window that holds d, and the day after its last.
func (f *Folder) windowDays(k catalog.WindowKind, d calendar.Day) (first, next calendar.Day) {
	switch k {
	case catalog.Week:
		first = f.calendar.Week(d)
		return first, first + 7
	case catalog.Month:
		return f.calendar.Month(d)
	default:
		return d, d + 1
	}
}

// Around returns the first and the last day of all tumbling windows that hold a time (ms).
func (f *Folder) Around(t int64) (first, last calendar.Day) {
	d := f.calendar.DayOf(t / 1000)
	first, last = d, d
	for _, w := range f.Windows {
		from, next := f.windowDays(w.Kind, d)
		first, last = min(first, from), max(last, next-1)
	}
	return first, last
}

// BucketEnd returns the end (Unix seconds) of a cell's bucket.
func (f *Folder) BucketEnd(k Key) int64 {
	hourly := k.Segment == 0
	switch k.Kind {
	case Window:
		kind := f.Windows[k.Window].Kind
		if kind != catalog.Hour {
			_, end := f.WindowBounds(kind, f.calendar.DayOf(k.Bucket))
			return end
		}
		hourly = true
	case Trailing:
		hourly = false
	case Period:
		hourly = hourly && (k.Stage > 0 || !f.catalog.Metrics[k.Name].Periods.Unit.Calendar())
	}
	if hourly {
		return k.Bucket + calendar.HourSeconds
	}
	return f.calendar.Start(f.calendar.DayOf(k.Bucket) + 1)
}

// Day returns the local day of a cell's bucket.
func (f *Folder) Day(k Key) calendar.Day { return f.calendar.DayOf(k.Bucket) }
