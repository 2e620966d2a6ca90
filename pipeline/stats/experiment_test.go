package stats

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// gostevehoward/confseq@70b1ef30, test/uniform_boundaries_unittest.cpp: v = v_opt = 100, alpha = alpha_opt = 0.05.
func TestMixtureBoundPublished(t *testing.T) {
	rho := mixtureRho(100, 0.05)
	near(t, "rho", rho, 12.60056, 1e-5)
	near(t, "bound", mixtureBound(100, rho, 0.05), 30.35209, 1e-5)
}

// Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10.
func TestDifferencePublished(t *testing.T) {
	for _, c := range []struct {
		one, other Count
		low, high  float64
	}{
		{Count{56, 70}, Count{48, 80}, 0.0524, 0.3339},
		{Count{9, 10}, Count{3, 10}, 0.1705, 0.8090},
		{Count{5, 56}, Count{0, 29}, -0.0381, 0.1926},
		{Count{0, 10}, Count{0, 10}, -0.2775, 0.2775},
		{Count{10, 10}, Count{0, 10}, 0.6075, 1},
	} {
		low, high := difference(c.one, c.other, Z95)
		near(t, "low", low, c.low, 5e-5)
		near(t, "high", high, c.high, 5e-5)
	}
}

// How much wider than a single look, as the comment says.
func TestAlwaysDifferenceWidth(t *testing.T) {
	for _, c := range []struct {
		users int
		times float64
	}{{200, 1.97}, {2_000, 1.55}, {20_000, 1.65}} {
		z := mixtureBound(float64(c.users)/2, mixtureRho(tightest, 0.05), 0.05) / math.Sqrt(float64(c.users)/2)
		near(t, "width", z/Z95, c.times, 0.005)
	}
}

func TestAlwaysDifferenceLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := func(name string) Count {
			n := int(math.Pow(10, rapid.Float64Range(0, 9).Draw(t, name+" digits")))
			return Count{K: rapid.IntRange(0, n).Draw(t, name), N: n}
		}
		a, b, compared := count("a"), count("b"), rapid.IntRange(1, 9).Draw(t, "compared")
		low, high := AlwaysDifference(a, b, compared)
		d := a.rate() - b.rate()
		if !(-1 <= low && low <= d && d <= high && high <= 1) {
			t.Errorf("%v against %v: [%v, %v] about %v", a, b, low, high, d)
		}
		otherLow, otherHigh := AlwaysDifference(b, a, compared)
		near(t, "turned low", otherLow, -high, 1e-12)
		near(t, "turned high", otherHigh, -low, 1e-12)
		onceLow, onceHigh := difference(a, b, Z95)
		moreLow, moreHigh := AlwaysDifference(a, b, compared+1)
		if onceLow < low || high < onceHigh || low < moreLow || moreHigh < high {
			t.Errorf("%v against %v: once [%v, %v], always [%v, %v], with one variant more [%v, %v]", a, b, onceLow, onceHigh, low, high, moreLow, moreHigh)
		}
	})
	for _, c := range [][2]Count{{{0, 0}, {3, 9}}, {{3, 9}, {0, 0}}, {{0, 0}, {0, 0}}} {
		if low, high := AlwaysDifference(c[0], c[1], 1); low != -1 || high != 1 {
			t.Errorf("%v against %v: [%v, %v]", c[0], c[1], low, high)
		}
	}
}

// Looked at after every user, with a twentieth of the users in one variant and one in fifty who succeeds, the true difference is outside in at most five
// runs in a hundred. The larger simulation is in firstlight-bench-anomaly.
func TestAlwaysDifferenceHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const runs = 300
	missed := 0
	for range runs {
		var variant, control Count
		for range 5_000 {
			in, rate := &control, 0.02
			if random.Float64() < 0.05 {
				in, rate = &variant, 0.06
			}
			in.N++
			if random.Float64() < rate {
				in.K++
			}
			if low, high := AlwaysDifference(variant, control, 1); low > 0.04 || high < 0.04 {
				missed++
				break
			}
		}
	}
	if missed > runs/20 {
		t.Errorf("missed in %d of %d runs", missed, runs)
	}
}

// The e-value against exact arithmetic: the product of what each next user would have been expected in (Blackwell and MacQueen 1973).
func TestSampleRatioAgainstExactArithmetic(t *testing.T) {
	for _, c := range []struct {
		users  []int
		shares []float64
	}{
		{[]int{0, 0}, []float64{0.5, 0.5}},
		{[]int{20, 2}, []float64{0.5, 0.5}},
		{[]int{700, 90, 10}, []float64{0.75, 0.125, 0.125}},
		{[]int{0, 40}, []float64{0.125, 0.875}},
	} {
		sum := exact(0)
		for _, sure := range []float64{2, 500} {
			e, total := exact(1), 0
			for i, n := range c.users {
				total += n
				e.Mul(e, exactRising(sure*c.shares[i], n))
				for range n {
					e.Quo(e, exact(c.shares[i]))
				}
			}
			sum.Add(sum, e.Quo(e, exactRising(sure, total)))
		}
		want := min(1, float(new(big.Float).Quo(exact(2), sum)))
		nearly(t, "p", SampleRatio(c.users, c.shares), want, 1e-10)
	}
}

// What the comment says, and that what was meant is not called broken.
func TestSampleRatio(t *testing.T) {
	half := []float64{0.5, 0.5}
	near(t, "20 to 2", SampleRatio([]int{20, 2}, half), 0.0025, 5e-5)
	near(t, "5,200 to 4,800", SampleRatio([]int{5_200, 4_800}, half), 0.0041, 5e-5)
	near(t, "as was meant", SampleRatio([]int{900_000_000, 100_000_000}, []float64{0.9, 0.1}), 1, 0)
	near(t, "beyond all doubt", SampleRatio([]int{900_000_000, 100_000_000}, half), 0, 0)

	random := rand.New(rand.NewPCG(3, 4))
	const runs = 2_000
	broken := 0
	for range runs {
		users := []int{0, 0, 0}
		for day := 0; day < 60; day++ {
			for range 20 {
				switch x := random.Float64(); {
				case x < 0.5:
					users[0]++
				case x < 0.9:
					users[1]++
				default:
					users[2]++
				}
			}
			if SampleRatio(users, []float64{0.5, 0.4, 0.1}) < 0.05 {
				broken++
				break
			}
		}
	}
	if broken > runs/20 {
		t.Errorf("called broken in %d of %d runs", broken, runs)
	}
}
