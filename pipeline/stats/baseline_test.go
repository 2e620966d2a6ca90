package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// product draws days of a product whose odds wander by a share of themselves from day to day.
type product struct {
	random *rand.Rand
	rate   float64
	wander float64
}

func (p product) day(users int) Count { return p.changed(users, 1) }

// changed is a day on which the odds are multiplied.
func (p product) changed(users int, odds float64) Count {
	o := odds * p.rate / (1 - p.rate) * math.Exp(p.wander*p.random.NormFloat64())
	d := Count{N: users}
	for range users {
		if p.random.Float64() < o/(1+o) {
			d.K++
		}
	}
	return d
}

func (p product) history(days, users int) []Count {
	all := make([]Count, days)
	for i := range all {
		all[i] = p.day(users)
	}
	return all
}

func fit(t failer, days []Count) Baseline {
	t.Helper()
	b, ok := FitBaseline(days)
	if !ok {
		t.Errorf("no baseline from %v", days)
	}
	return b
}

func (b Baseline) p(d Count) float64 {
	lower, upper := b.Tail(d.K, d.N)
	return min(1, 2*min(lower, upper))
}

// A normal day is called odd about as often as promised, whatever the history's length and the days' wander.
func TestBaselineFalseAlarms(t *testing.T) {
	const trials, alpha = 1500, 0.01
	for _, c := range []struct {
		days, users  int
		rate, wander float64
		most         float64 // share of false alarms
	}{
		{28, 400, 0.25, 0, 0.012},
		{28, 400, 0.25, 0.1, 0.016},
		{28, 100, 0.9, 0.2, 0.016},
		{8, 300, 0.4, 0.1, 0.016},
		{8, 1000, 0.4, 0.3, 0.05}, // twice as unsteady as what is taken for usual, and few days to learn that
		{3, 300, 0.1, 0.1, 0.02},
		{1, 500, 0.3, 0.1, 0.02},
		{60, 20, 0.02, 0.1, 0.012},
	} {
		p := product{rand.New(rand.NewPCG(1, uint64(c.days*c.users))), c.rate, c.wander}
		alarms := 0
		for range trials {
			if fit(t, p.history(c.days, c.users)).p(p.day(c.users)) < alpha {
				alarms++
			}
		}
		if share := float64(alarms) / trials; share > c.most {
			t.Errorf("%+v: %.4f of the normal days are odd", c, share)
		} else {
			t.Logf("%+v: %.4f", c, share)
		}
	}
}

// What a steady product of 600 users a day is expected to notice.
func TestBaselinePower(t *testing.T) {
	p := product{rand.New(rand.NewPCG(3, 4)), 0.4, 0.05}
	found := 0
	const trials = 300
	for range trials {
		b := fit(t, p.history(28, 600))
		if b.p(p.changed(600, 0.32/0.68/(0.4/0.6))) < 0.01 { // a fifth fewer
			found++
		}
	}
	t.Logf("%.2f", float64(found)/trials)
	if share := float64(found) / trials; share < 0.75 {
		t.Errorf("a drop by a fifth among 600 is found in %.2f", share)
	}
}

func TestBaselineHasNoSide(t *testing.T) {
	days := product{rand.New(rand.NewPCG(9, 10)), 0.2, 0.2}.history(30, 150)
	b := fit(t, days)
	for i, d := range days {
		days[i].K = d.N - d.K
	}
	mirrored := fit(t, days)
	nearly(t, "alpha", mirrored.Alpha, b.Beta, 1e-9)
	nearly(t, "beta", mirrored.Beta, b.Alpha, 1e-9)
}

// One outage in the history, or two, is not what days are like.
func TestBaselineForgetsOutages(t *testing.T) {
	p := product{rand.New(rand.NewPCG(5, 6)), 0.3, 0.05}
	for range 50 {
		history := p.history(28, 400)
		before := fit(t, history)
		history[3] = Count{K: 0, N: 400}
		history[17] = p.changed(400, 0.3)
		history[20] = Count{K: 30, N: 30}
		after := fit(t, history)
		if after.SetAside < 3 || after.SetAside > 4 {
			t.Errorf("%d days set aside", after.SetAside)
		}
		near(t, "mean", after.Mean(), before.Mean(), 0.01)
		near(t, "rho", after.Rho, before.Rho, 0.001)
		near(t, "deviation", after.Deviation(400)/before.Deviation(400), 1, 0.12)
	}
}

func TestBaselineLearnsHowMuchDaysDiffer(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, wander := range []float64{0.1, 0.3} {
		b := fit(t, product{random, 0.4, wander}.history(400, 1000))
		// By the delta method the rate's variance is (p (1-p) wander)².
		near(t, "rho", b.Rho/(wander*wander*0.24), 1, 0.2)
		nearly(t, "mean", b.Mean(), 0.4, 0.03)
	}
	steady := fit(t, product{random, 0.4, 0}.history(400, 1000))
	if floor := steadiestDay * steadiestDay * 0.24; steady.Rho < floor*0.99 || steady.Rho > 3*floor {
		t.Errorf("rho of a steady product: %v, the floor is %v", steady.Rho, floor)
	}
}

func TestBaselineLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Count {
			n := int(math.Pow(10, rapid.Float64Range(0, 9).Draw(t, "digits")))
			return Count{K: int(float64(n) * rapid.Float64Range(0, 1).Draw(t, "share")), N: n}
		}), 1, 60).Draw(t, "days")
		b := fit(t, days)
		if !(b.Alpha > 0 && b.Beta > 0 && b.Rho > 0 && b.Rho <= 1) || math.IsInf(b.Alpha+b.Beta, 0) {
			t.Errorf("%+v", b)
		}
		if b.Days+b.SetAside != len(days) || 2*b.Days <= len(days) {
			t.Errorf("%d of %d days used", b.Days, len(days))
		}
		slices.Reverse(days)
		if again := fit(t, days); again != b {
			t.Errorf("%+v in one order, %+v in the other", b, again)
		}
	})
}

func TestBaselineEdges(t *testing.T) {
	for _, days := range [][]Count{nil, {{0, 0}, {0, 0}}} {
		if b, ok := FitBaseline(days); ok {
			t.Errorf("%v gives %v", days, b)
		}
	}
	for _, days := range [][]Count{{{0, 1}}, {{1, 1}}, {{0, 0}, {0, 500}, {0, 500}}, slices.Repeat([]Count{{1, 1}}, 30), slices.Repeat([]Count{{2_000_000_000, 2_000_000_000}}, 30)} {
		b := fit(t, days)
		if !(b.Alpha > 0 && b.Beta > 0) || math.IsNaN(b.Deviation(100)) {
			t.Errorf("%v gives %+v", days, b)
		}
	}
	// Nobody of 10 says little, nobody of 10,000 a lot.
	little, lot := fit(t, []Count{{0, 10}}), fit(t, []Count{{0, 10_000}})
	if little.p(Count{2, 10}) < 0.05 || lot.p(Count{2, 10}) > 1e-4 {
		t.Errorf("2 of 10: p %v and %v", little.p(Count{2, 10}), lot.p(Count{2, 10}))
	}
}
