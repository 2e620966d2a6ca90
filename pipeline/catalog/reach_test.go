package catalog_test

import (
	"strings"
	"testing"
)

// TestTargetsOutOfReach: a target is doubted where none of the values of eight weeks is two thirds of it.
func TestTargetsOutOfReach(t *testing.T) {
	c := mustLoad(t, `version: 1
defaults: {owner: growth@acme.example, objective: Stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: signed_up, grain: week}
metrics:
  - {name: far, kind: activation, cohort: signup, steps: [a], within: 1d, target: {value: 0.9}}
  - {name: near, kind: activation, cohort: signup, steps: [a], within: 1d, target: {value: 0.3}}
  - {name: slow, kind: ttfv, cohort: signup, value: b, direction: down, target: {value: 1h}}
  - {name: quick, kind: ttfv, cohort: signup, value: b, direction: down, target: {value: 1h}}
  - {name: unknown, kind: ttfv, cohort: signup, value: b, direction: down, target: {value: 1h}}
  - {name: free, kind: adoption, cohort: signup, feature: c}
`)
	problems := c.OutOfReach(map[string][]float64{"far": {0.2, 0.3}, "near": {0.1, 0.2}, "slow": {7200, 9000}, "quick": {5000, 9000}, "free": {0.1}})
	var lines []string
	for line := range strings.Lines(problems.Format("c.yaml")) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "c.yaml:6:83: warning: the last eight weeks never came near the target of far, the best was 33 % of it") || !strings.Contains(lines[1], "target of slow, the best was 50 %") {
		t.Errorf("it says\n%s", strings.Join(lines, "\n"))
	}
}
