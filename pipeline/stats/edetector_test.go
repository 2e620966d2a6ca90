package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The detectors against their definitions as a sum and a maximum over all possible changes.
func TestDetectorsAgainstTheirDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logs := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 40).Draw(t, "logs")
		var sum ShiryaevRoberts
		var peak CUSUM
		for now, logE := range logs {
			total, most, since := 0.0, math.Inf(-1), 0
			evidence := 0.0
			for start := now; start >= 0; start-- {
				evidence += logs[start]
				total += math.Exp(evidence)
				if evidence >= most {
					most, since = evidence, start
				}
			}
			near(t, "sum", sum.Step(logE), math.Log(total), 1e-9)
			near(t, "peak", peak.Step(logE), most, 1e-9)
			// Two changes may be as likely as each other, up to rounding.
			if got := peak.Since(); got != since {
				evidence = 0
				for _, x := range logs[min(got, since):max(got, since)] {
					evidence += x
				}
				near(t, "evidence between the two changes", evidence, 0, 1e-9)
			}
		}
	})
}

func TestDetectorsDoNotOverflow(t *testing.T) {
	var sum ShiryaevRoberts
	var peak CUSUM
	for range 1000 {
		sum.Step(700)
		peak.Step(700)
	}
	near(t, "sum", sum.log, 700_000, 1e-6)
	near(t, "peak", peak.log, 700_000, 1e-6)
	if log := sum.Step(math.Inf(-1)); !math.IsInf(log, -1) {
		t.Errorf("what is impossible under every change leaves %v", log)
	}
	if log := peak.Step(math.Inf(-1)); !math.IsInf(log, -1) {
		t.Errorf("what is impossible under the change leaves %v", log)
	}
	near(t, "then again", sum.Step(1), 1, 1e-12)
	near(t, "then again", peak.Step(1), 1, 1e-12)
}

// While nothing changes an alarm comes after the threshold's number of days or later, on average.
func TestDetectorsRarelyAlarm(t *testing.T) {
	const threshold, runs = 60, 400
	b := BetaBinomial{40, 120}
	random := rand.New(rand.NewPCG(13, 14))
	days := drawDays(random, b, 30)
	length := func(step func([]float64) float64) float64 {
		n := 0
		for {
			n++
			if step(days()) >= math.Log(threshold) {
				return float64(n)
			}
		}
	}
	var mixture, sum, peak float64
	for range runs {
		m, s, c := NewMixture(len(oddsChanges)), ShiryaevRoberts{}, CUSUM{}
		mixture += length(m.Step)
		sum += length(func(logs []float64) float64 { return s.Step(logs[1]) })
		peak += length(func(logs []float64) float64 { return c.Step(logs[1]) })
	}
	t.Logf("average run: mixture %.0f, sum %.0f, peak %.0f days", mixture/runs, sum/runs, peak/runs)
	if mixture < threshold*runs || sum < threshold*runs || peak < sum {
		t.Errorf("average run: mixture %v, sum %v, peak %v days; want %d", mixture/runs, sum/runs, peak/runs, threshold)
	}
}

// drawDays gives the e-values of days of so many users whose rates come from the prediction itself.
func drawDays(random *rand.Rand, b BetaBinomial, users int) func() []float64 {
	cumulative := make([]float64, users+1)
	logs := make([][]float64, users+1)
	for k := range logs {
		cumulative[k], _ = b.Tail(k, users)
		logs[k] = logEs(b, Count{k, users})
	}
	return func() []float64 {
		u, k := random.Float64(), 0
		for k < users && cumulative[k] < u {
			k++
		}
		return logs[k]
	}
}

// A drop is found in days, named in the right direction, and dated.
func TestMixtureFindsTheChange(t *testing.T) {
	p := product{rand.New(rand.NewPCG(15, 16)), 0.25, 0.05}
	const runs, quiet = 100, 40
	var delay, dated, named int
	for range runs {
		b := fit(t, p.history(56, 300))
		m := NewMixture(len(oddsChanges))
		for day := 0; ; day++ {
			odds := 1.0
			if day >= quiet {
				odds = 0.2 / 0.8 / (0.25 / 0.75) // a fifth fewer
			}
			log := m.Step(logEs(b.BetaBinomial, p.changed(300, odds)))
			if day < quiet || log < math.Log(1000) {
				continue
			}
			delay += day - quiet + 1
			alternative, since := m.Leader()
			if since >= quiet-2 && since <= quiet+2 {
				dated++
			}
			if oddsChanges[alternative] < 1 {
				named++
			}
			break
		}
	}
	t.Logf("%.1f days to find it, the day right in %d and the direction in %d of %d", float64(delay)/runs, dated, named, runs)
	if delay > 6*runs || dated < 80 || named < 99 {
		t.Errorf("%.1f days to find it, the day right in %d and the direction in %d of %d", float64(delay)/runs, dated, named, runs)
	}
}

func TestMixtureOfNothing(t *testing.T) {
	m := NewMixture(0)
	if log := m.Step(nil); log != 0 {
		t.Errorf("no alternative says %v", log)
	}
	if alternative, since := m.Leader(); alternative != 0 || since != 0 {
		t.Errorf("no alternative leads as %d since %d", alternative, since)
	}
	m = NewMixture(2)
	m.Step([]float64{1, 2})
	m.Step([]float64{3, -9})
	if alternative, since := m.Leader(); alternative != 0 || since != 0 {
		t.Errorf("leader %d since %d", alternative, since)
	}
}
