package main

import "testing"

// TestExperiments holds a small version of the tables to what was reached.
func TestExperiments(t *testing.T) {
	const runs = 200
	daily := func(s *shown) bool { return by(s.always, experimentDays) }
	none := alike[0].tried(runs, 1)
	if false5 := shareOf(none, daily); false5 > 0.05 {
		t.Errorf("without a difference %.3f are said to be better or worse", false5)
	}
	if once := shareOf(none, func(s *shown) bool { return by(s.once, experimentDays) }); once < 0.2 {
		t.Errorf("an interval for one look, looked at daily, errs in %.3f: the simulation is no test", once)
	}
	if found := shareOf(twoPoints.tried(runs, 2), func(s *shown) bool { return by(s.always, 2*experimentDays) }); found < 0.75 {
		t.Errorf("two points are found in %.3f with twice the users", found)
	}
	dealtWrong := trial{rate: 0.4, shares: []float64{0.45, 0.55}, meant: half, perDay: 300}
	if found := shareOf(dealtWrong.tried(runs, 3), func(s *shown) bool { return s.broken >= 0 }); found < 0.99 {
		t.Errorf("45 : 55 is found in %.3f", found)
	}
}
