package nabscore

import "testing"

// TestTheDetectorReachesItsScore guards what the detector was when it was written: 73.9, 62.6 and 79.7, by its own alarms.
func TestTheDetectorReachesItsScore(t *testing.T) {
	dir := Find()
	if dir == "" {
		t.Skip("the benchmark's series are not here")
	}
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	scored := Run(all)
	for i, floor := range []float64{72.8, 61, 78} {
		if got := At(scored, Profiles[i], 0.5); got.Normalized < floor {
			t.Errorf("%s: %.1f, less than %v: %+v", Profiles[i].Name, got.Normalized, floor, got)
		}
	}
}
