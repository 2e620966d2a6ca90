package facts

import (
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

const dayMs = 24 * calendar.HourSeconds * 1000

// PeriodOf returns the number of the period that holds a time, of a user who started at a time not after it (both ms).
func (j *Joiner) PeriodOf(unit catalog.Unit, start, t int64) int {
	if !unit.Calendar() {
		return int((t - start) / (int64(unit.Days()) * dayMs))
	}
	from, at := j.Calendar.DayOf(start/1000), j.Calendar.DayOf(t/1000)
	switch unit {
	case catalog.CalendarWeek:
		return int(j.Calendar.Week(at)-j.Calendar.Week(from)) / 7
	case catalog.CalendarMonth:
		return monthOf(at) - monthOf(from)
	default:
		return int(at - from)
	}
}

// PeriodDay returns the local day in which the k-th period of a user who started at a time (ms) begins.
func (j *Joiner) PeriodDay(unit catalog.Unit, start int64, k int) calendar.Day {
	if !unit.Calendar() {
		return j.Calendar.DayOf((start + int64(k)*int64(unit.Days())*dayMs) / 1000)
	}
	from := j.Calendar.DayOf(start / 1000)
	switch unit {
	case catalog.CalendarWeek:
		return j.Calendar.Week(from) + calendar.Day(7*k)
	case catalog.CalendarMonth:
		t := from.Time()
		return calendar.FromDate(t.Year(), t.Month()+time.Month(k), 1)
	default:
		return from + calendar.Day(k)
	}
}

// monthOf numbers the months.
func monthOf(d calendar.Day) int {
	t := d.Time()
	return t.Year()*12 + int(t.Month())
}
