package oracle

// The oracle's statistics against published values; see the sources in testdata/reference_values.json.

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const referenceFile = "reference_values.json"

type fact struct {
	ID       string
	Inputs   json.RawMessage
	Expected json.RawMessage
	Tol      any
	Source   string
}

func readFacts(path string) (map[string]fact, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct{ Facts []fact }
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	facts := map[string]fact{}
	for _, f := range file.Facts {
		facts[f.ID] = f
	}
	return facts, nil
}

func references(t *testing.T) map[string]fact {
	t.Helper()
	facts, err := readFacts(filepath.Join("testdata", referenceFile))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// decode reads what a fact was computed from, and what it expects.
func (f fact) decode(t *testing.T, inputs, expected any) {
	t.Helper()
	if err := json.Unmarshal(f.Inputs, inputs); err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
	if err := json.Unmarshal(f.Expected, expected); err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
}

// TestReferenceCopy holds the repository's copy against the file it was taken from.
func TestReferenceCopy(t *testing.T) {
	shared, err := readFacts(filepath.Join("..", "..", "..", "shared", "data", referenceFile))
	if err != nil {
		t.Skipf("the shared reference values are not at hand: %v", err)
	}
	for id, f := range references(t) {
		for what, pair := range map[string][2]json.RawMessage{
			"inputs": {f.Inputs, shared[id].Inputs}, "expected": {f.Expected, shared[id].Expected},
		} {
			var a, b any
			if err := json.Unmarshal(pair[0], &a); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(pair[1], &b); err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%s: %s differs from the shared file", id, what)
			}
		}
	}
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tol)
	}
}

// survival is the input of the Kaplan–Meier facts.
type survival struct{ Time, Status []float64 }

func (s survival) sample() []followed {
	var users []followed
	for i, age := range s.Time {
		users = append(users, followed{age, s.Status[i] == 1})
	}
	return users
}

// lung reads testdata/lung.txt.
func lung(t *testing.T) []followed {
	t.Helper()
	data, err := os.ReadFile("testdata/lung.txt")
	if err != nil {
		t.Fatal(err)
	}
	var users []followed
	for line := range strings.Lines(string(data)) {
		if line[0] == '#' {
			continue
		}
		users = append(users, sample(t, line)...)
	}
	return users
}

// sample reads ages, + meaning censored.
func sample(t *testing.T, text string) []followed {
	t.Helper()
	var users []followed
	for _, word := range strings.Fields(text) {
		number, censored := strings.CutSuffix(word, "+")
		age, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, followed{age, !censored})
	}
	return users
}

func TestWilson(t *testing.T) {
	checked := 0
	for id, f := range references(t) {
		if !strings.HasPrefix(id, "wilson_") {
			continue
		}
		var in struct{ K, N int }
		var want [2]float64
		f.decode(t, &in, &want)
		low, high := wilson(in.K, in.N)
		near(t, id+" low", low, want[0], f.Tol.(float64))
		near(t, id+" high", high, want[1], f.Tol.(float64))
		checked++
	}
	if checked < 12 {
		t.Errorf("only %d reference values", checked)
	}
	for _, n := range []int{1, 38, 77, 1000} {
		if low, high := wilson(0, n); low != 0 || high >= 1 {
			t.Errorf("0 of %d: [%v, %v]", n, low, high)
		}
		if low, high := wilson(n, n); low <= 0 || high != 1 {
			t.Errorf("all of %d: [%v, %v]", n, low, high)
		}
	}
}

func TestQuantileType2(t *testing.T) {
	// R: quantile(x, p, type = 2)
	for _, c := range []struct {
		values  []float64
		percent int
		want    any
	}{
		{nil, 50, nil},
		{[]float64{7}, 50, 7.0},
		{[]float64{7}, 90, 7.0},
		{[]float64{4, 2}, 50, 3.0},
		{[]float64{3, 1, 2}, 50, 2.0},
		{[]float64{1, 2, 3, 4}, 25, 1.5},
		{[]float64{1, 2, 3, 4, 5}, 25, 2.0},
		{[]float64{1, 2, 3, 4, 5}, 75, 4.0},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 90, 9.5},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 90, 10.0},
	} {
		if got := quantile(c.values, c.percent); got != c.want {
			t.Errorf("quantile(%v, %d) = %v, want %v", c.values, c.percent, got, c.want)
		}
	}
}

func TestKaplanMeierBounds(t *testing.T) {
	var in survival
	var want [][3]float64
	references(t)["km_6mp_loglog"].decode(t, &in, &want)
	km := kaplanMeier(in.sample())
	for _, w := range want {
		near(t, "lower", km.at(w[0]).low, w[1], 1e-7)
		near(t, "upper", km.at(w[0]).high, w[2], 1e-7)
	}
}

func TestKaplanMeierCounts(t *testing.T) {
	var want [][7]float64
	references(t)["km_aml_maintained"].decode(t, &struct{}{}, &want)
	km := kaplanMeier(sample(t, "9 13 13+ 18 23 28+ 31 34 45+ 48 161+"))
	if len(km.drops) != len(want) {
		t.Fatalf("%d drops, want %d", len(km.drops), len(want))
	}
	for i, w := range want {
		near(t, "age", km.drops[i].age, w[0], 0)
		near(t, "at risk", float64(km.atRisk(w[0])), w[1], 0)
		near(t, "S", km.drops[i].s, w[3], 0.0006)
	}
	if median := km.quantile(0.5, estimate); median != 31.0 {
		t.Errorf("median %v, want 31", median)
	}
}

func TestKaplanMeierToZero(t *testing.T) {
	var in survival
	var want struct {
		Times, S []float64
		NRisk    []float64 `json:"n_risk"`
	}
	references(t)["km_small1"].decode(t, &in, &want)
	km := kaplanMeier(in.sample())
	for i, age := range want.Times {
		near(t, "S", km.at(age).s, want.S[i], 1e-5)
		near(t, "at risk", float64(km.atRisk(age)), want.NRisk[i], 0)
	}
	if end := km.at(5); !math.IsNaN(end.low) || !math.IsNaN(end.high) {
		t.Errorf("bounds at S = 0: [%v, %v], want none", end.low, end.high)
	}
	if start := km.at(0.5); start.s != 1 || !math.IsNaN(start.low) || !math.IsNaN(start.high) {
		t.Errorf("before the first event: %v, want 1 without bounds", start)
	}
}

func TestKaplanMeierLung(t *testing.T) {
	refs := references(t)
	users := lung(t)
	km := kaplanMeier(users)
	if len(users) != 228 {
		t.Fatalf("%d patients", len(users))
	}
	var in struct{ T []float64 }
	var curve struct{ S, Lower, Upper []float64 }
	refs["km_lung_S"].decode(t, &in, &curve)
	for i, age := range in.T {
		d := km.at(age)
		near(t, "S", d.s, curve.S[i], 1e-7)
		near(t, "lower", d.low, curve.Lower[i], 1e-7)
		near(t, "upper", d.high, curve.Upper[i], 1e-7)
	}
	var q struct {
		Q     []float64
		Lower []float64 `json:"loglog_lower"`
		Upper []float64 `json:"loglog_upper"`
	}
	refs["km_lung_quantiles"].decode(t, &struct{}{}, &q)
	for i, p := range []float64{0.25, 0.5, 0.75} {
		near(t, "quantile", km.quantile(p, estimate).(float64), q.Q[i], 0)
		near(t, "lower limit", km.quantile(p, lower).(float64), q.Lower[i], 0)
		near(t, "upper limit", km.quantile(p, upper).(float64), q.Upper[i], 0)
	}
}

// TestChange holds differences of rates against Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10.
func TestChange(t *testing.T) {
	for _, c := range []struct {
		k1, n1, k2, n2 int
		low, high      float64
	}{
		{56, 70, 48, 80, 0.0524, 0.3339},
		{9, 10, 3, 10, 0.1705, 0.8090},
		{6, 7, 2, 7, 0.0582, 0.8062},
		{5, 56, 0, 29, -0.0381, 0.1926},
		{0, 10, 0, 20, -0.1611, 0.2775},
		{10, 10, 0, 20, 0.6791, 1},
	} {
		rate := func(k, n int) Row {
			low, high := wilson(k, n)
			return Row{"value": share(k, n), "low": low, "high": high}
		}
		_, low, high := change(rate(c.k1, c.n1), rate(c.k2, c.n2))
		near(t, "low", low.(float64), c.low, 6e-5)
		near(t, "high", high.(float64), c.high, 6e-5)
	}
}

func TestKaplanMeierFlat(t *testing.T) {
	var in survival
	var want struct {
		P        []float64
		Quantile []any
	}
	references(t)["km_quantile_tie"].decode(t, &in, &want)
	km := kaplanMeier(in.sample())
	for i, p := range want.P {
		if want.Quantile[i] == 9.5 {
			want.Quantile[i] = 9.0 // the last flat: R goes on to the longest follow-up
		}
		if got := km.quantile(p, estimate); got != want.Quantile[i] {
			t.Errorf("quantile(%v) = %v, want %v", p, got, want.Quantile[i])
		}
	}
}
