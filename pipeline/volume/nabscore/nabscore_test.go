package nabscore

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/testtool"
)

// series is 200 rows, 30 of them not judged, with windows at 50–59 and 120–139.
func series() *Series {
	s := &Series{Name: "made/up.csv", windows: []window{{50, 59}, {120, 139}}}
	for i := range 200 {
		s.Times, s.Values = append(s.Times, time.Unix(int64(i), 0).UTC()), append(s.Values, float64(i))
	}
	return s
}

func TestScore(t *testing.T) {
	for _, c := range []struct {
		name        string
		alarms      map[int]float64
		normalized  float64
		hit, falsed int
	}{
		{"none", nil, 0, 0, 0},
		{"at the first rows of both windows", map[int]float64{50: 1, 120: 1}, 100, 2, 0},
		{"only the best of a window counts", map[int]float64{50: 1, 55: 1, 59: 1, 120: 1}, 100, 2, 0},
		{"before judgement begins", map[int]float64{3: 1, 29: 1, 50: 1, 120: 1}, 100, 2, 0},
		{"one false alarm before every window", map[int]float64{30: 1, 50: 1, 120: 1}, 100 - 100*0.11/4, 2, 1},
		{"a false alarm that costs more than it is worth is below the threshold", map[int]float64{30: 0.6, 50: 0.7, 120: 0.8}, 100, 2, 0},
		{"a false alarm just after a window costs little", map[int]float64{50: 1, 60: 1, 120: 1}, 100 + 100*0.11*squash(1.0/9)/4, 2, 1},
		{"one window", map[int]float64{50: 1}, 50, 1, 0},
	} {
		scored := Scored{Series: series()}
		for _, i := range slices.Sorted(maps.Keys(c.alarms)) {
			scored.Alarms = append(scored.Alarms, Alarm{i, c.alarms[i]})
		}
		got := Score([]Scored{scored}, Profiles[0])
		if math.Abs(got.Normalized-c.normalized) > 1e-9 || got.WindowsHit != c.hit || got.FalseAlarms != c.falsed || got.Windows != 2 {
			t.Errorf("%s: %+v, want %v, %d hit, %d false", c.name, got, c.normalized, c.hit, c.falsed)
		}
	}
}

// TestTheScoreIsThatOfThePublishedRules compares with the scorer that stands beside the series.
func TestTheScoreIsThatOfThePublishedRules(t *testing.T) {
	dir := Find()
	tool := filepath.Join(dir, "../../tools/nab_score.py")
	if _, err := os.Stat(tool); dir == "" || err != nil {
		t.Skip("the benchmark's series and scorer are not here")
	}
	python := testtool.Path(t, "python3")
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	// Short series, and one of those whose probation is cut.
	all = slices.DeleteFunc(all, func(s *Series) bool {
		return len(s.Values) > 2500 && s.Name != "realKnownCause/cpu_utilization_asg_misconfiguration.csv"
	})
	var short, noise []Scored // noise has a score in every row, many equal
	for _, s := range Run(all) {
		short = append(short, s)
		alarms := make([]Alarm, len(s.Series.Values))
		for i := range alarms {
			alarms[i] = Alarm{i, math.Round(math.Pow(r.Float64(), 0.001)*1e6) / 1e6}
		}
		noise = append(noise, Scored{s.Series, alarms})
	}
	for name, scored := range map[string][]Scored{"detector": short, "noise": noise} {
		results := t.TempDir()
		if err := Write(results, scored); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range scored {
			names = append(names, s.Series.Name)
		}
		list := filepath.Join(results, "list")
		if err := os.WriteFile(list, []byte(strings.Join(names, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := exec.Command(python, tool, results, "--nab", dir, "--list", list, "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]struct {
			Normalized  float64
			Threshold   float64
			WindowsHit  int `json:"windows_hit"`
			FalseAlarms int `json:"fp_rows"`
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		for _, p := range Profiles {
			got, want := Score(scored, p), want[p.Name]
			if math.Abs(got.Normalized-want.Normalized) > 1e-6 || got.Threshold != want.Threshold || got.WindowsHit != want.WindowsHit || got.FalseAlarms != want.FalseAlarms {
				t.Errorf("%s, %s: %+v, want %+v", name, p.Name, got, want)
			}
		}
	}
}
