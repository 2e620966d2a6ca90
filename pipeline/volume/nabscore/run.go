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

// Run gives each series to a detector of its own.
func Run(all []*Series) []Scored {
	p := volume.Chosen
	return RunWith(all, &p)
}

// RunWith is Run with other parameters than the chosen ones.
func RunWith(all []*Series, p *volume.Parameters) []Scored {
	return Alarms(all, Rarities(all, p), p)
}

// Rarities are those of each row of each series. They do not depend on the parameters that say when an alarm begins.
func Rarities(all []*Series, p *volume.Parameters) [][]float64 {
	rarities := make([][]float64, len(all))
	for i, s := range all {
		d := volume.NewWith(p)
		rarities[i] = make([]float64, len(s.Values))
		for j, value := range s.Values {
			rarities[i][j] = d.Step(s.Times[j].Unix(), value).Rarity
		}
	}
	return rarities
}

// Alarms are those that rarities give.
func Alarms(all []*Series, rarities [][]float64, p *volume.Parameters) []Scored {
	scored := make([]Scored, len(all))
	for i, s := range all {
		scored[i].Series = s
		e := volume.NewExcursion(p)
		for j, rarity := range rarities[i] {
			if score, alarm := e.Step(rarity); alarm {
				scored[i].Alarms = append(scored[i].Alarms, Alarm{j, score})
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
		scores := make([]float64, len(s.Series.Values))
		for _, a := range s.Alarms {
			scores[a.Row] = a.Score
		}
		for i, score := range scores {
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
