package retention

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

// newState is the state of a metric of some periods, in Berlin, whose clocks change in the time of drawTimes.
func newState(unit catalog.Unit, least least) *State {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	s := &State{counting: counting{
		joiner:  &facts.Joiner{Calendar: calendar.New(zone, time.Monday)},
		periods: catalog.Periods{Unit: unit, Last: 9, After: catalog.NoMetric}, least: least,
	}}
	s.Reset()
	return s
}

var (
	first = time.Date(2026, 3, 26, 20, 0, 0, 0, time.UTC).UnixMilli()
	units = []catalog.Unit{catalog.PeriodDay, catalog.PeriodWeek, catalog.CalendarDay, catalog.CalendarWeek, catalog.CalendarMonth}
)

func drawLeast(t *rapid.T, unit catalog.Unit) least {
	l := least{n: rapid.IntRange(1, 4).Draw(t, "least"), days: rapid.Bool().Draw(t, "days")}
	if l.days {
		l.n = min(l.n, mostDays[unit])
	}
	return l
}

func drawTimes(t *rapid.T) []int64 {
	grid := rapid.SampledFrom([]int64{1, 60_000, 3_600_000, stretchMs}).Draw(t, "grid")
	span := rapid.SampledFrom([]int64{3_600_000, 30 * 3_600_000, 40 * 24 * 3_600_000}).Draw(t, "span")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int64 { return first + rapid.Int64Range(0, span).Draw(t, "at")/grid*grid }), 0, 80).Draw(t, "times")
}

// TestTimesLeftOutTellNothing: whatever the start turns out to be, the times that are kept make the same returns as all do; they do
// not depend on the order in which they came, and what is ignored changes none.
func TestTimesLeftOutTellNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(units).Draw(t, "unit")
		l := drawLeast(t, unit)
		all := drawTimes(t)
		s, again := newState(unit, l), newState(unit, l)
		for _, at := range all {
			ignored := s.Ignores(nil, at, nil)
			if changed, _ := s.remember(at); ignored && changed {
				t.Errorf("%d is ignored and changes the times", at)
			}
		}
		for _, at := range rapid.Permutation(all).Draw(t, "order") {
			again.remember(at)
		}
		if !slices.Equal(s.times, again.times) {
			t.Errorf("%v are kept, in another order %v", s.times, again.times)
		}
		start := first + rapid.Int64Range(-3*stretchMs, 60*3_600_000).Draw(t, "start")
		var some, whole tally
		some.reset()
		whole.reset()
		for _, at := range s.times {
			if at >= start {
				s.add(&some, start, at)
			}
		}
		for _, at := range all {
			if at >= start {
				s.add(&whole, start, at)
			}
		}
		if some.returns != whole.returns {
			t.Errorf("the times kept make %+v, all make %+v", some.returns, whole.returns)
		}
	})
}

// TestTallyIsPlainCounting: a tally says of every period what counting its events says, in whatever order they come and whenever what
// the watermark has passed leaves it.
func TestTallyIsPlainCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(units).Draw(t, "unit")
		s := newState(unit, drawLeast(t, unit))
		times := drawTimes(t)
		slices.Sort(times)
		start := first - rapid.Int64Range(0, 48*3_600_000).Draw(t, "before")
		events, days := map[int]int{}, map[int]map[calendar.Day]bool{}
		var got tally
		got.reset()
		for i, at := range times {
			if rapid.IntRange(0, 4).Draw(t, "settles") == 0 {
				s.settle(&got, start, at)
			}
			if j := i + rapid.IntRange(0, 3).Draw(t, "later"); j < len(times) && s.PeriodOf(start, times[j]) == s.PeriodOf(start, at) {
				times[i], times[j] = times[j], times[i]
			}
			at = times[i]
			k := s.PeriodOf(start, at)
			if days[k] == nil {
				days[k] = map[calendar.Day]bool{}
			}
			events[k]++
			days[k][s.day(at)] = true
			s.add(&got, start, at)
		}
		last := -1
		for k := range events {
			n := events[k]
			if s.least.days {
				n = len(days[k])
			}
			in := n >= s.least.n
			if in {
				last = max(last, k)
			}
			if k <= s.periods.Last && got.returns.Has(k) != in {
				t.Errorf("period %d has %d events on %d days, and a return: %t", k, events[k], len(days[k]), got.returns.Has(k))
			}
		}
		if got.returns.Last != last {
			t.Errorf("the last return is in period %d, want %d", got.returns.Last, last)
		}
	})
}

// PeriodOf numbers the period that holds a time.
func (c *counting) PeriodOf(start, at int64) int { return c.joiner.PeriodOf(c.periods.Unit, start, at) }

// TestTimesAreCapped: beyond the cap the earliest stretches stay, and every event that is not kept is counted.
func TestTimesAreCapped(t *testing.T) {
	s := newState(catalog.PeriodDay, least{n: 1000})
	counted, came := 0, 0
	for half := range int64(6) {
		for i := range int64(2000) {
			changed, capped := s.remember(first - 8*3_600_000 + half*stretchMs + i)
			counted += capped
			if came++; !changed {
				t.Fatalf("event %d of half day %d is redundant", i, half)
			}
		}
	}
	if len(s.times) > maxTimes || len(s.times)+counted != came {
		t.Errorf("of %d events %d are kept and %d counted", came, len(s.times), counted)
	}
	if s.times[0] != first-8*3_600_000 {
		t.Errorf("the first event kept is %d", s.times[0])
	}
}
