package stats

// A rate whose level wanders: what tomorrow brings, and how much both the level and single days move by themselves, learnt from
// the days before.

import (
	"math"
	"slices"
)

// Count is one period: K successes among N users, 0 <= K <= N.
type Count struct{ K, N int }

// Restlessness is how much a rate moves by itself, in log odds.
type Restlessness struct {
	Day   float64 // standard deviation of a day around the level: it is gone on the next day
	Drift float64 // standard deviation of the level's own step from one day to the next: it stays
	Habit float64 // standard deviation of what fades within days, by keeps: the same people come again
}

// restless are the kinds of rate that are thought of, each with its prior weight.
var restless = func() (all []weighted) {
	for _, day := range []weighted{{Restlessness{Day: 0.02}, 0.15}, {Restlessness{Day: 0.06}, 0.25}, {Restlessness{Day: 0.12}, 0.3}, {Restlessness{Day: 0.22}, 0.2}, {Restlessness{Day: 0.4}, 0.1}} {
		for _, drift := range []weighted{{Restlessness{}, 0.4}, {Restlessness{Drift: 0.004}, 0.3}, {Restlessness{Drift: 0.008}, 0.2}, {Restlessness{Drift: 0.016}, 0.08}, {Restlessness{Drift: 0.04}, 0.02}} {
			all = append(all, weighted{Restlessness{day.Day, drift.Drift, 0}, day.weight * drift.weight})
		}
	}
	return all
}()

// habitual are the kinds of rate of much the same people from day to day.
var habitual = func() (all []weighted) {
	for _, day := range []weighted{{Restlessness{Day: 0.03}, 0.3}, {Restlessness{Day: 0.1}, 0.4}, {Restlessness{Day: 0.25}, 0.3}} {
		for _, drift := range []weighted{{Restlessness{}, 0.4}, {Restlessness{Drift: 0.006}, 0.4}, {Restlessness{Drift: 0.016}, 0.2}} {
			for _, habit := range []weighted{{Restlessness{}, 0.2}, {Restlessness{Habit: 0.06}, 0.3}, {Restlessness{Habit: 0.14}, 0.3}, {Restlessness{Habit: 0.3}, 0.2}} {
				all = append(all, weighted{Restlessness{day.Day, drift.Drift, habit.Habit}, day.weight * drift.weight * habit.weight})
			}
		}
	}
	return all
}()

type weighted struct {
	Restlessness
	weight float64
}

const (
	oddShare   = 0.02 // of days that are nothing like the others: holidays, outages that nobody noticed
	oddDay     = 0.6  // standard deviation of their log odds
	unknownAll = 1.0  // standard deviation of the log odds before the first day
	lag        = 21   // days until what was learnt of the restlessness is used: a jump must not teach that jumps are usual
	fades      = 0.8  // what is left of a habit on the next day
	thin       = 0.5  // users of a Beta distribution's side at least, so that its logarithms mean something
)

var logUsual, logOdd = math.Log(1 - oddShare), math.Log(oddShare)

// Level follows the log odds of a rate day by day: a dynamic binomial model (West, Harrison and Migon 1985) whose level takes a
// random walk. How restless it is, is the average of the kinds of restlessness, each weighted by how well it predicted so far. One
// day in fifty is taken to be nothing like the others, so that one odd day moves little.
type Level struct {
	state
	kinds []kind
	now   Restlessness
	found []Restlessness // by day, up to lag days back
}

// state is what is known of the level and of the habit around it: a normal distribution of their log odds.
type state struct {
	mean, variance       float64 // of the level
	habit, habitVariance float64
	covariance           float64
}

// pass lets a day go by.
func (s *state) pass(r Restlessness) {
	s.variance += r.Drift * r.Drift
	s.habit *= fades
	s.habitVariance = fades*fades*s.habitVariance + (1-fades*fades)*r.Habit*r.Habit
	s.covariance *= fades
}

// both is the variance of level and habit together.
func (s *state) both() float64 { return s.variance + 2*s.covariance + s.habitVariance }

// kind is one sort of restlessness with its own state.
type kind struct {
	Restlessness
	state
	log float64 // of its weight
}

// NewLevel starts at a rate, 0 < rate < 1, of which little is known.
func NewLevel(rate float64) *Level { return newLevel(rate, restless) }

// NewHabitualLevel is NewLevel for a rate of much the same people from day to day.
func NewHabitualLevel(rate float64) *Level { return newLevel(rate, habitual) }

func newLevel(rate float64, kinds []weighted) *Level {
	l := &Level{state: state{mean: math.Log(rate / (1 - rate)), variance: unknownAll * unknownAll}}
	for _, r := range kinds {
		k := kind{r.Restlessness, l.state, math.Log(r.weight)}
		k.habitVariance = r.Habit * r.Habit
		l.kinds = append(l.kinds, k)
	}
	l.weigh()
	l.habitVariance = l.now.Habit * l.now.Habit
	return l
}

// Clone is a level of its own in the same state.
func (l *Level) Clone() *Level {
	c := *l
	c.kinds, c.found = slices.Clone(l.kinds), slices.Clone(l.found)
	return &c
}

// Restlessness is how much the rate is thought to move by itself.
func (l *Level) Restlessness() Restlessness { return l.now }

// Predict is the distribution of the successes among a day's users, with the log odds moved by offset, so many days after the
// last one that was learnt from (1: the next). It leaves odd days out.
func (l *Level) Predict(offset float64, after int) BetaBinomial {
	s := l.later(after - 1)
	return s.ahead(l.now, offset).usual
}

// later is the state so many days after the last one that was learnt from.
func (l *Level) later(days int) state {
	s := l.state
	for range days {
		s.pass(l.now)
	}
	return s
}

// Variances are those of the log odds so many days after the last one that was learnt from: of the level, which is not known
// well, and of a day around it.
func (l *Level) Variances(after int) (level, day float64) {
	s := l.later(after)
	return s.both(), l.now.Day * l.now.Day
}

// Learn takes in a day's count; the day's log odds are known to be moved by offset.
func (l *Level) Learn(offset float64, c Count) {
	for i := range l.kinds {
		k := &l.kinds[i]
		k.log += k.learn(k.Restlessness, offset, c)
	}
	l.learn(l.now, offset, c)
	l.weigh()
}

// Pass lets a day go by that says nothing.
func (l *Level) Pass() {
	for i := range l.kinds {
		l.kinds[i].pass(l.kinds[i].Restlessness)
	}
	l.pass(l.now)
}

// weigh sets the restlessness to that whose variances are the weighted means of the kinds'.
func (l *Level) weigh() {
	top := l.kinds[0].log
	for i := range l.kinds {
		top = max(top, l.kinds[i].log)
	}
	var total float64
	var squares Restlessness
	for i := range l.kinds {
		k := &l.kinds[i]
		k.log -= top
		w := math.Exp(k.log)
		total += w
		squares.Day += w * k.Day * k.Day
		squares.Drift += w * k.Drift * k.Drift
		squares.Habit += w * k.Habit * k.Habit
	}
	l.found = append(l.found, Restlessness{math.Sqrt(squares.Day / total), math.Sqrt(squares.Drift / total), math.Sqrt(squares.Habit / total)})
	if len(l.found) > lag {
		l.found = l.found[1:]
	}
	l.now = l.found[0]
}

// ahead is what the next day brings: usually, or as an odd day.
type ahead struct {
	usual, odd       BetaBinomial
	state                    // of that day
	oddVariance, all float64 // of an odd day's log odds, of a usual day's
}

func (s *state) ahead(r Restlessness, offset float64) ahead {
	a := ahead{state: *s}
	a.pass(r)
	known := a.both()
	a.all = known + r.Day*r.Day
	a.oddVariance = known + oddDay*oddDay
	mean := a.mean + a.habit + offset
	a.usual, a.odd = logNormalOdds(mean, a.all), logNormalOdds(mean, a.oddVariance)
	return a
}

// logNormalOdds is the Beta distribution whose log odds have about this mean and variance (West, Harrison and Migon 1985).
func logNormalOdds(mean, variance float64) BetaBinomial {
	odds := math.Exp(mean)
	return BetaBinomial{Alpha: max(thin, (1+odds)/variance), Beta: max(thin, (1+1/odds)/variance)}
}

// seen is what a day's count says if its log odds had one variance.
type seen struct {
	log   float64 // of its probability, less what depends on the count alone
	moved float64 // of the day's log odds, over their variance
	known float64 // of the variance, over its square: what is known of it by now
}

// learn takes in a day's count and returns the logarithm of the probability that it had, less what depends on the count alone.
func (s *state) learn(r Restlessness, offset float64, c Count) float64 {
	a := s.ahead(r, offset)
	usual, odd := a.usual.see(a.all, c), a.odd.see(a.oddVariance, c)
	usual.log += logUsual
	odd.log += logOdd
	log := logAdd(usual.log, odd.log)
	share := math.Exp(odd.log - log)
	moved := (1-share)*usual.moved + share*odd.moved
	known := (1-share)*(usual.known-(usual.moved-moved)*(usual.moved-moved)) + share*(odd.known-(odd.moved-moved)*(odd.moved-moved))
	level, habit := a.variance+a.covariance, a.habitVariance+a.covariance // covariances with the day's log odds
	s.mean, s.habit = a.mean+level*moved, a.habit+habit*moved
	s.variance = a.variance - level*level*known
	s.habitVariance = a.habitVariance - habit*habit*known
	s.covariance = a.covariance - level*habit*known
	return log
}

// logProb is of a count under the mixture of usual and odd days, less what depends on the count alone.
func (a *ahead) logProb(c Count) float64 {
	return logAdd(logUsual+a.usual.see(a.all, c).log, logOdd+a.odd.see(a.oddVariance, c).log)
}

// see is how probable a count was, and what it says of the log odds, if they had a variance (linear Bayes).
func (b BetaBinomial) see(variance float64, c Count) (s seen) {
	k, n := float64(c.K), float64(c.N)
	success, failure, all := gammaOf(b.Alpha), gammaOf(b.Beta), gammaOf(b.Alpha+b.Beta)
	k1, f1, n1 := gammaOf(b.Alpha+k), gammaOf(b.Beta+n-k), gammaOf(b.Alpha+b.Beta+n)
	s.log = k1.log - success.log + f1.log - failure.log - n1.log + all.log
	s.moved = (k1.first - success.first - f1.first + failure.first) / variance
	s.known = (1 - min(1, (k1.second+f1.second)/(success.second+failure.second))) / variance
	return s
}

// gammas are the logarithm of the gamma function and its first two derivatives.
type gammas struct{ log, first, second float64 }

// gammaOf is by recurrence to 6 and above, then asymptotically (Abramowitz and Stegun 1964, 6.1.41, 6.3.18, 6.4.12), x > 0.
func gammaOf(x float64) (g gammas) {
	product := 1.0
	for ; x < 6; x++ {
		r := 1 / x
		product *= x
		g.first -= r
		g.second += r * r
	}
	if product != 1 {
		g.log = -math.Log(product)
	}
	l, r := math.Log(x), 1/x
	s := r * r
	g.log += (x-0.5)*l - x + halfLog2Pi + r*(1./12-s*(1./360-s*(1./1260-s/1680)))
	g.first += l - 0.5*r - s*(1./12-s*(1./120-s/252))
	g.second += r + s/2 + s*r*(1./6-s*(1./30-s/42))
	return g
}
