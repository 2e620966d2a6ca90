package wander

// What detection is shown of a product.

import (
	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// Evidence is what detection sees when the last day has just ended.
func (h *History) Evidence() *anomaly.Evidence {
	e := &anomaly.Evidence{From: First, AsOf: start(len(h.days)), Metrics: make([]anomaly.Series, metrics)}
	for d := range h.days {
		for m := range 2 {
			e.Metrics[m].Days = append(e.Metrics[m].Days, h.days[d][0].followed(m))
		}
	}
	var uses []anomaly.Use
	for d := range h.uses {
		uses = append(uses, anomaly.Use{Start: start(d), Active: int64(h.uses[d][0].N), Adopters: int64(h.uses[d][0].K)})
	}
	e.Metrics[Feature].Uses = map[string][]anomaly.Use{"1d": uses}
	src := anomaly.Source{Name: "app", Hours: map[int64]int64{}, Events: map[string]map[calendar.Day]int64{}}
	for _, event := range []string{"joined", "built", "shared", "exported"} {
		src.Events[event] = map[calendar.Day]int64{}
	}
	for i, n := range h.hours {
		if n > 0 {
			src.Hours[start(0)+int64(i)*calendar.HourSeconds] = n
		}
		for _, days := range src.Events {
			days[First+calendar.Day(i/24)] += n / 10
		}
	}
	e.Sources = append(e.Sources, src)
	return e
}

func (g *group) followed(metric int) anomaly.Followed {
	f := anomaly.Followed{Entered: g.entered}
	for i, n := range g.ages[metric] {
		if n > 0 {
			f.Reached = append(f.Reached, anomaly.Age{UpperMs: int64(1000 * edges[i]), Users: n, SumMs: g.sums[metric][i]})
		}
	}
	return f
}

// Answer says what the values of all segments counted.
func (h *History) Answer(q anomaly.Question) []anomaly.Split {
	var all []anomaly.Split
	for s, kinds := range [][]kindOf{channels, plans} {
		for v, k := range kinds {
			at := 1 + v
			if s == 1 {
				at += len(channels)
			}
			split := anomaly.Split{Segment: [...]string{"channel", "plan"}[s], Value: k.name}
			split.Before, split.After = h.between(at, q, q.Before), h.between(at, q, q.Now)
			all = append(all, split)
		}
	}
	return all
}

// between counts a value's users of a period.
func (h *History) between(at int, q anomaly.Question, p anomaly.Period) (c stats.Count) {
	for d := range h.days {
		if start(d) < p.Start || start(d+1) > p.End {
			continue
		}
		if Metric(q.Metric) == Feature {
			c.K, c.N = c.K+h.uses[d][at].K, c.N+h.uses[d][at].N
			continue
		}
		g := &h.days[d][at]
		c.N += int(g.entered)
		for i, n := range g.ages[q.Metric] {
			if int64(1000*edges[i]) <= q.AgeMs {
				c.K += int(n)
			}
		}
	}
	return c
}
