package stats

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestSilenceAgainstExactArithmetic(t *testing.T) {
	for _, c := range []struct{ expected, dispersion float64 }{{0.2, 1}, {4, 0.25}, {30, 1. / 64}, {100, 0.5}, {70, 1. / 1024}} {
		whole := exact(c.expected)
		whole.Mul(whole, exact(c.dispersion))
		whole.Add(whole, exact(1))
		p := exact(1)
		for range int(1 / c.dispersion) {
			p.Quo(p, whole)
		}
		nearly(t, fmt.Sprint(c), math.Exp(SilenceLogP(c.expected, c.dispersion)), float(p), 1e-12)
	}
}

// posteriorSilence is for an exposure, given that a unit of exposure yields a Gamma(shape, rate) number of events.
func posteriorSilence(shape, rate, exposure float64) float64 {
	return SilenceLogP(shape/rate*exposure, 1/shape)
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
		nearly(t, "silence", math.Exp(posteriorSilence(c.shape, c.rate, c.exposure)), c.want, 1e-12)
	}
}

func TestSilenceLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expected := math.Pow(10, rapid.Float64Range(-3, 7).Draw(t, "log expected"))
		dispersion := math.Pow(10, rapid.Float64Range(-18, 1).Draw(t, "log dispersion"))
		quiet := SilenceLogP(expected, dispersion)
		if surer := SilenceLogP(expected, dispersion/2); !(quiet <= 0 && surer <= quiet*(1-1e-12)+1e-300) {
			t.Errorf("silence %v with dispersion %v, %v with half of it", quiet, dispersion, surer)
		}
	})
	// Continuity where the distribution becomes a Poisson one.
	nearly(t, "almost certain", SilenceLogP(100, 1e-12), SilenceLogP(100, 0), 1e-8)
	if log := SilenceLogP(0, 0.3); log != 0 {
		t.Errorf("nothing expected, nothing seen: %v", log)
	}
}
