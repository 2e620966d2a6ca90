package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The fifteen comparisons of Benjamini and Hochberg's paper (1995, section 3.2): at 5 % the first four are believed.
func TestBenjaminiHochbergPublished(t *testing.T) {
	p := []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000}
	want := append([]bool{true, true, true, true}, make([]bool, 11)...)
	if got := BenjaminiHochberg(p, 0.05); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	slices.Reverse(p)
	slices.Reverse(want)
	if got := BenjaminiHochberg(p, 0.05); !slices.Equal(got, want) {
		t.Errorf("in reverse: %v", got)
	}
}

func TestStepUpLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(1e-12, 1), 0, 40).Draw(t, "p")
		q := rapid.Float64Range(0.001, 0.5).Draw(t, "q")
		marked := BenjaminiHochberg(p, q)
		// The number marked is the largest r of which r values are at most q r / n; they are the smallest.
		most := 0
		for r := range len(p) + 1 {
			n := 0
			for _, value := range p {
				if value <= q*float64(r)/float64(len(p)) {
					n++
				}
			}
			if n >= r {
				most = r
			}
		}
		n := 0
		for i := range p {
			if marked[i] {
				n++
			}
			for j := range p {
				if marked[i] && p[j] < p[i] && !marked[j] {
					t.Errorf("%v is marked, %v is not", p[i], p[j])
				}
			}
		}
		if n != most {
			t.Errorf("%d marked of %v, want %d", n, p, most)
		}
		// The e-values 1/p are believed together with the p-values.
		logs := make([]float64, len(p))
		for i := range p {
			logs[i] = -math.Log(p[i])
		}
		if e := EBH(logs, q*(1-1e-12)); len(p) > 0 && !slices.Equal(e, BenjaminiHochberg(p, q*(1-1e-12))) {
			t.Errorf("%v, as e-values %v", marked, e)
		}
	})
}

// Of what is believed, a share of at most q is false.
func TestBenjaminiHochbergKeepsItsPromise(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	const runs, q = 2000, 0.1
	var share, found float64
	for range runs {
		p := make([]float64, 20) // the last 8 are real
		for i := range p {
			z := random.NormFloat64()
			if i >= 12 {
				z += 3
			}
			p[i] = NormalTail(z)
		}
		marked, wrong := 0.0, 0.0
		for i, m := range BenjaminiHochberg(p, q) {
			if m {
				marked++
				if i < 12 {
					wrong++
				}
			}
		}
		share += wrong / max(1, marked) / runs
		found += (marked - wrong) / 8 / runs
	}
	near(t, "false share", share, q*12/20, 0.006)
	if found < 0.7 {
		t.Errorf("only %v of the real ones are found", found)
	}
}
