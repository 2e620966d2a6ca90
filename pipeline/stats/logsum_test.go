package stats

import (
	"math"
	"testing"
)

func TestLogMean(t *testing.T) {
	near(t, "mean", math.Exp(LogMean([]float64{math.Log(1), math.Log(2), math.Log(6)})), 3, 1e-14)
	near(t, "of large ones", LogMean([]float64{2000, -5000}), 2000-math.Ln2, 1e-12)
	near(t, "of zeros", LogMean([]float64{math.Inf(-1), math.Inf(-1)}), math.Inf(-1), 0)
	near(t, "of none", LogMean(nil), 0, 0)
}
