package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The detector against its definition as a maximum over all possible changes.
func TestCUSUMAgainstItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logs := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 40).Draw(t, "logs")
		var peak CUSUM
		for now, logE := range logs {
			most, evidence := math.Inf(-1), 0.0
			for start := now; start >= 0; start-- {
				evidence += logs[start]
				most = max(most, evidence)
			}
			near(t, "peak", peak.Step(logE), most, 1e-9)
		}
	})
}

func TestCUSUMDoesNotOverflow(t *testing.T) {
	var peak CUSUM
	for range 1000 {
		peak.Step(700)
	}
	near(t, "peak", peak.log, 700_000, 1e-6)
	if log := peak.Step(math.Inf(-1)); !math.IsInf(log, -1) {
		t.Errorf("what is impossible under the change leaves %v", log)
	}
	near(t, "then again", peak.Step(1), 1, 1e-12)
}
