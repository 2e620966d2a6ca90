package stats

import (
	"fmt"
	"math"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// survival is the input of the published curves: times and whether they ended with the event (1) or not.
type survival struct{ Time, Status []float64 }

func (s survival) curve() Curve { return KaplanMeier(s.groups()) }

func (s survival) groups() (events, censored []At) {
	for i, age := range s.Time {
		if s.Status[i] == 1 {
			events = append(events, At{age, 1})
		} else {
			censored = append(censored, At{age, 1})
		}
	}
	for _, group := range [][]At{events, censored} {
		slices.SortFunc(group, func(a, b At) int { return int(math.Copysign(1, a.Age-b.Age)) })
	}
	return events, censored
}

// at is the curve at an age.
func (c Curve) at(age float64) Drop {
	next := sort.Search(len(c.Drops), func(i int) bool { return c.Drops[i].Age > age })
	if next == 0 {
		return untouched
	}
	return c.Drops[next-1]
}

// ages reads a sample, + meaning censored.
func ages(t *testing.T, text string) survival {
	t.Helper()
	var s survival
	for _, word := range strings.Fields(text) {
		number, censored := strings.CutSuffix(word, "+")
		age, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatal(err)
		}
		status := 1.0
		if censored {
			status = 0
		}
		s.Time, s.Status = append(s.Time, age), append(s.Status, status)
	}
	return s
}

// lung is the data set of R's survival package: 228 patients, 165 deaths.
func lung(t *testing.T) survival {
	t.Helper()
	text, err := os.ReadFile("../oracle/testdata/lung.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return ages(t, strings.Join(lines, " "))
}

func TestKaplanMeierPublished(t *testing.T) {
	refs := references(t, "..", "oracle", "testdata", "reference_values.json")
	var in survival
	var bounds [][3]float64
	refs["km_6mp_loglog"].decode(t, &in, &bounds)
	for _, want := range bounds {
		d := in.curve().at(want[0])
		near(t, "low", d.Low, want[1], 1e-7)
		near(t, "high", d.High, want[2], 1e-7)
	}
	// Freireich et al., Blood 1963;21:699-716: time, at risk, events, S, standard error
	for _, want := range [][5]float64{
		{6, 21, 3, 0.857, 0.0764},
		{7, 17, 1, 0.807, 0.0869},
		{10, 15, 1, 0.753, 0.0963},
		{13, 12, 1, 0.690, 0.1068},
		{16, 11, 1, 0.627, 0.1141},
		{22, 7, 1, 0.538, 0.1282},
		{23, 6, 1, 0.448, 0.1346},
	} {
		d := in.curve().at(want[0])
		got := [5]float64{d.Age, d.AtRisk, d.Events, d.S, math.Sqrt(d.Variance)}
		for i := range want {
			near(t, "column "+strconv.Itoa(i), got[i], want[i], 0.0006)
		}
	}
	var aml [][7]float64
	refs["km_aml_maintained"].decode(t, &struct{}{}, &aml)
	curve := ages(t, "9 13 13+ 18 23 28+ 31 34 45+ 48 161+").curve()
	for i, want := range aml {
		d := curve.Drops[i]
		near(t, "age", d.Age, want[0], 0)
		near(t, "at risk", d.AtRisk, want[1], 0)
		near(t, "S", d.S, want[3], 0.0006)
		near(t, "error", math.Sqrt(d.Variance), want[4], 0.0001)
	}
	if median, _, _ := curve.Quantile(0.5); median != 31 {
		t.Errorf("median %v, want 31", median)
	}
}

func TestKaplanMeierLung(t *testing.T) {
	refs := references(t, "..", "oracle", "testdata", "reference_values.json")
	curve := lung(t).curve()
	var in struct{ T []float64 }
	var want struct{ S, SE, Lower, Upper []float64 }
	refs["km_lung_S"].decode(t, &in, &want)
	for i, age := range in.T {
		d := curve.at(age)
		near(t, "S", d.S, want.S[i], 1e-7)
		near(t, "error", math.Sqrt(d.Variance), want.SE[i], 1e-7)
		near(t, "low", d.Low, want.Lower[i], 1e-7)
		near(t, "high", d.High, want.Upper[i], 1e-7)
	}
	var q struct {
		Q     []float64
		Lower []float64 `json:"loglog_lower"`
		Upper []float64 `json:"loglog_upper"`
	}
	refs["km_lung_quantiles"].decode(t, &struct{}{}, &q)
	for i, share := range []float64{0.25, 0.5, 0.75} {
		age, low, high := curve.Quantile(share)
		near(t, "quantile", age, q.Q[i], 0)
		near(t, "low", low, q.Lower[i], 0)
		near(t, "high", high, q.Upper[i], 0)
	}
}

func TestKaplanMeierFlat(t *testing.T) {
	refs := references(t, "..", "oracle", "testdata", "reference_values.json")
	var in survival
	var want struct {
		P        []float64
		Quantile []*float64
	}
	refs["km_quantile_tie"].decode(t, &in, &want)
	for i, p := range want.P {
		age, _, _ := in.curve().Quantile(p)
		switch {
		case want.Quantile[i] == nil:
			want.Quantile[i] = new(float64)
			*want.Quantile[i] = math.Inf(1)
		case *want.Quantile[i] == 9.5: // the last flat, that R lets end with the longest follow-up
			*want.Quantile[i] = 9
		}
		near(t, fmt.Sprint("quantile ", p), age, *want.Quantile[i], 1e-12)
	}
}

// A median of which nothing more is learnt does not grow while users are followed on.
func TestKaplanMeierLastFlat(t *testing.T) {
	for _, followed := range []float64{121, 86_400, 40_000_000} {
		c := KaplanMeier([]At{{120, 1}}, []At{{followed, 1}})
		if median, _, _ := c.Quantile(0.5); median != 120 {
			t.Errorf("the median of one who got there after 120 s and one followed for %v s is %v", followed, median)
		}
	}
}

func TestKaplanMeierToZero(t *testing.T) {
	refs := references(t, "..", "oracle", "testdata", "reference_values.json")
	var in survival
	var want struct{ Times, S, SE []float64 }
	refs["km_small1"].decode(t, &in, &want)
	curve := in.curve()
	for i, age := range want.Times {
		near(t, "S", curve.at(age).S, want.S[i], 1e-5)
		near(t, "error", math.Sqrt(curve.at(age).Variance), want.SE[i], 1e-5) // 0 in place of none
	}
	end := curve.at(5)
	if end.Bounded || end.Low != 0 || end.High != curve.at(3).High {
		t.Errorf("bounds at S = 0: %+v", end)
	}
}

func TestKaplanMeierOfNothing(t *testing.T) {
	for _, c := range []Curve{KaplanMeier(nil, nil), KaplanMeier([]At{{3, 0}}, []At{{7, 5}})} {
		age, low, high := c.Quantile(0.5)
		if !math.IsInf(age, 1) || !math.IsInf(low, 1) || !math.IsInf(high, 1) {
			t.Errorf("median %v [%v, %v]", age, low, high)
		}
		if d := c.at(5); d.S != 1 || d.Low != 0 || d.High != 1 || d.Bounded {
			t.Errorf("without an event: %+v", d)
		}
	}
}

// The curve against its definition, user by user, and its laws.
func TestKaplanMeierLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSurvival(t)
		c := s.curve()
		share := 1.0
		for i, d := range c.Drops {
			atRisk, events := 0.0, 0.0
			for j, age := range s.Time {
				if age >= d.Age {
					atRisk++
				}
				if age == d.Age {
					events += s.Status[j]
				}
			}
			share *= 1 - events/atRisk
			near(t, "S", d.S, share, 1e-12)
			near(t, "at risk", d.AtRisk, atRisk, 0)
			if !(0 <= d.Low && d.Low <= d.S+1e-15 && d.S <= d.High+1e-15 && d.High <= 1) || d.Variance < 0 {
				t.Errorf("%+v", d)
			}
			if i > 0 && d.Age <= c.Drops[i-1].Age {
				t.Errorf("ages %v, %v", c.Drops[i-1].Age, d.Age)
			}
		}
		q := rapid.Float64Range(0.01, 0.99).Draw(t, "q")
		age, low, high := c.Quantile(q)
		if !(low <= age || c.at(age).S == 0) || age > high && !math.IsInf(age, 1) {
			t.Errorf("quantile %v [%v, %v]", age, low, high)
		}
		later, _, _ := c.Quantile(q + 0.009)
		if later < age {
			t.Errorf("quantiles %v, %v", age, later)
		}
	})
}

func drawSurvival(t *rapid.T) survival {
	var s survival
	for i := range rapid.IntRange(1, 60).Draw(t, "users") {
		s.Time = append(s.Time, float64(rapid.IntRange(0, 12).Draw(t, fmt.Sprint("age ", i))))
		s.Status = append(s.Status, float64(rapid.IntRange(0, 1).Draw(t, fmt.Sprint("status ", i))))
	}
	return s
}
