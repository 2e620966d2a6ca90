package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"text/tabwriter"

	"firstlight/pipeline/stats"
)

// Made-up experiments that are looked at every day for 60 days: what is said of variants that do not differ, and what is found where they do,
// beside intervals that are meant to be looked at once.

const (
	experimentDays = 60
	broken         = 0.01 // what the sample ratio's p is below where users were not dealt as was meant
)

// trial is a kind of experiment. The first variant is the control.
type trial struct {
	name   string
	rate   float64 // of the control
	effect float64 // by which the rate of the last variant differs
	shares []float64
	meant  []float64 // how users should have been dealt; nil: as they are
	perDay int
	days   int
	late   float64 // share of successes that are counted a day to a week late
}

var half = []float64{0.5, 0.5}

// alike are experiments without a difference.
var alike = []trial{
	{name: "rate 0.40, 300 users a day", rate: 0.4, shares: half, perDay: 300},
	{name: "the same, 20 users a day", rate: 0.4, shares: half, perDay: 20},
	{name: "the same, a tenth of successes counted late", rate: 0.4, shares: half, perDay: 300, late: 0.1},
	{name: "rate 0.05, 300 users a day", rate: 0.05, shares: half, perDay: 300},
	{name: "rate 0.01, a tenth of 300 in the control", rate: 0.01, shares: []float64{0.1, 0.9}, perDay: 300},
	{name: "rate 0.01, a tenth of 300 in the other", rate: 0.01, shares: []float64{0.9, 0.1}, perDay: 300},
	{name: "rate 0.95, a tenth of 300 in the other", rate: 0.95, shares: []float64{0.9, 0.1}, perDay: 300},
	{name: "rate 0.40, three variants beside the control", rate: 0.4, shares: []float64{0.25, 0.25, 0.25, 0.25}, perDay: 600},
}

// twoPoints is an experiment of the size for which a test that is looked at once finds two points in 80 % of runs.
var twoPoints = trial{rate: 0.4, effect: 0.02, shares: half, perDay: 314, days: 3 * experimentDays}

// shown is what a run of an experiment showed on its days.
type shown struct {
	always, once []int // by variant beside the control: the first day on which the interval excluded 0, or -1
	atEnd        bool  // once, on the last of experimentDays
	missed       bool  // always, on any day, of the last variant's true difference
	broken       int   // the first day on which the sample ratio was called broken, or -1
	brokenOnce   bool  // by a chi-square test at the same level, on any day
}

// try runs the experiment with luck of its own.
func (t *trial) try(random *rand.Rand) shown {
	variants := len(t.shares)
	s := shown{always: make([]int, variants-1), once: make([]int, variants-1), broken: -1}
	for i := range s.always {
		s.always[i], s.once[i] = -1, -1
	}
	counts, users := make([]stats.Count, variants), make([]int, variants)
	days := max(t.days, experimentDays)
	late := make([][]int, days+8) // by the day on which it is counted: variants with a success
	for day := range days {
		for range t.perDay {
			v := dealTo(random, t.shares)
			counts[v].N++
			users[v]++
			rate := t.rate
			if v == variants-1 {
				rate += t.effect
			}
			switch {
			case random.Float64() >= rate:
			case t.late > 0 && random.Float64() < t.late:
				on := day + 1 + random.IntN(7)
				late[on] = append(late[on], v)
			default:
				counts[v].K++
			}
		}
		for _, v := range late[day] {
			counts[v].K++
		}
		t.look(&s, counts, users, day)
	}
	return s
}

// dealTo draws the variant of a user.
func dealTo(random *rand.Rand, shares []float64) int {
	x := random.Float64()
	for i, share := range shares[:len(shares)-1] {
		if x -= share; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}

// look is what one sees at the end of a day.
func (t *trial) look(s *shown, counts []stats.Count, users []int, day int) {
	control, compared := counts[0], len(counts)-1
	for i, c := range counts[1:] {
		low, high := stats.AlwaysDifference(c, control, compared)
		first(&s.always[i], day, low > 0 || high < 0)
		if i == compared-1 && (low > t.effect || high < t.effect) {
			s.missed = true
		}
		differs := onceDiffers(c, control)
		first(&s.once[i], day, differs)
		if day == experimentDays-1 {
			s.atEnd = s.atEnd || differs
		}
	}
	if t.meant != nil {
		first(&s.broken, day, stats.SampleRatio(users, t.meant) < broken)
		s.brokenOnce = s.brokenOnce || chiSquareBelow(users, t.meant)
	}
}

// first notes the day unless an earlier one is noted.
func first(at *int, day int, now bool) {
	if now && *at < 0 {
		*at = day
	}
}

// onceDiffers reports whether the 95 % interval that is meant to be looked at once excludes 0 (Newcombe 1998, from Wilson's).
func onceDiffers(a, b stats.Count) bool {
	if a.N == 0 || b.N == 0 {
		return false
	}
	p, q := float64(a.K)/float64(a.N), float64(b.K)/float64(b.N)
	pLow, pHigh := stats.Wilson(float64(a.K), float64(a.N))
	qLow, qHigh := stats.Wilson(float64(b.K), float64(b.N))
	return p-q > math.Hypot(p-pLow, qHigh-q) || q-p > math.Hypot(pHigh-p, q-qLow)
}

// chiSquareBelow reports whether Pearson's test of two variants has a p below broken.
func chiSquareBelow(users []int, shares []float64) bool {
	total := float64(users[0] + users[1])
	z := (float64(users[0]) - total*shares[0]) / math.Sqrt(total*shares[0]*shares[1])
	return 2*stats.NormalTail(math.Abs(z)) < broken
}

// tried runs the experiment so many times, the same times in every run of the program.
func (t *trial) tried(runs int, seed uint64) []shown {
	all := make([]shown, runs)
	var wait sync.WaitGroup
	const lanes = 8
	for lane := range lanes {
		wait.Go(func() {
			for i := lane; i < runs; i += lanes {
				all[i] = t.try(rand.New(rand.NewPCG(seed, uint64(i))))
			}
		})
	}
	wait.Wait()
	return all
}

// shareOf is how many of the runs are such.
func shareOf(runs []shown, such func(*shown) bool) float64 {
	n := 0
	for i := range runs {
		if such(&runs[i]) {
			n++
		}
	}
	return float64(n) / float64(len(runs))
}

// by reports whether a day is noted before the end of so many days.
func by(at []int, days int) bool {
	for _, day := range at {
		if day >= 0 && day < days {
			return true
		}
	}
	return false
}

// experiments prints the tables, of so many runs each.
func experiments(w io.Writer, runs int) error {
	fmt.Fprintf(w, "Experiments looked at daily for %d days, %d runs each.\n\n", experimentDays, runs)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "no difference: said to be better or worse\talways valid\tany variant's 95 % interval\tthe latter, last day only\t")
	for i := range alike {
		all := alike[i].tried(runs, uint64(i))
		fmt.Fprintf(table, "%s\t%.1f %%\t%.1f %%\t%.1f %%\t\n", alike[i].name,
			100*shareOf(all, func(s *shown) bool { return by(s.always, experimentDays) }),
			100*shareOf(all, func(s *shown) bool { return by(s.once, experimentDays) }),
			100*shareOf(all, func(s *shown) bool { return s.atEnd }))
	}
	found(table, runs)
	dealt(table, runs)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the experiments: %w", err)
	}
	fmt.Fprintln(w)
	return nil
}

// found prints what is found of differences.
func found(table io.Writer, runs int) {
	size := twoPoints.perDay * experimentDays / 2
	fmt.Fprintf(table, "\t\t\t\t\nrates 0.40 and more, %d users a day: found by\t%d users each\ttwice as many\tthree times\tonce, at the first size\ttrue difference ever outside\t\n", twoPoints.perDay, size)
	for i, effect := range []float64{0.02, 0.03, 0.04, 0.06} {
		t := twoPoints
		t.effect = effect
		all := t.tried(runs, uint64(100+i))
		fmt.Fprintf(table, "%.0f points\t", 100*effect)
		for times := range 3 {
			fmt.Fprintf(table, "%.1f %%\t", 100*shareOf(all, func(s *shown) bool { return by(s.always, (times+1)*experimentDays) }))
		}
		fmt.Fprintf(table, "%.1f %%\t%.1f %%\t\n", 100*shareOf(all, func(s *shown) bool { return s.atEnd }), 100*shareOf(all, func(s *shown) bool { return s.missed }))
	}
}

// dealt prints when users are said to have been dealt otherwise than was meant.
func dealt(table io.Writer, runs int) {
	fmt.Fprint(table, "\t\t\t\t\nmeant 50 : 50, 300 users a day, dealt\tcalled broken by day 7\tby day 60\tchi-square test, any day\t\n")
	for i, share := range []float64{0.5, 0.49, 0.48, 0.45} {
		t := trial{rate: 0.4, shares: []float64{share, 1 - share}, meant: half, perDay: 300}
		all := t.tried(runs, uint64(200+i))
		fmt.Fprintf(table, "%.0f : %.0f\t%.1f %%\t%.1f %%\t%.1f %%\t\n", 100*share, 100*(1-share),
			100*shareOf(all, func(s *shown) bool { return s.broken >= 0 && s.broken < 7 }),
			100*shareOf(all, func(s *shown) bool { return s.broken >= 0 }),
			100*shareOf(all, func(s *shown) bool { return s.brokenOnce }))
	}
}
