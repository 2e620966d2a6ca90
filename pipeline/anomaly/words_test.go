package anomaly

import "testing"

// A value that is not expected is not written like an end of what is.
func TestExpectedExcludesTheValue(t *testing.T) {
	for _, x := range []struct {
		k, n      int64
		low, high float64
		want      string
	}{
		{613, 2005, 0.3094, 0.43, "30.6 % (613 of 2005), expected 36 % (30.9–43.0 %)"},
		{172, 654, 0.086, 0.2612, "26.3 % (172 of 654), expected 36 % (8.60–26.1 %)"},
		{170, 1000, 0.17004, 0.36, "17.000 % (170 of 1000), expected 36 % (17.004–36.000 %)"},
		{310, 1000, 0.32, 0.43, "31 % (310 of 1000), expected 36 % (32–43 %)"},
		{310, 1000, 0.3, 0.43, "31 % (310 of 1000), usual is 30–43 %"},
	} {
		g := &finding{unit: Share, k: x.k, n: x.n, value: float64(x.k) / float64(x.n), expected: estimate{0.36, x.low, x.high}}
		if got := amount(g) + expectation(g); got != x.want {
			t.Errorf("%s, want %s", got, x.want)
		}
	}
}
