package cohort

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

// Folder turns facts into contributions. It reuses memory, so it is not safe for concurrent use.
type Folder struct {
	Windows []catalog.Window // the catalog's, behind a day window if only trailing windows need it

	joiner   *facts.Joiner
	catalog  *catalog.Catalog
	calendar *calendar.Calendar
	value    func(text string) uint32
	outcome  facts.Outcome
	out      []Contribution
	prune    int64
	focus    int64 // Unix seconds; 0: all windows
	dayUses  []dayUse
}

// NewFolder returns a Folder. value gives each segment value a number, the same for the same text.
func NewFolder(j *facts.Joiner, value func(text string) uint32) *Folder {
	f := &Folder{joiner: j, catalog: j.Catalog, calendar: j.Calendar, value: value}
	day, trailing := false, false
	for _, w := range j.Catalog.Windows {
		day = day || w.Kind == catalog.Day
		trailing = trailing || w.Kind == catalog.Trailing
	}
	f.Windows = append(f.Windows, j.Catalog.Windows...)
	if trailing && !day {
		f.Windows = append(f.Windows, catalog.Window{Name: "1d", Kind: catalog.Day})
	}
	return f
}

// Entries appends what a user's entry into a cohort counts.
func (f *Folder) Entries(out []Contribution, u *facts.User, c int) []Contribution {
	if !u.Cohorts[c].Entered() {
		return out
	}
	f.out = out
	f.byEntry(u, c, Key{Kind: Entry, Name: uint32(c)}, -1)
	return f.out
}

// Metric appends what a user counts for a metric. Windows that end at or before prune (ms) are final and left out.
// With a focus (ms, 0 for none), so are the tumbling windows that do not hold it: an event that is the user's
// newest and moves no entry changes no others.
func (f *Folder) Metric(out []Contribution, u *facts.User, m int, prune, focus int64) []Contribution {
	f.out, f.prune, f.focus = out, prune, focus/1000
	def := &f.catalog.Metrics[m]
	if u.Cohorts[def.Cohort].Entered() {
		f.joiner.Outcome(u, m, &f.outcome)
		f.progress(u, m, def)
	}
	if def.Kind == catalog.Adoption {
		f.adoption(u, m)
	}
	return f.out
}

// progress counts the stages reached, by when the user entered and by when it reached the metric.
func (f *Folder) progress(u *facts.User, m int, def *catalog.Metric) {
	entry := u.Cohorts[def.Cohort].Entry
	if at := f.outcome.Reached; at != 0 {
		f.byEntry(u, def.Cohort, Key{Kind: Reach, Name: uint32(m)}, at-entry)
		if def.Kind != catalog.Adoption {
			f.byTime(u, def.Cohort, Key{Kind: Done, Name: uint32(m)}, at, at-entry)
		}
	}
	if def.Kind != catalog.Activation {
		return
	}
	for i, at := range f.outcome.Steps {
		if at != 0 {
			f.byEntry(u, def.Cohort, Key{Kind: Reach, Name: uint32(m), Stage: uint8(i + 1)}, at-entry)
		}
	}
}

func (f *Folder) byEntry(u *facts.User, c int, k Key, age int64) {
	f.byTime(u, c, k, u.Cohorts[c].Entry, age)
}

// byTime counts a user in the hour of t for its whole cohort, and in the local day of t for each segment.
func (f *Folder) byTime(u *facts.User, c int, k Key, t, age int64) {
	co := &u.Cohorts[c]
	sec := t / 1000
	k.Start = f.CohortStart(c, co.Entry)
	k.Bucket = f.calendar.HourOf(sec)
	f.emit(k, Counts{N: 1}, age)
	if len(co.Segments) == 0 {
		return
	}
	k.Bucket = f.calendar.Start(f.calendar.DayOf(sec))
	for i, text := range co.Segments {
		k.Segment, k.Value = uint8(i+1), f.value(text)
		f.emit(k, Counts{N: 1}, age)
	}
}

func (f *Folder) emit(k Key, c Counts, age int64) {
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
	}
	if hourly {
		return k.Bucket + calendar.HourSeconds
	}
	return f.calendar.Start(f.calendar.DayOf(k.Bucket) + 1)
}

// Day returns the local day of a cell's bucket.
func (f *Folder) Day(k Key) calendar.Day { return f.calendar.DayOf(k.Bucket) }
