package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestGammas(t *testing.T) {
	const euler = 0.57721566490153286061
	for _, c := range []struct{ x, digamma, trigamma float64 }{
		{1, -euler, math.Pi * math.Pi / 6},
		{0.5, -euler - 2*math.Ln2, math.Pi * math.Pi / 2},
		{2, 1 - euler, math.Pi*math.Pi/6 - 1},
		{0.25, -euler - math.Pi/2 - 3*math.Ln2, 17.19732915450711},
		{100, 4.600161852738087, 0.010050166663333571},
	} {
		got := gammaOf(c.x)
		log, _ := math.Lgamma(c.x)
		near(t, "logarithm", got.log, log, 1e-8)
		nearly(t, "digamma", got.first, c.digamma, 1e-7)
		nearly(t, "trigamma", got.second, c.trigamma, 1e-7)
	}
}

// days draws counts of a rate whose level and days wander, both by a standard deviation in log odds.
type days struct {
	r          *rand.Rand
	logOdds    float64
	day, drift float64
}

func (d *days) next(users int, moved float64) Count {
	d.logOdds += d.drift * d.r.NormFloat64()
	p := 1 / (1 + math.Exp(-d.logOdds-moved-d.day*d.r.NormFloat64()))
	c := Count{N: users}
	for range users {
		if d.r.Float64() < p {
			c.K++
		}
	}
	return c
}

// exactly follows the level on a grid of log odds by Bayes' rule, odd days included: slow, and without any approximation of a
// distribution.
type exactly struct {
	at, weight []float64
}

func newExactly(mean, sd float64) *exactly {
	e := &exactly{}
	for x := mean - 6; x <= mean+6; x += 0.01 {
		e.at = append(e.at, x)
		e.weight = append(e.weight, math.Exp(-(x-mean)*(x-mean)/(2*sd*sd)))
	}
	return e
}

func (e *exactly) learn(r Restlessness, c Count) {
	spread := func(x, sd float64) float64 { // of a count when the level is x and its day has this sd
		sum, total := 0.0, 0.0
		for z := -4.0; z <= 4; z += 0.25 {
			p := 1 / (1 + math.Exp(-x-sd*z))
			w := math.Exp(-z * z / 2)
			sum, total = sum+w*math.Exp(float64(c.K)*math.Log(p)+float64(c.N-c.K)*math.Log1p(-p)), total+w
		}
		return sum / total
	}
	for i, x := range e.at {
		e.weight[i] *= (1-oddShare)*spread(x, r.Day) + oddShare*spread(x, oddDay)
	}
	total := 0.0
	for _, w := range e.weight {
		total += w
	}
	for i := range e.weight {
		e.weight[i] /= total
	}
}

func (e *exactly) moments() (mean, sd float64) {
	for i, x := range e.at {
		mean += e.weight[i] * x
	}
	for i, x := range e.at {
		sd += e.weight[i] * (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd)
}

// The level that is followed with Beta distributions is the one that Bayes' rule gives, within a fraction of its uncertainty.
func TestLevelAgainstBayesRule(t *testing.T) {
	for _, users := range []int{8, 40, 300} {
		d := days{r: rand.New(rand.NewPCG(1, uint64(users))), logOdds: -0.4}
		r := Restlessness{Day: 0.12}
		s := state{mean: -0.4, variance: 0.25}
		e := newExactly(-0.4, 0.5)
		for range 30 {
			c := d.next(users, 0)
			s.learn(r, 0, c)
			e.learn(r, c)
		}
		mean, sd := e.moments()
		near(t, "level", s.mean, mean, sd/4)
		nearly(t, "uncertainty", math.Sqrt(s.variance), sd, 0.15)
	}
}

// How much days differ and how much the level drifts is learnt apart.
func TestLevelLearnsRestlessness(t *testing.T) {
	learnt := func(day, drift float64) Restlessness {
		d := days{r: rand.New(rand.NewPCG(3, 4)), logOdds: -0.4, day: day, drift: drift}
		l := NewLevel(0.4)
		for range 200 {
			l.Learn(0, d.next(500, 0))
		}
		return l.Restlessness()
	}
	calm, days, drift := learnt(0, 0), learnt(0.3, 0), learnt(0, 0.04)
	if calm.Day > 0.08 || calm.Drift > 0.004 {
		t.Errorf("nothing moves: %+v", calm)
	}
	if days.Day < 0.2 || days.Drift > 0.012 {
		t.Errorf("days differ: %+v", days)
	}
	if drift.Drift < 0.02 || drift.Day > 0.12 {
		t.Errorf("the level drifts: %+v", drift)
	}
}

// An odd day moves little, days that stay where it was move the level.
func TestLevelKnowsOddDays(t *testing.T) {
	l := NewLevel(0.4)
	for range 60 {
		l.Learn(0, Count{200, 500})
	}
	before := l.Predict(0, 1).Mean()
	l.Learn(0, Count{50, 500})
	if moved := before - l.Predict(0, 1).Mean(); moved < 0 || moved > 0.01 {
		t.Errorf("one day of 10 %% moves 40 %% by %v", moved)
	}
	for range 60 {
		l.Learn(0, Count{50, 500})
	}
	near(t, "after two months", l.Predict(0, 1).Mean(), 0.1, 0.05)
}

// Laws of the level: successes and failures are alike, what is passed over only adds uncertainty, and a clone is a level of its own.
func TestLevelLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := NewLevel(0.3), NewLevel(0.7)
		for range rapid.IntRange(1, 40).Draw(t, "days") {
			n := rapid.IntRange(1, 400).Draw(t, "users")
			k := rapid.IntRange(0, n).Draw(t, "successes")
			offset := rapid.Float64Range(-0.5, 0.5).Draw(t, "offset")
			a.Learn(offset, Count{k, n})
			b.Learn(-offset, Count{n - k, n})
		}
		p, q := a.Predict(0, 1), b.Predict(0, 1)
		nearly(t, "mirrored", p.Alpha, q.Beta, 1e-6)
		nearly(t, "mirrored", p.Beta, q.Alpha, 1e-6)
		c := a.Clone()
		c.Pass()
		later := c.Predict(0, 1)
		nearly(t, "passed or ahead", a.Predict(0, 2).Alpha, later.Alpha, 1e-9)
		if later.Alpha > p.Alpha*(1+1e-12) {
			t.Errorf("a day that says nothing makes surer: %v, then %v", p, later)
		}
		c.Learn(0, Count{1, 2})
		nearly(t, "the original", a.Predict(0, 1).Alpha, p.Alpha, 1e-12)
	})
}
