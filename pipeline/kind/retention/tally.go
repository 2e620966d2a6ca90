package retention

import (
	"math/bits"
	"slices"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
)

// tally counts events by period since a start. Of a period with a return it keeps only that; so of those beyond the last one that
// has rows it keeps only which is the newest.
type tally struct {
	returns cohort.Returns
	partial []partial // of periods with fewer events than make a return, ascending; those before the newest return and without rows left out
}

// partial is a period with too few events so far.
type partial struct {
	period int
	n      uint32 // events; or the local days with events, by bit, the first of the period first
}

func (t *tally) reset() {
	t.returns = cohort.Returns{Last: -1}
	t.partial = t.partial[:0]
}

func (t *tally) empty() bool { return t.returns.Last < 0 && len(t.partial) == 0 }

// ignores reports whether a further event in a period changes nothing.
func (t *tally) ignores(k, last int) bool {
	if k > last {
		return k <= t.returns.Last
	}
	return t.returns.Has(k)
}

// counting is what a tally is counted by.
type counting struct {
	joiner  *facts.Joiner
	periods catalog.Periods
	least   least
}

// add counts an event at or after the start (both ms). It reports whether that changed the tally.
func (c *counting) add(t *tally, start, at int64) bool {
	k := c.joiner.PeriodOf(c.periods.Unit, start, at)
	if t.ignores(k, c.periods.Last) {
		return false
	}
	if c.least.n == 1 {
		c.mark(t, k)
		return true
	}
	i, found := slices.BinarySearchFunc(t.partial, k, func(p partial, k int) int { return p.period - k })
	if !found {
		t.partial = slices.Insert(t.partial, i, partial{period: k})
	}
	p := &t.partial[i]
	before, enough := p.n, false
	if c.least.days {
		p.n |= 1 << (c.day(at) - c.joiner.PeriodDay(c.periods.Unit, start, k))
		enough = bits.OnesCount32(p.n) == c.least.n
	} else {
		p.n++
		enough = int(p.n) == c.least.n
	}
	changed := p.n != before
	if enough {
		t.partial = slices.Delete(t.partial, i, i+1)
		c.mark(t, k)
	}
	return changed
}

func (c *counting) day(at int64) calendar.Day { return c.joiner.Calendar.DayOf(at / 1000) }

// mark notes a return in a period.
func (c *counting) mark(t *tally, k int) {
	if k <= c.periods.Last {
		t.returns.In[k>>6] |= 1 << (k & 63)
	}
	t.returns.Last = max(t.returns.Last, k)
	t.partial = slices.DeleteFunc(t.partial, func(p partial) bool { return t.ignores(p.period, c.periods.Last) })
}

// settle drops the periods that have ended before the watermark (ms) without a return: no event can come to them. It reports whether
// there were any.
func (c *counting) settle(t *tally, start, watermark int64) bool {
	if len(t.partial) == 0 || watermark <= start {
		return false
	}
	running := c.joiner.PeriodOf(c.periods.Unit, start, watermark)
	n := len(t.partial)
	t.partial = slices.DeleteFunc(t.partial, func(p partial) bool { return p.period < running })
	return len(t.partial) < n
}
