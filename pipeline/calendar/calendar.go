// Package calendar divides time into the local hours, days, weeks and months of one time zone.
//
// A local day is the interval from its first instant to the first instant of the next day, so days never
// overlap and leave no gap, whatever daylight saving time does: a skipped midnight makes the day start at the
// transition. Days are numbered by their local date (0 is 1970-01-01); instants are Unix seconds, UTC.
package calendar

import "time"

// Day is a local date: days since 1970-01-01.
type Day int32

// HourSeconds is the length of an hour window.
const HourSeconds = 3600

const daySeconds = 86400

// Calendar answers for one time zone. It caches, so it is not safe for concurrent use.
type Calendar struct {
	loc       *time.Location
	weekStart time.Weekday
	period    period
	first     Day     // day of starts[0]
	starts    []int64 // 0 where not computed yet
	last      Day     // the day that DayOf returned last
}

// period is a stretch of time with one offset from UTC; zero bounds are open.
type period struct {
	from, to int64
	offset   int64
	known    bool
}

// New returns the calendar of a time zone whose weeks start on weekStart.
func New(loc *time.Location, weekStart time.Weekday) *Calendar {
	return &Calendar{loc: loc, weekStart: weekStart}
}

func (c *Calendar) periodAt(sec int64) period {
	p := c.period
	if p.known && (p.from == 0 || sec >= p.from) && (p.to == 0 || sec < p.to) {
		return p
	}
	t := time.Unix(sec, 0).In(c.loc)
	_, offset := t.Zone()
	p = period{offset: int64(offset), known: true}
	from, to := t.ZoneBounds()
	if !from.IsZero() {
		p.from = from.Unix()
	}
	if !to.IsZero() {
		p.to = to.Unix()
	}
	c.period = p
	return p
}

// HourOf returns the start of the local hour that holds an instant: sec less its local seconds past the hour.
func (c *Calendar) HourOf(sec int64) int64 {
	return sec - floorMod(sec+c.periodAt(sec).offset, HourSeconds)
}

// LocalHour numbers the local hour that holds an instant: a day later, at the same time of the local clock, it is 24 more.
func (c *Calendar) LocalHour(sec int64) int64 {
	return floorDiv(sec+c.periodAt(sec).offset, HourSeconds)
}

// HourIn returns which local hour of its day holds an instant, from 0; the hours of a day are at most 32.
func (c *Calendar) HourIn(d Day, sec int64) int {
	if c.regular(d) {
		return int((sec - c.Start(d)) / HourSeconds)
	}
	hour := c.HourOf(sec)
	for i := 0; ; i++ {
		if c.HourStart(d, i) >= hour {
			return i
		}
	}
}

// HourStart returns the start of the i-th local hour of a day, from 0.
func (c *Calendar) HourStart(d Day, i int) int64 {
	if c.regular(d) {
		return c.Start(d) + int64(i)*HourSeconds
	}
	at := c.Start(d)
	start := c.HourOf(at)
	for range i {
		next := start + HourSeconds
		if p := c.periodAt(at); p.to != 0 {
			next = min(next, p.to) // the clock is set: hours begin elsewhere from here on
		}
		at, start = next, c.HourOf(next)
	}
	return start
}

// regular reports whether all hours of a day are whole ones, one behind the other, as they are unless the clock is set by less
// than an hour.
func (c *Calendar) regular(d Day) bool {
	start, end := c.Start(d), c.Start(d+1)
	return (end-start)%HourSeconds == 0 && c.HourOf(start) == start
}

// DayOf returns the local day that holds an instant.
func (c *Calendar) DayOf(sec int64) Day {
	if sec >= c.Start(c.last) && sec < c.Start(c.last+1) {
		return c.last
	}
	d := Day(floorDiv(sec+c.periodAt(sec).offset, daySeconds))
	for sec < c.Start(d) {
		d--
	}
	for sec >= c.Start(d+1) {
		d++
	}
	c.last = d
	return d
}

// Start returns the first instant of a local day.
func (c *Calendar) Start(d Day) int64 {
	if i := int(d - c.first); i >= 0 && i < len(c.starts) && c.starts[i] != 0 {
		return c.starts[i]
	}
	s := c.findStart(d)
	c.remember(d, s)
	return s
}

// maxRemembered bounds the cache to some 270 years.
const maxRemembered = 100_000

// remember caches the start of a day; the cache moves when a day far from the others comes.
func (c *Calendar) remember(d Day, start int64) {
	const margin = 64
	if len(c.starts) == 0 || d < c.first-maxRemembered || d > c.first+maxRemembered {
		c.first, c.starts = d-margin, make([]int64, 2*margin)
	}
	if d < c.first {
		grown := make([]int64, int(c.first-d)+margin+len(c.starts))
		copy(grown[int(c.first-d)+margin:], c.starts)
		c.first, c.starts = d-margin, grown
	}
	for int(d-c.first) >= len(c.starts) {
		c.starts = append(c.starts, 0)
	}
	c.starts[d-c.first] = start
}

func (c *Calendar) findStart(d Day) int64 {
	midnight := int64(d) * daySeconds
	// No offset from UTC exceeds 16 hours, so the search starts before the day does.
	for at := midnight - 16*HourSeconds; ; {
		p := c.periodAt(at)
		s := max(midnight-p.offset, p.from)
		if p.from == 0 {
			s = midnight - p.offset
		}
		if p.to == 0 || s < p.to {
			return s
		}
		at = p.to
	}
}

// Week returns the first day of the week that holds d.
func (c *Calendar) Week(d Day) Day {
	weekday := floorMod(int64(d)+int64(time.Thursday), 7)
	return d - Day(floorMod(weekday-int64(c.weekStart), 7))
}

// Month returns the first day of the month that holds d, and of the month after it.
func (c *Calendar) Month(d Day) (first, next Day) {
	t := d.Time()
	first = d - Day(t.Day()-1)
	return first, FromDate(t.Year(), t.Month()+1, 1)
}

// Time returns midnight UTC of the date.
func (d Day) Time() time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }

// FromDate returns the day of a date; months overflow into years as in time.Date.
func FromDate(year int, month time.Month, day int) Day {
	return Day(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
