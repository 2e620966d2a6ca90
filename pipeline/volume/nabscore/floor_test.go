package nabscore

import "testing"

// TestTheDetectorReachesItsScore guards what the detector was when it was written: 73.4, 63.7 and 78.8.
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
	for i, floor := range []float64{72, 62, 77} {
		if got := Score(scored, Profiles[i]); got.Normalized < floor {
			t.Errorf("%s: %.1f, less than %v: %+v", Profiles[i].Name, got.Normalized, floor, got)
		}
	}
}
