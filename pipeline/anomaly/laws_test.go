package anomaly

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

const twoMetrics = `  - {name: activated, kind: activation, cohort: signup, steps: [x], within: 1d,
     guardrails: [{severity: critical, below: 0.2, window: 1d, min_sample: 15}, {severity: warning, below: 0.3, window: 7d/1d, min_sample: 50}]}
  - {name: first_report, kind: ttfv, cohort: signup, value: y, within: 30d}
`

// wandering is a product of 15 to 35 sign-ups a day whose rates jump at times, with two sources that fall silent at times.
func wandering(r *rand.Rand, c *catalog.Catalog, days int) *world {
	w := &world{c: c, days: make([][]Followed, len(c.Metrics))}
	for m := range w.days {
		rate := 0.3 + 0.2*r.Float64()
		for range days {
			if r.Float64() < 0.03 {
				rate = 0.05 + 0.5*r.Float64()
			}
			n, k := int64(15+r.IntN(21)), int64(0)
			for range n {
				if r.Float64() < rate {
					k++
				}
			}
			w.days[m] = append(w.days[m], Followed{Entered: n, Reached: []Age{
				{UpperMs: 1_800_000, Users: k / 2, SumMs: k / 2 * 900_000}, {UpperMs: 36_000_000, Users: k - k/2, SumMs: (k - k/2) * 18_000_000},
			}})
		}
	}
	for _, name := range []string{"web", "ios"} {
		w.sources = append(w.sources, outages(r, c, name, days))
	}
	w.cohorts = []map[int64]int64{outages(r, c, "", days).Hours}
	return w
}

// outages is a source that is busy by day and falls silent, or loses a part of its events, for hours or for good.
func outages(r *rand.Rand, c *catalog.Catalog, name string, days int) Source {
	src := Source{Name: name, Hours: map[int64]int64{}, Events: map[string]map[calendar.Day]int64{"signed_up": {}, "x": {}}}
	cal := calendar.New(c.Location, c.WeekStart)
	usual, until := 1.0, firstDay
	for d := firstDay; d < firstDay+calendar.Day(days); d++ {
		if d >= until {
			usual = 1
		}
		if r.Float64() < 0.03 {
			usual, until = []float64{0, 0.3, 3}[r.IntN(3)], d+calendar.Day(1+r.IntN(12))
		}
		for h := range int64(24) {
			busy := 4.0
			if h > 6 {
				busy = 30
			}
			if n := int64(usual * busy * (0.7 + 0.6*r.Float64())); n > 0 {
				src.Hours[cal.Start(d)+3600*h] = n
				src.Events["signed_up"][d] += n / 4
				src.Events["x"][d] += n / 5
			}
		}
	}
	return src
}

// Evaluating again without new events says nothing: for any history, at month ends, with any look-back, after any change of
// settings, and no incident says more than its share of messages a day.
func TestNothingNewSaysNothing(t *testing.T) {
	t.Parallel()
	few, many := load(t, "false_alarms_per_month: 0.1\n"+twoMetrics), load(t, "false_alarms_per_month: 8\n"+twoMetrics)
	none := load(t, "false_alarms_per_month: 0\n"+twoMetrics)
	rapid.Check(t, func(t *rapid.T) {
		const days = 200
		w := wandering(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7)), few, days)
		at := (firstDay + calendar.Day(rapid.IntRange(100, 140).Draw(t, "imported"))).Time().Unix()
		again := func(what string) {
			if m := w.evaluate(t, at); len(m) > 0 {
				t.Fatalf("%s, %s: said without a new event:\n%q\nafter\n%q", time.Unix(at, 0).UTC(), what, said(m), said(w.told))
			}
		}
		for range rapid.IntRange(3, 8).Draw(t, "evaluations") {
			w.evaluate(t, at)
			again("at once")
			if month := nextMonth(at); rapid.Bool().Draw(t, "to the month's end") && month < (firstDay+days).Time().Unix() {
				at = month - 60
				w.evaluate(t, at)
				at = month + 60
				w.judge(t, at, Lookback(w.c, month-60)) // what has become ready is said first
				again("the month has changed")
			}
			if rapid.Bool().Draw(t, "settings change") {
				w.c = rapid.SampledFrom([]*catalog.Catalog{few, many, none}).Draw(t, "catalog")
				w.evaluate(t, at)
				again("the settings have changed")
			}
			at += int64(rapid.SampledFrom([]int{6, 24, 100, 400}).Draw(t, "hours")) * 3600
			at = min(at, (firstDay + days).Time().Unix())
		}
		w.bounded(t, DefaultPerDay)
	})
}

// The same for a product of 25 sign-ups a day of which 140 days are imported and then pieces of six hours come, over a change of the
// month, at which the look-back moves; and false_alarms_per_month goes from 0.1 to 8 while an incident is open.
func TestSixHoursAfterSixHours(t *testing.T) {
	t.Parallel()
	few, many := load(t, "false_alarms_per_month: 0.1\n"+twoMetrics), load(t, "false_alarms_per_month: 8\n"+twoMetrics)
	w := wandering(rand.New(rand.NewPCG(3, 10)), few, 180)
	month := nextMonth((firstDay + 140).Time().Unix())
	w.evaluate(t, (firstDay + 140).Time().Unix())
	changed := false
	for at := month - 2*24*3600; at <= month+2*24*3600; at += 6 * 3600 {
		w.evaluate(t, at)
		again(t, w, at, "nothing came")
		if !changed && w.isOpen() && at >= month {
			changed, w.c = true, many
			w.evaluate(t, at)
			again(t, w, at, "more false alarms are allowed")
		}
	}
	w.bounded(t, DefaultPerDay)
	if !changed || !w.isOpen() {
		t.Error("no incident is open: nothing was tested")
	}
}

// again evaluates once more, which says nothing.
func again(t *testing.T, w *world, at int64, what string) {
	t.Helper()
	if m := w.evaluate(t, at); len(m) > 0 {
		t.Fatalf("%s, %s: said without a new event:\n%q\nafter\n%q", time.Unix(at, 0).UTC(), what, said(m), said(w.told))
	}
}

// isOpen reports whether an incident of a metric is open, as far as was told.
func (w *world) isOpen() bool {
	for _, m := range w.told.newest() {
		if m.Open() && m.Metric.Kind != "events" && m.Metric.Kind != "entries" {
			return true
		}
	}
	return false
}

func nextMonth(at int64) int64 {
	t := time.Unix(at, 0).UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC).Unix()
}

// bounded checks that no incident says more than so many messages on a day, and that the last of them says so.
func (w *world) bounded(t interface{ Fatalf(string, ...any) }, perDay int) {
	count := map[string]int{}
	for _, m := range w.told {
		key := m.Incident + " " + m.At.UTC().Format(time.DateOnly)
		count[key]++
		if count[key] > perDay || m.OfDay != count[key] {
			t.Fatalf("message %d of %s: %d of the day", count[key], key, m.OfDay)
		}
	}
}

// Whatever goes wrong, an incident has its messages a day, the last says so, and the next day begins with what holds then.
func TestNoIncidentIsLoud(t *testing.T) {
	t.Parallel()
	c := load(t, watched)
	w := &world{c: c, days: [][]Followed{nil}}
	for range 40 {
		w.days[0] = append(w.days[0], Followed{Entered: 200, Reached: []Age{{UpperMs: 3_600_000, Users: 30, SumMs: 30 * 1_800_000}}})
	}
	at := (firstDay + 40).Time().Unix() + 2*3600
	for i := range int64(300) { // late events move the numbers back and forth
		w.days[0][39].Reached[0].Users = 20 + 15*(i%2)
		w.evaluate(t, at+60*i)
	}
	w.bounded(t, DefaultPerDay)
	last := w.told[len(w.told)-1]
	if last.OfDay != DefaultPerDay || !slices.Contains([]string{"updated", "resolved"}, string(last.State)) ||
		!containsAll(last.Summary, "message 6 about this incident today", "the last") {
		t.Errorf("the last message is %+v", last)
	}
	w.days[0][39].Reached[0].Users = 35
	if next := w.evaluate(t, at+24*3600); len(next) != 1 || next[0].K == last.K || next[0].OfDay != 1 {
		t.Errorf("on the next day: %q after %q", said(next), said(w.told))
	}
}

// Whoever judges day by day, over month ends, says what somebody says who judges once at the end, as far as the same history was there
// to judge by.
func TestMonthsDayByDay(t *testing.T) {
	t.Parallel()
	c := load(t, twoMetrics)
	rapid.Check(t, func(t *rapid.T) {
		const days = 110
		w := wandering(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 9)), c, days)
		w.whole = true // a running hour is judged as far as it has gone, which nobody sees who judges later
		once := &world{c: c, days: w.days, sources: w.sources, cohorts: w.cohorts, whole: true}
		at := func(d int) int64 { return (firstDay + calendar.Day(d)).Time().Unix() + 600 }
		for d := 20; d < days; d += rapid.IntRange(1, 3).Draw(t, "days") {
			w.evaluate(t, at(d))
		}
		w.evaluate(t, at(days))
		once.evaluate(t, at(days))
		if a, b := said(w.told), said(once.told); !slices.Equal(a, b) {
			t.Fatalf("day by day\n%q\nat once\n%q", without(a, b), without(b, a))
		}
	})
}

// without returns what one has and the other has not.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// A mute mutes everything it covers: with an annotation over a stretch of time, no message begins in it that is about it.
func TestAMuteMutesEverythingItCovers(t *testing.T) {
	t.Parallel()
	c := load(t, twoMetrics)
	rapid.Check(t, func(t *rapid.T) {
		w := wandering(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 8)), c, 150)
		from := (firstDay + calendar.Day(rapid.IntRange(60, 140).Draw(t, "from"))).Time().Add(time.Duration(rapid.IntRange(0, 23).Draw(t, "hour")) * time.Hour)
		until := from.Add(time.Duration(rapid.IntRange(1, 31*24).Draw(t, "hours")) * time.Hour)
		w.notes = []annotation.Annotation{{Source: "people", ID: "1", Kind: annotation.Expected, Title: "Move", Author: "ann", At: from.UnixMilli(), Until: until.UnixMilli()}}
		if rapid.Bool().Draw(t, "said before") { // the annotation comes when all is said
			notes := w.notes
			w.notes = nil
			w.evaluate(t, min(until.Unix(), (firstDay+150).Time().Unix()))
			w.notes, w.since = notes, 0
		}
		for _, m := range w.evaluate(t, (firstDay + 150).Time().Unix()) {
			if m.Open() && !m.WindowEnd.After(until) && !m.WindowStart.Before(from) {
				t.Fatalf("said of a muted time: %q", said(log{m}))
			}
		}
		for _, i := range Judge(c, w.at((firstDay+150).Time().Unix(), 0)) {
			opened := i.facts[0].of.span
			if opened.start < until.Unix() && opened.end > from.Unix() && opened.window == "1d" && opened.first == opened.last {
				t.Fatalf("judged in a muted time: %s", fmt.Sprint(opened))
			}
		}
	})
}
