package nabscore

// Reading the benchmark's series and labelled windows from its folder.

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Series is one series of the benchmark.
type Series struct {
	Name   string // such as realTweets/Twitter_volume_AMZN.csv
	Times  []time.Time
	Values []float64

	windows []window

	once sync.Once
	rows []row // what an alarm at each is worth
}

// window is the rows in which an alarm is right, both ends included.
type window struct{ first, last int }

func (w window) width() float64 { return float64(w.last - w.first + 1) }

// Load reads windows.json of a folder and the series it names, in the order of their names.
func Load(dir string) ([]*Series, error) {
	text, err := os.ReadFile(filepath.Join(dir, "windows.json"))
	if err != nil {
		return nil, fmt.Errorf("read the labelled windows: %w", err)
	}
	var labels map[string][][2]string
	if err := json.Unmarshal(text, &labels); err != nil {
		return nil, fmt.Errorf("read the labelled windows: %w", err)
	}
	var all []*Series
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		s := &Series{Name: name}
		if err := s.read(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("series %s: %w", name, err)
		}
		if err := s.label(labels[name]); err != nil {
			return nil, fmt.Errorf("series %s: %w", name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (s *Series) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return err
	}
	for _, r := range records[1:] {
		at, err := time.Parse(time.DateTime, r[0])
		if err != nil {
			return err
		}
		value, err := strconv.ParseFloat(r[1], 64)
		if err != nil {
			return err
		}
		s.Times, s.Values = append(s.Times, at), append(s.Values, value)
	}
	return nil
}

func (s *Series) label(windows [][2]string) error {
	for _, bounds := range windows {
		var w window
		for i, place := range []*int{&w.first, &w.last} {
			at, err := time.Parse(time.DateTime, bounds[i])
			if err != nil {
				return err
			}
			if *place = slices.IndexFunc(s.Times, at.Equal); *place < 0 {
				return fmt.Errorf("no row is at %s, where a window starts or ends", bounds[i])
			}
		}
		s.windows = append(s.windows, w)
	}
	return nil
}
