package faults

import (
	"sort"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// edges (s) are the upper ends of the buckets that ages are counted in.
var edges = func() []float64 {
	all := []float64{60, 300, 900, 1800, hour, 2 * hour, 4 * hour, 8 * hour, 12 * hour}
	for d := 1; d <= 30; d++ {
		all = append(all, float64(d)*day)
	}
	return all
}()

// History is what a product did, counted.
type History struct {
	// Entered are the users by day of entry.
	Entered []int

	days  [][]group // by day: everybody, then each of values
	uses  [][]stats.Count
	hours [][]int64 // events by source and hour

	entries map[int64]int64 // users by hour of entry (Unix s)
}

// group are users who entered together.
type group struct {
	entered int64
	reached [2]*buckets // activated and firstReport
}

type buckets struct {
	users [39]int64
	sumMs [39]int64
}

func (g *group) count(metric int, age float64) {
	if g.reached[metric] == nil {
		g.reached[metric] = &buckets{}
	}
	at := sort.SearchFloat64s(edges, age)
	g.reached[metric].users[at]++
	g.reached[metric].sumMs[at] += int64(1000 * age)
}

// by counts the users who got there by an age.
func (g *group) by(metric int, ageMs int64) (n int64) {
	if g.reached[metric] == nil {
		return 0
	}
	for i, edge := range edges {
		if int64(1000*edge) > ageMs {
			break
		}
		n += g.reached[metric].users[i]
	}
	return n
}

func (g *group) followed(metric int) anomaly.Followed {
	f := anomaly.Followed{Entered: g.entered}
	if b := g.reached[metric]; b != nil {
		for i, n := range b.users {
			if n > 0 {
				f.Reached = append(f.Reached, anomaly.Age{UpperMs: int64(1000 * edges[i]), Users: n, SumMs: b.sumMs[i]})
			}
		}
	}
	return f
}

// Evidence is what detection sees when the last day has just ended.
func (h *History) Evidence() *anomaly.Evidence {
	e := &anomaly.Evidence{
		From: First, AsOf: start(len(h.days)), Metrics: make([]anomaly.Series, len(names)),
	}
	for m := range []int{activated, firstReport} {
		for d := range h.days {
			e.Metrics[m].Days = append(e.Metrics[m].Days, h.days[d][0].followed(m))
		}
	}
	var uses []anomaly.Use
	for d := range h.uses {
		all := h.uses[d][0]
		uses = append(uses, anomaly.Use{Start: start(d), Active: int64(all.N), Adopters: int64(all.K)})
	}
	e.Metrics[exports].Uses = map[string][]anomaly.Use{"1d": uses}
	for s := range sources {
		e.Sources = append(e.Sources, h.source(s))
	}
	e.Cohorts = []anomaly.Entries{{Hours: h.entries}}
	return e
}

func (h *History) source(s int) anomaly.Source {
	src := anomaly.Source{Name: sources[s].name, Hours: map[int64]int64{}, Events: map[string]map[calendar.Day]int64{}}
	names := []string{"signed_up", "project_created", "report_shared", "export_run", "page"}
	for _, event := range names {
		src.Events[event] = map[calendar.Day]int64{}
	}
	for i, n := range h.hours[s] {
		if n > 0 {
			src.Hours[start(0)+int64(i)*calendar.HourSeconds] = n
		}
		for _, event := range names {
			src.Events[event][First+calendar.Day(i/24)] += n
		}
	}
	return src
}

// Answer says what the values of all segments counted.
func (h *History) Answer(q anomaly.Question) []anomaly.Split {
	all := make([]anomaly.Split, len(values))
	for v := range values {
		all[v] = anomaly.Split{Segment: values[v].segment, Value: values[v].name}
		all[v].Before, all[v].After = h.between(v, q, q.Before), h.between(v, q, q.Now)
	}
	return all
}

// between counts a value's users of a period.
func (h *History) between(v int, q anomaly.Question, p anomaly.Period) (c stats.Count) {
	for d := range h.days {
		if start(d) < p.Start || start(d+1) > p.End {
			continue
		}
		if q.Metric == exports {
			c.K, c.N = c.K+h.uses[d][1+v].K, c.N+h.uses[d][1+v].N
			continue
		}
		g := &h.days[d][1+v]
		c.K, c.N = c.K+int(g.by(q.Metric, q.AgeMs)), c.N+int(g.entered)
	}
	return c
}

// start of a day of the history, Unix s.
func start(d int) int64 { return (First + calendar.Day(d)).Time().Unix() }
