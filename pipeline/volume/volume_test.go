package volume_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/volume"
)

// A series is made of one value per step; it starts on a Monday at midnight.
const (
	monday = 1772409600 // 2026-03-02T00:00:00Z
	hour   = 3600
	week   = 7 * 24
)

// verdicts runs a detector over values a step of seconds apart.
func verdicts(step int64, values []float64) []volume.Verdict {
	d := volume.New()
	all := make([]volume.Verdict, len(values))
	for i, v := range values {
		all[i] = d.Step(monday+int64(i)*step, v)
	}
	return all
}

// alarms are the points at which alarms begin.
func alarms(all []volume.Verdict) []int {
	var at []int
	for i, v := range all {
		if v.Alarm {
			at = append(at, i)
		}
	}
	return at
}

// repeat makes n values.
func repeat(n int, f func(i int) float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = f(i)
	}
	return values
}

// busy is the events in an hour of a product that sleeps at night and rests at weekends, drawn from a Poisson law,
// which is near a normal one at these sizes. The mean is multiplied by factor.
func busy(r *rand.Rand, i int, factor float64) float64 {
	mean := 400 + 300*math.Sin(float64(i%24-9)*2*math.Pi/24)
	if i/24%7 >= 5 {
		mean *= 0.4
	}
	mean *= factor
	return max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64()))
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestAFlatLineThatDropsToZeroAlarmsOnce(t *testing.T) {
	r := random()
	for name, noise := range map[string]float64{"constant": 0, "noisy": 5} {
		values := repeat(2000, func(i int) float64 {
			if i >= 1000 {
				return 0
			}
			return 100 + noise*r.NormFloat64()
		})
		if at := alarms(verdicts(300, values)[900:]); !slices.Equal(at, []int{100}) {
			t.Errorf("%s: alarms at %v from 900 on", name, at)
		}
	}
}

func TestNothingIsWrongWithAConstant(t *testing.T) {
	if at := alarms(verdicts(hour, make([]float64, 5000))); at != nil {
		t.Errorf("alarms at %v", at)
	}
}

func TestNoiseRarelyAlarms(t *testing.T) {
	r := random()
	const series, points = 10, 5000
	n := 0
	for range series {
		n += len(alarms(verdicts(300, repeat(points, func(int) float64 { return r.NormFloat64() }))))
	}
	if n > points*series/1000 {
		t.Errorf("%d alarms in %d points", n, series*points)
	}
}

// TestAWeeklySeasonIsNoNews counts the alarms in ten half years of hours, 40,320 points, once two weeks have been seen:
// before, a weekend is news. A score of 0.75 is what is worth a message.
func TestAWeeklySeasonIsNoNews(t *testing.T) {
	for _, c := range []struct {
		name          string
		growth        float64 // in half a year
		most, mostBad int     // alarms, and those with a score of 0.75
	}{
		{"steady", 0, 20, 2}, {"doubling", 1, 60, 8},
	} {
		n, bad := 0, 0
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 9))
			for i, v := range verdicts(hour, repeat(26*week, func(i int) float64 { return busy(r, i, 1+c.growth*float64(i)/(26*week)) })) {
				if i < 2*week || !v.Alarm {
					continue
				}
				if n++; v.Score >= 0.75 {
					bad++
				}
			}
		}
		if n > c.most || bad > c.mostBad {
			t.Errorf("%s: %d alarms, %d of them grave", c.name, n, bad)
		}
	}
}

func TestAnOutageInASeasonAlarmsAtOnce(t *testing.T) {
	r := random()
	const outage = 10*week + 2*24 + 11 // a Wednesday at 11
	all := verdicts(hour, repeat(11*week, func(i int) float64 {
		if i >= outage && i < outage+6 {
			return 0
		}
		return busy(r, i, 1)
	}))
	if at := alarms(all[outage : outage+6]); !slices.Equal(at, []int{0}) {
		t.Errorf("alarms %v hours into the outage", at)
	}
	v := all[outage]
	if v.Above || v.Low <= 0 || v.Expected < 500 || v.Expected > 800 || v.High < v.Expected {
		t.Errorf("expected %v (%v - %v), %+v", v.Expected, v.Low, v.High, v)
	}
}

func TestADayWhosePeakIsMissingAlarms(t *testing.T) {
	r := random()
	const missing = 12
	all := verdicts(300, repeat(14*288, func(i int) float64 {
		if hours := i % 288 / 12; hours >= 9 && hours < 18 && i/288 != missing {
			return 80 + 2*r.NormFloat64()
		}
		return 20 + r.NormFloat64()
	}))
	if at := alarms(all[missing*288+9*12 : missing*288+18*12]); len(at) == 0 || at[0] > 12 {
		t.Errorf("alarms at %v after the time of the peak", at)
	}
	// Two days go into learning that there is a peak.
	if at := alarms(all[3*288 : missing*288]); len(at) > 2 {
		t.Errorf("alarms at %v on days with their peak", at)
	}
}

func TestALevelShiftAlarmsOnceAndIsTheNewNormal(t *testing.T) {
	r := random()
	const shift, later = 2000, 4000
	all := verdicts(300, repeat(later+200, func(i int) float64 {
		if i >= shift && i < later {
			return 300 + 10*r.NormFloat64()
		}
		return 100 + 10*r.NormFloat64()
	}))
	if at := alarms(all[shift : shift+1000]); !slices.Equal(at, []int{0}) {
		t.Errorf("alarms at %v after the shift", at)
	}
	if v := all[later-1]; v.Expected < 280 || v.Expected > 320 {
		t.Errorf("%v is expected in the end", v.Expected)
	}
	if at := alarms(all[later : later+100]); !slices.Equal(at, []int{0}) {
		t.Errorf("alarms at %v after falling back", at)
	}
}

func TestANewSpreadAlarms(t *testing.T) {
	r := random()
	at := alarms(verdicts(300, repeat(2200, func(i int) float64 {
		if i >= 2000 {
			return 100 + 30*r.NormFloat64()
		}
		return 100 + 5*r.NormFloat64()
	})))
	if !slices.ContainsFunc(at, func(i int) bool { return i >= 2000 && i < 2010 }) {
		t.Errorf("alarms at %v", at)
	}
}

func TestMissingValuesChangeNothing(t *testing.T) {
	r := random()
	values := repeat(3000, func(i int) float64 { return busy(r, i, 1) })
	values[2500] = 5000
	want := verdicts(hour, values)
	d := volume.New()
	for i, v := range values {
		at := monday + int64(i)*hour
		for _, missing := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if got := d.Step(at, missing); got.Alarm || got.Score != 0 {
				t.Fatalf("point %d: %v gives %+v", i, missing, got)
			}
		}
		if got := d.Step(at, v); fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Fatalf("point %d: %+v, want %+v", i, got, want[i])
		}
	}
	if !want[2500].Alarm {
		t.Error("the spike is not found")
	}
}

func TestTheRangeHoldsAsManyPointsAsItSays(t *testing.T) {
	r := random()
	values := repeat(20*week, func(i int) float64 { return busy(r, i, 1) })
	in, from := 0, 4*week
	for i, v := range verdicts(hour, values)[from:] {
		if values[from+i] >= v.Low && values[from+i] <= v.High {
			in++
		}
	}
	if share := float64(in) / float64(len(values)-from); share < 0.9 || share > 0.99 {
		t.Errorf("%.3f of the points are in their 95 %% range", share)
	}
}

// series draws a series with all that is odd: runs, spikes, ties, gaps, steps in time back and forth.
func series(t *rapid.T) (times []int64, values []float64) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	n := rapid.IntRange(1, 700).Draw(t, "points")
	step := rapid.SampledFrom([]int64{60, 300, 3600, 86400}).Draw(t, "step")
	odd := rapid.Float64Range(0, 0.1).Draw(t, "odd")
	at, level := int64(monday), 100.0
	for range n {
		v := level + math.Round(10*r.NormFloat64())
		if r.Float64() < odd {
			switch r.IntN(6) {
			case 0:
				v *= 50
			case 1:
				level = math.Round(1000 * r.Float64())
			case 2:
				v = math.NaN()
			case 3:
				at += int64(r.IntN(40)) * 86400
			case 4:
				at -= step * 5
			case 5:
				v = -1e300
			}
		}
		at += step
		times, values = append(times, at), append(values, v)
	}
	return times, values
}

// TestLaws holds for every series: a verdict depends on no later point; the same points give the same verdicts; the unit of
// the values does not matter; scores are in their range, and alarms are where the score says.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times, values := series(t)
		whole, again, scaled := volume.New(), volume.New(), volume.New()
		prefix := rapid.IntRange(0, len(values)).Draw(t, "prefix")
		for i, v := range values {
			got := whole.Step(times[i], v)
			if !(got.Score >= 0 && got.Score <= 1) || got.Alarm && got.Score < 0.5 {
				t.Fatalf("point %d: %+v", i, got)
			}
			if got.Low > got.Expected || got.Expected > got.High {
				t.Fatalf("point %d: the range does not hold what is expected: %+v", i, got)
			}
			if i < prefix { // again never sees what comes after
				if same := again.Step(times[i], v); fmt.Sprint(same) != fmt.Sprint(got) {
					t.Fatalf("point %d: %+v, then %+v", i, got, same)
				}
			}
			// A power of two: no rounding.
			if other := scaled.Step(times[i], v*1024); other.Alarm != got.Alarm || other.Score != got.Score {
				t.Fatalf("point %d: %+v, in another unit %+v", i, got, other)
			}
		}
	})
}

func BenchmarkStep(b *testing.B) {
	r := random()
	d := volume.New()
	for i := range 20_000 { // what is remembered is full
		d.Step(monday+int64(i)*300, r.NormFloat64())
	}
	b.ResetTimer()
	for i := range b.N {
		d.Step(monday+int64(20_000+i)*300, r.NormFloat64())
	}
}

func TestRelativeIsTheRarityOfAScore(t *testing.T) {
	p := volume.Chosen
	for _, score := range []float64{0.05, 0.485, 0.5, 0.515, 0.75, 0.99} {
		got, alarm := volume.NewExcursion(&p).Step(volume.Relative(score) * p.Begin)
		if math.Abs(got-score) > 1e-12 || alarm != (score >= 0.5) {
			t.Errorf("score %v of the rarity whose score is %v, alarm: %v", got, score, alarm)
		}
	}
}
