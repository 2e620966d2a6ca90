package stats

// What several tests use: comparing floats, exact arithmetic, published values.

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"
)

// failer is *testing.T or *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// near compares within an absolute tolerance.
func near(t failer, what string, got, want, tol float64) {
	t.Helper()
	if got != want && !(math.Abs(got-want) <= tol) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tol)
	}
}

// nearly compares within a relative tolerance.
func nearly(t failer, what string, got, want, tol float64) {
	t.Helper()
	near(t, what, got, want, tol*math.Abs(want))
}

// exact is a number of 400 bits.
func exact(x float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(x) }

// exactRising is x (x+1) ... (x+n-1).
func exactRising(x float64, n int) *big.Float {
	product := exact(1)
	for i := range n {
		factor := exact(float64(i))
		product.Mul(product, factor.Add(factor, exact(x)))
	}
	return product
}

func float(x *big.Float) float64 {
	f, _ := x.Float64()
	return f
}

type fact struct {
	Inputs, Expected json.RawMessage
	Tol              any
}

// references reads published values; see the sources in the file.
func references(t *testing.T, path ...string) map[string]fact {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if os.IsNotExist(err) {
		t.Skipf("the reference values are not at hand: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Facts []struct {
			ID string
			fact
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	facts := map[string]fact{}
	for _, f := range file.Facts {
		facts[f.ID] = f.fact
	}
	return facts
}

// decode reads what a value was computed from, and what is expected.
func (f fact) decode(t *testing.T, inputs, expected any) {
	t.Helper()
	if err := json.Unmarshal(f.Inputs, inputs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(f.Expected, expected); err != nil {
		t.Fatal(err)
	}
}
