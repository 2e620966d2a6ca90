package anomaly

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// span is one complete window: whole local days, or one local hour.
type span struct {
	window      string // as the catalog lists it
	start, end  int64  // Unix s, end exclusive
	first, last calendar.Day
}

// day is the window of one local day.
func day(cal *calendar.Calendar, d calendar.Day) span {
	return days(cal, "1d", d, d)
}

// days is a window from the start of one local day to the end of another.
func days(cal *calendar.Calendar, window string, first, last calendar.Day) span {
	return span{window: window, start: cal.Start(first), end: cal.Start(last + 1), first: first, last: last}
}

// spans returns the windows of a kind that lie in the evidence and have ended, in order of their end.
func spans(w catalog.Window, cal *calendar.Calendar, e *Evidence) []span {
	var all []span
	if w.Kind == catalog.Hour {
		return hours(w.Name, cal, e)
	}
	for d := e.From; cal.Start(d+1) <= e.AsOf; d++ {
		first := d
		switch w.Kind {
		case catalog.Week:
			first = d - 6
			if cal.Week(d) != first {
				continue
			}
		case catalog.Month:
			begin, next := cal.Month(d)
			if d != next-1 {
				continue
			}
			first = begin
		case catalog.Trailing:
			first = d - calendar.Day(w.Days) + 1
		}
		if first >= e.From {
			all = append(all, days(cal, w.Name, first, d))
		}
	}
	return all
}

// hourlyDays is how many days of hours are judged: hours are for what just broke.
const hourlyDays = 14

// HourlyFrom returns the first day whose hours are judged.
func HourlyFrom(from, today calendar.Day) calendar.Day { return max(from, today-hourlyDays) }

func hours(window string, cal *calendar.Calendar, e *Evidence) []span {
	var all []span
	first := HourlyFrom(e.From, cal.DayOf(e.AsOf))
	for at := cal.Start(first); at+calendar.HourSeconds <= e.AsOf; at += calendar.HourSeconds {
		d := cal.DayOf(at)
		all = append(all, span{window: window, start: at, end: at + calendar.HourSeconds, first: d, last: d})
	}
	return all
}
