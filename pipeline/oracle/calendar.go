package oracle

// Local hours, days, weeks and months, and the windows of the catalog.

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// day is a calendar date, as days since 1970-01-01.
type day int64

// date is the day as the views show dates: midnight UTC.
func (d day) date() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

type calendar struct {
	zone      *time.Location
	weekStart time.Weekday
	starts    map[day]int64
}

func newCalendar(timezone, weekStart string) (*calendar, error) {
	zone, err := time.LoadLocation(timezone)
	if err != nil {
		return nil, fmt.Errorf("timezone: %w", err)
	}
	c := &calendar{zone: zone, weekStart: time.Monday, starts: map[day]int64{}}
	if weekStart == "sunday" {
		c.weekStart = time.Sunday
	}
	return c, nil
}

// dayOn is the date a clock on the wall shows.
func (c *calendar) dayOn(ms int64) day {
	year, month, d := time.UnixMilli(ms).In(c.zone).Date()
	return day(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// start is the first instant of a local day: midnight, or the end of the gap when clocks skip midnight.
func (c *calendar) start(d day) int64 {
	if ms, known := c.starts[d]; known {
		return ms
	}
	const minute = 60_000
	ms := int64(d)*86_400_000 - 26*60*minute
	for c.dayOn(ms) < d {
		ms += minute
	}
	for c.dayOn(ms-1000) >= d { // zones whose offset has seconds
		ms -= 1000
	}
	c.starts[d] = ms
	return ms
}

// dayOf is the local day whose window holds ms.
func (c *calendar) dayOf(ms int64) day {
	d := c.dayOn(ms)
	for c.start(d+1) <= ms {
		d++
	}
	return d
}

// hour is the start of the local clock hour that holds ms; it lasts 3,600 s.
func (c *calendar) hour(ms int64) int64 {
	_, offset := time.UnixMilli(ms).In(c.zone).Zone()
	local := ms + int64(offset)*1000
	into := local % 3_600_000
	if into < 0 {
		into += 3_600_000
	}
	return ms - into
}

func (c *calendar) week(d day) day {
	return d - day((int(d.date().Weekday())-int(c.weekStart)+7)%7)
}

func (c *calendar) month(d day) day {
	return d - day(d.date().Day()-1)
}

func (c *calendar) nextMonth(first day) day {
	return day(first.date().AddDate(0, 1, 0).Unix() / 86400)
}

// grain is the first day of the day, week or month that holds a day.
func (c *calendar) grain(name string, d day) day {
	switch name {
	case "week":
		return c.week(d)
	case "month":
		return c.month(d)
	}
	return d
}

// window is [start, end).
type window struct {
	name       string
	start, end int64
}

func (w window) holds(ms int64) bool { return w.start <= ms && ms < w.end }

func (w window) row() Row {
	return Row{"window": w.name, "window_start": instant(w.start), "window_end": instant(w.end)}
}

// windows lists the windows of one kind that hold ms and are shown at asOf. Only trailing windows overlap,
// and only they wait for their last day to begin.
func (c *calendar) windows(name string, ms, asOf int64) []window {
	d := c.dayOf(ms)
	switch name {
	case "1h":
		h := c.hour(ms)
		return []window{{name, h, h + 3_600_000}}
	case "1d":
		return []window{{name, c.start(d), c.start(d + 1)}}
	case "1w":
		first := c.week(d)
		return []window{{name, c.start(first), c.start(first + 7)}}
	case "1mo":
		first := c.month(d)
		return []window{{name, c.start(first), c.start(c.nextMonth(first))}}
	}
	n, err := strconv.Atoi(strings.TrimSuffix(name, "d/1d"))
	if err != nil {
		panic("BUG: window " + name)
	}
	var all []window
	for last := d; last < d+day(n); last++ {
		if c.start(last) <= asOf {
			all = append(all, window{name, c.start(last - day(n) + 1), c.start(last + 1)})
		}
	}
	return all
}
