package facts

import "firstlight/pipeline/calendar"

// Activity is when a user did something that a selector matches, before and after it entered a cohort. Metrics of one cohort
// that call the same events active share it.
type Activity struct {
	Before Book // counts, because an entry that arrives later moves events to the other side
	After  Book // marks

	cohort, selector int
}

// Reset forgets the user.
func (a *Activity) Reset() {
	a.Before.Reset()
	a.After.Reset()
}

// Encode writes the activity.
func (a *Activity) Encode(w *Writer) { EncodeBooks(w, &a.Before, &a.After) }

// Decode reads an activity.
func (a *Activity) Decode(r *Reader) {
	a.Before.Decode(r)
	a.After.Decode(r)
}

// EncodeBooks writes books, nothing when all are empty.
func EncodeBooks(w *Writer, before, after *Book) {
	if before.Empty() && after.Empty() {
		return
	}
	before.Encode(w)
	after.Encode(w)
}

// use takes an event on a side of the entry. It reports whether the activity changed.
func (a *Activity) use(j *Joiner, co *Cohort, o *Open, side Side, prune int64) bool {
	day, hour := j.Bin(o.Time)
	changed, isNew := true, false
	switch side {
	case Before:
		isNew = a.Before.Add(day, hour, 1)
	case After:
		changed, isNew = a.After.Mark(day, hour)
	case Crossed:
		a.Before.Add(day, hour, -1)
		_, isNew = a.After.Mark(day, hour)
	}
	if isNew {
		j.Prune(co, &a.Before, &a.After, prune)
	}
	return changed
}

// Bin returns the local day of a time, and the hour of the day; -1 where the catalog has no hour windows.
func (j *Joiner) Bin(t int64) (day calendar.Day, hour int) {
	day = j.Calendar.DayOf(t / 1000)
	if !j.hourly {
		return day, -1
	}
	return day, j.Calendar.HourIn(day, t/1000)
}

// NewBook returns an empty book.
func (j *Joiner) NewBook() Book { return Book{scratch: &j.scratch} }

// Prune drops from a user's books the detail of windows that end at or before prune (ms). It reports whether there was any.
func (j *Joiner) Prune(co *Cohort, before, after *Book, prune int64) bool {
	had := len(before.raw) + len(after.raw)
	final := func(d calendar.Day) bool { return j.dayEnd(d) <= prune }
	after.prune(final, func(d calendar.Day) bool { return j.lastEnd(d) <= prune })
	if j.pastEntry(co, prune) {
		had += int(before.Last)
		before.Reset()
	} else {
		before.prune(final, func(d calendar.Day) bool { return j.lastEnd(d) <= prune })
	}
	return len(before.raw)+len(after.raw) != had
}

// pastEntry reports whether every window before the entry is final.
func (j *Joiner) pastEntry(co *Cohort, prune int64) bool {
	return co.Settled && j.dayEnd(j.Calendar.DayOf(co.Entry/1000)) <= prune
}

func (j *Joiner) dayEnd(d calendar.Day) int64 { return j.Calendar.Start(d+1) * 1000 }

// lastEnd is the end (ms) of the last window that needs a day's count.
func (j *Joiner) lastEnd(d calendar.Day) int64 {
	next := d + 1 + j.keepDays
	if j.hasWeek {
		next = max(next, j.Calendar.Week(d)+7)
	}
	if j.hasMonth {
		_, month := j.Calendar.Month(d)
		next = max(next, month)
	}
	return j.Calendar.Start(next) * 1000
}
