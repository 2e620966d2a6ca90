package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func decompose(t failer, parts []Part) Decomposition {
	t.Helper()
	d, ok := Decompose(parts)
	if !ok {
		t.Errorf("no decomposition of %v", parts)
	}
	return d
}

func TestDecomposeByHand(t *testing.T) {
	// Ads bring half of the users instead of a fifth; each value's rate stays: 0.1 and 0.5.
	d := decompose(t, []Part{
		{Count{20, 200}, Count{50, 500}},
		{Count{400, 800}, Count{250, 500}},
	})
	near(t, "change", d.Change, 0.30-0.42, 1e-15)
	near(t, "rate", d.Rate, 0, 1e-15)
	near(t, "mix", d.Mix, -0.12, 1e-15)
	near(t, "mix of ads", d.Effects[0].Mix, 0.3*(0.1-0.36), 1e-15)
	near(t, "mix of the others", d.Effects[1].Mix, -0.3*(0.5-0.36), 1e-15)

	// The shares stay, one value's rate halves.
	d = decompose(t, []Part{
		{Count{200, 400}, Count{100, 400}},
		{Count{60, 600}, Count{60, 600}},
	})
	near(t, "rate", d.Rate, -0.1, 1e-15)
	near(t, "rate of the first", d.Effects[0].Rate, -0.1, 1e-15)
	near(t, "mix", d.Mix, 0, 1e-15)

	// A value that was not there before, and one that is gone.
	d = decompose(t, []Part{
		{Count{50, 100}, Count{50, 100}},
		{Count{}, Count{0, 100}},
		{Count{90, 100}, Count{}},
	})
	near(t, "change", d.Change, 0.25-0.7, 1e-15)
	near(t, "rate", d.Rate, 0, 0)
	near(t, "mix", d.Mix, d.Change, 1e-15)
	if d.RateError <= 0 || math.IsNaN(d.MixError) {
		t.Errorf("%+v", d)
	}
}

func TestDecomposeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Custom(func(t *rapid.T) Count {
			n := rapid.SampledFrom([]int{0, 1, 3, 50, 1000, 1_000_000_000}).Draw(t, "n")
			return Count{K: rapid.IntRange(0, n).Draw(t, "k"), N: n}
		})
		var parts, reversed []Part
		var before, after Count
		for range rapid.IntRange(1, 12).Draw(t, "values") {
			p := Part{count.Draw(t, "before"), count.Draw(t, "after")}
			parts, reversed = append(parts, p), append(reversed, Part{p.After, p.Before})
			before, after = before.plus(p.Before), after.plus(p.After)
		}
		d, ok := Decompose(parts)
		if !ok {
			if before.N > 0 && after.N > 0 {
				t.Errorf("nothing said of %v", parts)
			}
			return
		}
		sum := 0.0
		back := decompose(t, reversed)
		for i, e := range d.Effects {
			sum += e.Total()
			near(t, "the other way round", back.Effects[i].Rate, -e.Rate, 1e-12)
			near(t, "the other way round", back.Effects[i].Mix, -e.Mix, 1e-12)
			if p := parts[i]; (p.Before.N == 0 || p.After.N == 0) && e.Rate != 0 {
				t.Errorf("%v has a rate effect of %v", p, e.Rate)
			}
		}
		near(t, "the sum of the effects", sum, after.rate()-before.rate(), 1e-12)
		near(t, "both effects", d.Rate+d.Mix, d.Change, 1e-12)
		if !(d.RateError >= 0 && d.MixError >= 0) {
			t.Errorf("%+v", d)
		}
	})
}

// The standard errors against the spread of the effects over many simulated periods.
func TestDecomposeErrors(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	period := func(users int, ends, rates []float64) []Count {
		counts := make([]Count, len(ends))
		for range users {
			u, i := random.Float64(), 0
			for u >= ends[i] {
				i++
			}
			counts[i].N++
			if random.Float64() < rates[i] {
				counts[i].K++
			}
		}
		return counts
	}
	const runs = 1500
	var rate, mix, rateSquares, mixSquares, rateVariance, mixVariance float64
	for range runs {
		before := period(400, []float64{0.2, 0.7, 1}, []float64{0.1, 0.5, 0.8})
		after := period(300, []float64{0.5, 0.8, 1}, []float64{0.1, 0.4, 0.8})
		parts := make([]Part, len(before))
		for i := range parts {
			parts[i] = Part{before[i], after[i]}
		}
		d := decompose(t, parts)
		rate += d.Rate / runs
		mix += d.Mix / runs
		rateSquares += d.Rate * d.Rate / runs
		mixSquares += d.Mix * d.Mix / runs
		rateVariance += d.RateError * d.RateError / runs
		mixVariance += d.MixError * d.MixError / runs
	}
	nearly(t, "rate error", math.Sqrt(rateVariance), math.Sqrt(rateSquares-rate*rate), 0.06)
	nearly(t, "mix error", math.Sqrt(mixVariance), math.Sqrt(mixSquares-mix*mix), 0.06)
	near(t, "rate effect", rate, -0.1*(0.5+0.3)/2, 0.003)
	near(t, "mix effect", mix, 0.3*0.1-0.2*0.45-0.1*0.8, 0.003)
}

func TestDecomposeNothing(t *testing.T) {
	for _, parts := range [][]Part{nil, {{}}, {{Count{1, 2}, Count{}}}, {{Count{}, Count{1, 2}}}} {
		if d, ok := Decompose(parts); ok {
			t.Errorf("%v: %+v", parts, d)
		}
	}
}
