package stats

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// exactGammaPoisson is P(X = k) from the definition for whole 1/dispersion, in exact arithmetic.
func exactGammaPoisson(g GammaPoisson, k int) *big.Float {
	r := 1 / g.Dispersion
	p := exactRising(r, k)
	spread := exact(g.Mean)
	spread.Quo(spread, exact(r))
	whole := exact(1)
	whole.Add(whole, spread)
	for range int(r) {
		p.Quo(p, whole)
	}
	for j := 1; j <= k; j++ {
		p.Mul(p, spread)
		p.Quo(p, whole)
		p.Quo(p, exact(float64(j)))
	}
	return p
}

func TestGammaPoissonAgainstExactArithmetic(t *testing.T) {
	for _, g := range []GammaPoisson{{0.2, 1}, {4, 0.25}, {30, 1. / 64}, {100, 0.5}, {70, 1. / 1024}} {
		cumulative := exact(0)
		for k := range 160 {
			before := float(cumulative)
			p := exactGammaPoisson(g, k)
			cumulative.Add(cumulative, p)
			what := fmt.Sprintf("%d of %v", k, g)
			nearly(t, what, math.Exp(g.LogProb(k)), float(p), 1e-12)
			lower, upper := g.Tail(k)
			nearly(t, what+" lower", lower, float(cumulative), 1e-12)
			near(t, what+" upper", upper, 1-before, 1e-12)
		}
	}
}

func TestSilencePublished(t *testing.T) {
	// exp(-lambda)
	for lambda, want := range map[float64]float64{
		0.5: 0.6065306597126334, 1: 0.36787944117144233, 3: 0.049787068367863944, 5: 0.006737946999085467,
		10: 4.5399929762484854e-05, 20: 2.061153622438558e-09,
	} {
		nearly(t, "silence", math.Exp(SilenceLogP(lambda, 0)), want, 1e-12)
	}
	// (rate / (rate + exposure))^shape: the gamma-Poisson predictive
	for _, c := range []struct{ shape, rate, exposure, want float64 }{
		{10, 1, 1, 0.0009765625},
		{28, 7, 1, 0.02378074656657648},
	} {
		g := GammaPosterior(c.shape, c.rate, c.exposure)
		nearly(t, "silence", math.Exp(SilenceLogP(g.Mean, g.Dispersion)), c.want, 1e-12)
		nearly(t, "silence", math.Exp(g.LogProb(0)), c.want, 1e-12)
	}
	// ln(1/alpha) events have to be expected
	for alpha, events := range map[float64]float64{1e-2: 4.605, 1e-3: 6.908, 1e-4: 9.210, 1e-6: 13.816} {
		if QuietEnough(events-0.001, 0, alpha) || !QuietEnough(events+0.001, 0, alpha) {
			t.Errorf("the limit at %v is not %v", alpha, events)
		}
	}
	if QuietEnough(10, 0.1, 1e-4) {
		t.Error("an uncertain expectation counts as a certain one")
	}
}

func TestGammaPoissonLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := GammaPoisson{
			Mean:       math.Pow(10, rapid.Float64Range(-3, 7).Draw(t, "log mean")),
			Dispersion: math.Pow(10, rapid.Float64Range(-18, 1).Draw(t, "log dispersion")),
		}
		k := rapid.IntRange(0, int(4*g.Mean)+20).Draw(t, "k")
		lower, upper := g.Tail(k)
		near(t, fmt.Sprintf("%v at %d: the tails overlap in one count", g, k), lower+upper, 1+math.Exp(g.LogProb(k)), 1e-9)
		if p := g.P(k); !(p >= 0 && p <= 1) {
			t.Errorf("p = %v", p)
		}
		quiet := SilenceLogP(g.Mean, g.Dispersion)
		if surer := SilenceLogP(g.Mean, g.Dispersion/2); !(quiet <= 0 && surer <= quiet*(1-1e-12)+1e-300) {
			t.Errorf("silence %v with dispersion %v, %v with half of it", quiet, g.Dispersion, surer)
		}
	})
}

// Continuity where the distribution becomes a Poisson one.
func TestGammaPoissonWithoutDispersion(t *testing.T) {
	for _, k := range []int{0, 1, 90, 100, 130} {
		plain, almost := GammaPoisson{100, 0}, GammaPoisson{100, 1e-12}
		nearly(t, "probability", almost.LogProb(k), plain.LogProb(k), 1e-8)
		a, b := plain.Tail(k)
		c, d := almost.Tail(k)
		nearly(t, "lower", c, a, 1e-8)
		nearly(t, "upper", d, b, 1e-8)
	}
	if lower, upper := (GammaPoisson{0, 0.3}).Tail(0); lower != 1 || upper != 1 {
		t.Errorf("nothing expected, nothing seen: %v, %v", lower, upper)
	}
}
