// Package nabscore scores alarms on the series of the Numenta Anomaly Benchmark by the benchmark's own rules
// (version 1.1). It is for tests and for the table of figures.
package nabscore

import (
	"cmp"
	"math"
	"slices"
)

// A Profile weighs hits, false alarms and misses.
type Profile struct {
	Name                    string
	Hit, FalseAlarm, Missed float64
}

// Profiles are those of the benchmark.
var Profiles = []Profile{
	{"standard", 1, 0.11, 1},
	{"reward_low_FP_rate", 1, 0.22, 1},
	{"reward_low_FN_rate", 1, 0.11, 2},
}

// Result is what one set of series earned under one profile.
type Result struct {
	Normalized  float64 // 100 is perfect, 0 is never an alarm
	Raw         float64
	Earned      float64 // Raw less that of never an alarm: what adds up over series
	Threshold   float64 // scores from here on are alarms
	WindowsHit  int
	Windows     int
	FalseAlarms int
}

// Scored is one series with the detector's alarms, in the order of rows.
type Scored struct {
	Series *Series
	Alarms []Alarm
}

// Alarm is a row with a score above 0. All other rows score 0.
type Alarm struct {
	Row   int
	Score float64
}

// The first rows of a series are not judged: this share of it, or of longestProbation rows when it is longer.
const (
	probation        = 0.15
	longestProbation = 5000
)

// row is one judged row: what an alarm there is worth before the weights, and the window it lies in, nil outside.
type row struct {
	score, worth float64
	window       *window
}

// Score finds the one threshold that earns most over all series, and what it earns: the benchmark's own protocol.
func Score(scored []Scored, p Profile) Result {
	return At(scored, p, Threshold(scored, p))
}

// Threshold is the one threshold that earns most over all series.
func Threshold(scored []Scored, p Profile) float64 {
	rows := judged(scored)
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.score, a.score) })
	earned := map[*window]float64{}
	threshold, total, best := never, 0.0, 0.0
	for i, r := range rows {
		switch {
		case r.window == nil:
			total += r.worth * p.FalseAlarm
		default:
			before, hit := earned[r.window]
			if !hit {
				before = -p.Missed
			}
			if worth := r.worth * p.Hit; worth > before {
				total += worth - before
				earned[r.window] = worth
			}
		}
		if last := i+1 == len(rows) || rows[i+1].score != r.score; last && total > best {
			threshold, best = r.score, total
		}
	}
	return threshold
}

// never is a threshold that no score reaches.
const never = 1.1

// At is what a given threshold earns.
func At(scored []Scored, p Profile, threshold float64) Result {
	r := Result{Threshold: threshold}
	earned := map[*window]float64{}
	for _, row := range judged(scored) {
		if row.score < threshold {
			continue
		}
		if row.window == nil {
			r.Raw += row.worth * p.FalseAlarm
			r.FalseAlarms++
			continue
		}
		before, hit := earned[row.window]
		if !hit {
			before = -p.Missed
		}
		earned[row.window] = max(before, row.worth*p.Hit)
	}
	null := 0.0
	for _, s := range scored {
		for i := range s.Series.windows {
			r.Windows++
			null -= p.Missed
			if worth, hit := earned[&s.Series.windows[i]]; hit {
				r.WindowsHit++
				r.Raw += worth
			} else {
				r.Raw -= p.Missed
			}
		}
	}
	r.Normalized = 100 * (r.Raw - null) / (float64(r.Windows)*p.Hit - null)
	r.Earned = r.Raw - null
	return r
}

// judged are the alarms after probation, of all series in order.
func judged(scored []Scored) []row {
	var rows []row
	for _, s := range scored {
		s.Series.once.Do(func() { s.Series.rows = s.Series.worth() })
		n := float64(len(s.Series.rows))
		first := int(math.Ceil(min(math.Floor(probation*n), probation*longestProbation)))
		for _, a := range s.Alarms {
			if a.Row >= first {
				r := s.Series.rows[a.Row]
				r.score = a.Score
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// worth is what an alarm at each row is worth: early in a window much, late little, outside a loss that starts small.
func (s *Series) worth() []row {
	rows := make([]row, len(s.Times))
	var current, previous *window
	next := 0
	for i := range rows {
		if next < len(s.windows) && i == s.windows[next].first {
			current = &s.windows[next]
			next++
		}
		switch {
		case current != nil:
			rows[i] = row{worth: squash(-float64(current.last-i+1)/current.width()) / squash(-1), window: current}
		case previous == nil:
			rows[i] = row{worth: -1}
		default:
			rows[i] = row{worth: squash(float64(i-previous.last) / (previous.width() - 1))}
		}
		if current != nil && i == current.last {
			previous, current = current, nil
		}
	}
	return rows
}

// squash maps a place relative to a window, -1 at its start and 0 at its end, to 1 … -1.
func squash(y float64) float64 {
	if y > 3 {
		return -1
	}
	return 2/(1+math.Exp(5*y)) - 1
}
