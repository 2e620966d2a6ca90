package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The maintained group of the AML study (Miller 1997) had 7 events where 10.69 were expected (survdiff of R's
// survival package, tests/doaml.Rout.save).
func TestLogRankOfAML(t *testing.T) {
	l := LogRank{Observed: 7, Expected: 10.69}
	near(t, "z", l.Z(), -1.12859, 1e-5)
	ratio, low, high := l.Ratio()
	near(t, "ratio", ratio, 0.654818, 1e-6)
	near(t, "low", low*10.69, 2.814363, 1e-5) // the exact interval of 7 events (Garwood 1936)
	near(t, "high", high*10.69, 14.422675, 1e-5)
	below, _ := PoissonTail(7, 10.69)
	near(t, "p", l.P(), 2*below, 0)
	unsure := LogRank{Observed: 7, Expected: 10.69, Dispersion: 0.1}
	_, lower, higher := unsure.Ratio()
	if unsure.P() <= l.P() || lower >= low || higher <= high {
		t.Errorf("when the expectation is uncertain: p %v, not %v; interval [%v, %v], not [%v, %v]", unsure.P(), l.P(), lower, higher, low, high)
	}
}

func TestLogRankEValuesAreFair(t *testing.T) {
	thetas := []float64{0.3, 0.6, 1.7, 3}
	for _, expected := range []float64{0, 0.1, 3, 40} {
		for _, dispersion := range []float64{0, 0.05, 1} {
			null := GammaPoisson{Mean: expected, Dispersion: dispersion}
			for _, theta := range thetas {
				mean := 0.0
				for k := range int(30*expected*(1+dispersion)) + 100 {
					mean += math.Exp(null.LogProb(k) + LogRank{k, expected, dispersion}.LogE(theta))
				}
				near(t, "mean e-value", mean, 1, 1e-6)
			}
		}
	}
}

// Followed on and looked at after every event, the e-value exceeds 20 by chance in at most one study of 20.
func TestLogRankWhileFollowing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const studies, users = 1000, 150
	alarms := 0
	for range studies {
		l := LogRank{}
		for range users {
			// The waiting time of a standard exponential variable is its cumulative hazard; some are censored at 1.
			waited := random.ExpFloat64()
			if waited < 1 {
				l.Observed++
			}
			l.Expected += min(waited, 1)
			if LogMean(l.LogEs([]float64{0.5, 0.8, 1.25, 2})) >= math.Log(20) {
				alarms++
				break
			}
		}
	}
	if share := float64(alarms) / studies; share > 0.05 || share == 0 {
		t.Errorf("%v of the studies raise a false alarm", share)
	}
}

func TestLogRankLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := LogRank{
			Observed: rapid.IntRange(0, 1_000_000).Draw(t, "observed"),
			Expected: math.Pow(10, rapid.Float64Range(-3, 6).Draw(t, "log expected")),
		}
		l.Dispersion = rapid.SampledFrom([]float64{0, 1e-6, 0.01, 0.3}).Draw(t, "dispersion")
		ratio, low, high := l.Ratio()
		if !(0 <= low && low <= ratio && ratio < high) {
			t.Errorf("%v: ratio %v [%v, %v]", l, ratio, low, high)
		}
		// What the interval excludes is what the test at 5 % rejects, up to rounding.
		if p := l.P(); math.Abs(p-0.05) > 1e-6 && (p < 0.05) != (low > 1 || high < 1) {
			t.Errorf("%v: p %v, interval [%v, %v]", l, p, low, high)
		}
	})
}

func TestLogRankOfNothing(t *testing.T) {
	l := LogRank{}
	ratio, low, high := l.Ratio()
	if l.Z() != 0 || l.P() != 1 || ratio != 1 || low != 0 || !math.IsInf(high, 1) || l.LogE(2) != 0 {
		t.Errorf("z %v, p %v, ratio %v [%v, %v]", l.Z(), l.P(), ratio, low, high)
	}
	if l.Observed = 1; l.P() != 0 || !math.IsInf(l.Z(), 1) {
		t.Errorf("an event against none expected: z %v, p %v", l.Z(), l.P())
	}
}

// The expectation against its definition, user by user.
func TestAgainstACurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reference := drawSurvival(t, 1).curve()
		s := drawSurvival(t, 0)
		events, censored := s.groups()
		l := Against(reference, events, censored)
		expected := 0.0
		for _, age := range s.Time {
			expected += reference.Hazard(age)
		}
		near(t, "expected", l.Expected, expected, 1e-9)
		near(t, "observed", float64(l.Observed), float64(len(events)), 0)
	})
	// Everybody followed to the end of a reference in which 1 of 4 had the event: by Aalen 1/4 ± 1/4 each.
	reference := KaplanMeier([]At{{2, 1}}, []At{{5, 3}})
	l := Against(reference, []At{{3, 4}}, []At{{6, 6}})
	if l.Observed != 4 || l.Expected != 2.5 || l.Dispersion != 1 {
		t.Errorf("%+v", l)
	}
}

func TestLogMean(t *testing.T) {
	near(t, "mean", math.Exp(LogMean([]float64{math.Log(1), math.Log(2), math.Log(6)})), 3, 1e-14)
	near(t, "of large ones", LogMean([]float64{2000, -5000}), 2000-math.Ln2, 1e-12)
	near(t, "of zeros", LogMean([]float64{math.Inf(-1), math.Inf(-1)}), math.Inf(-1), 0)
	near(t, "of none", LogMean(nil), 0, 0)
	near(t, "p", PFromLogE(math.Log(20)), 0.05, 1e-15)
	near(t, "p", PFromLogE(-3), 1, 0)
}
