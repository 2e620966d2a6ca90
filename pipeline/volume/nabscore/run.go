package nabscore

// The volume detector over the benchmark's series.

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/volume"
)

// Run gives each series to a detector of its own. A row's score is 0 but where an alarm begins.
func Run(all []*Series) []Scored {
	scored := make([]Scored, len(all))
	for i, s := range all {
		d := volume.New()
		scored[i] = Scored{Series: s, Scores: make([]float64, len(s.Values))}
		for j, value := range s.Values {
			if v := d.Step(s.Times[j].Unix(), value); v.Alarm {
				scored[i].Scores[j] = v.Score
			}
		}
	}
	return scored
}

// Write writes results as the benchmark's own tools read them: a folder of files like those of the series.
func Write(dir string, scored []Scored) error {
	for _, s := range scored {
		path := filepath.Join(dir, s.Series.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
		var b strings.Builder
		b.WriteString("timestamp,value,anomaly_score\n")
		for i, score := range s.Scores {
			fmt.Fprintf(&b, "%s,%s,%s\n", s.Series.Times[i].Format(time.DateTime), number(s.Series.Values[i]), number(score))
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Find is the folder of the benchmark's series beside the repository, which holds the directory we are in. It is "" when they
// are not there.
func Find() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
	found := filepath.Join(dir, "../shared/data/nab")
	if _, err := os.Stat(filepath.Join(found, "windows.json")); err != nil {
		return ""
	}
	return found
}
