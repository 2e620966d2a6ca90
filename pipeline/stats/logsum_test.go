package stats

import (
	"math"
	"testing"
)

func TestLogWeightedMean(t *testing.T) {
	same := []float64{1, 1, 1}
	near(t, "mean", math.Exp(LogWeightedMean([]float64{math.Log(1), math.Log(2), math.Log(6)}, same)), 3, 1e-14)
	near(t, "of large ones", LogWeightedMean([]float64{2000, -5000}, same[:2]), 2000-math.Ln2, 1e-12)
	near(t, "of zeros", LogWeightedMean([]float64{math.Inf(-1), math.Inf(-1)}, same[:2]), math.Inf(-1), 0)
	near(t, "weighted", math.Exp(LogWeightedMean([]float64{0, math.Log(5)}, []float64{3, 1})), 2, 1e-14)
	near(t, "what has no weight", LogWeightedMean([]float64{1, 700}, []float64{2, 0}), 1, 1e-14)
}
