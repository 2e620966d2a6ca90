package facts

import (
	"slices"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// record counts an event in the book: in its local hour where the catalog has hour windows, else in its day.
func (j *Joiner) record(b *Book, t int64, feature bool) {
	n := uint32(0)
	if feature {
		n = 1
	}
	if j.hourly {
		b.addHour(j.Calendar.HourOf(t/1000), n)
		return
	}
	b.addDay(j.Calendar.DayOf(t/1000), n)
}

func (b *Book) addHour(start int64, n uint32) {
	at := len(b.Hours)
	for at > 0 && b.Hours[at-1].Start >= start {
		at--
	}
	if at < len(b.Hours) && b.Hours[at].Start == start {
		b.Hours[at].Events += n
		return
	}
	b.Hours = slices.Insert(b.Hours, at, Hour{Start: start, Events: n})
}

func (b *Book) addDay(d calendar.Day, n uint32) {
	at := len(b.Days)
	for at > 0 && b.Days[at-1].Day >= d {
		at--
	}
	if at < len(b.Days) && b.Days[at].Day == d {
		b.Days[at].Events += n
		return
	}
	b.Days = slices.Insert(b.Days, at, Day{Day: d, Events: n})
}

// pruneUse drops the detail of windows that end at or before prune (ms).
func (j *Joiner) pruneUse(co *Cohort, use *Use, prune int64) {
	j.prune(&use.After, prune, 0)
	if co.Settled && j.dayEnd(j.Calendar.DayOf(co.Entry/1000)) <= prune {
		use.Before.reset() // every window before the entry is final
		use.FirstEver = 0
		return
	}
	j.prune(&use.Before, prune, j.keepBefore)
}

func (j *Joiner) dayEnd(d calendar.Day) int64 { return j.Calendar.Start(d+1) * 1000 }

// prune turns final hours into days, and forgets days of which every window is final. keep is for how many
// days longer a day's count is needed.
func (j *Joiner) prune(b *Book, prune int64, keep calendar.Day) {
	n := 0
	for n < len(b.Hours) && (b.Hours[n].Start+calendar.HourSeconds)*1000 <= prune {
		b.addDay(j.Calendar.DayOf(b.Hours[n].Start), b.Hours[n].Events)
		n++
	}
	if n > 0 {
		b.Hours = slices.Delete(b.Hours, 0, n)
	}
	n = 0
	for n < len(b.Days) && j.lastEnd(b.Days[n].Day, keep) <= prune {
		b.LastActive = b.Days[n].Day
		if b.Days[n].Events > 0 {
			b.LastFeature = b.Days[n].Day
		}
		n++
	}
	if n > 0 {
		b.Days = slices.Delete(b.Days, 0, n)
	}
}

// lastEnd is the end (ms) of the last window that needs a day's count.
func (j *Joiner) lastEnd(d, keep calendar.Day) int64 {
	next := d + 1 + keep
	if j.hasWeek {
		next = max(next, j.Calendar.Week(d)+7)
	}
	if j.hasMonth {
		_, month := j.Calendar.Month(d)
		next = max(next, month)
	}
	return j.Calendar.Start(next) * 1000
}

// Recorded reports whether an event that only makes an entered user active changes nothing for a metric: the
// user was active in that hour (or day, without hour windows) already.
func (j *Joiner) Recorded(u *User, m int, t int64, mask *catalog.Mask) bool {
	co := &u.Cohorts[j.Catalog.Metrics[m].Cohort]
	if active, feature := j.uses(m, mask); !active || feature || !co.Entered() || t <= co.Entry {
		return false
	}
	after := &u.Metrics[m].Use.After
	if j.hourly {
		start := j.Calendar.HourOf(t / 1000)
		return slices.ContainsFunc(after.Hours, func(h Hour) bool { return h.Start == start })
	}
	day := j.Calendar.DayOf(t / 1000)
	return slices.ContainsFunc(after.Days, func(d Day) bool { return d.Day == day })
}

// Books returns a user's use before and after the entry, open events included. The books are valid until the
// next call and must not be changed.
func (j *Joiner) Books(u *User, m int) (before, after *Book) {
	use := &u.Metrics[m].Use
	co := &u.Cohorts[j.Catalog.Metrics[m].Cohort]
	before, after = &use.Before, &use.After
	for i := range co.Open {
		o := &co.Open[i]
		active, feature := j.uses(m, &o.Mask)
		if !active {
			continue
		}
		if co.Entered() && o.Time >= co.Entry {
			after = j.borrow(after, &use.After, &j.afterCopy)
			j.record(after, o.Time, feature)
			continue
		}
		before = j.borrow(before, &use.Before, &j.beforeCopy)
		j.record(before, o.Time, feature)
	}
	return before, after
}

// borrow copies the original on first use, so that open events can be recorded without touching it.
func (j *Joiner) borrow(b, original, scratch *Book) *Book {
	if b != original {
		return b
	}
	scratch.Hours = append(scratch.Hours[:0], original.Hours...)
	scratch.Days = append(scratch.Days[:0], original.Days...)
	scratch.LastActive, scratch.LastFeature = original.LastActive, original.LastFeature
	return scratch
}
