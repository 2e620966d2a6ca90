package oracle

// Experiments, computed again: who saw which variant first, who is left out, and how the variants compare.

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"time"
)

// experiment is one of the catalog.
type experiment struct {
	Name        string
	Exposure    selector
	Variant     string
	Split       map[string]float64
	Control     any
	Metrics     []asked
	LeastEffect *float64 `json:"least_effect"`
	Until       string
}

// asked is a metric of an experiment: its name, or {metric: weekly_return, period: 4}.
type asked struct {
	Metric string
	Period *int
}

func (a *asked) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &a.Metric)
	}
	type plain asked
	return json.Unmarshal(data, (*plain)(a))
}

// dealt are the users of one variant, as one metric counts them.
type dealt struct{ users, eligible, successes, leftOut int }

func (b *batch) experiments() {
	for i := range b.catalog.Experiments {
		e := &b.catalog.Experiments[i]
		for _, a := range e.Metrics {
			b.experiment(e, a)
		}
	}
}

// variantOf is what an event shows of an experiment, empty where it is no exposure.
func (b *batch) variantOf(e *experiment, ev *event) string {
	last, err := time.Parse(time.DateOnly, e.Until)
	text := segmentValue(segment{Path: e.Variant}, ev)
	switch {
	case !e.Exposure.matches(ev) || text == "(none)":
		return ""
	case err == nil && b.catalog.calendar.dayOf(ev.at).date().After(last):
		return ""
	}
	return text
}

// row is what a variant is called in the view.
func (e *experiment) row(variant string) string {
	if _, listed := e.Split[variant]; listed {
		return variant
	}
	return "(other)"
}

func (b *batch) experiment(e *experiment, a asked) {
	m := *b.other(a.Metric)
	m.of = &cohort{Grain: "day", Entry: e.Exposure}
	m.of.Entry.also = func(ev *event) bool { return b.variantOf(e, ev) != "" }
	r, periods := m.kind.(*retention)
	members := b.members(&m)
	starts := map[string]*starter{}
	period := 1
	if periods {
		alone := *r
		alone.SplitBy = ""
		starts = alone.starts(b, members)
		if r.Target.Period != nil {
			period = *r.Target.Period
		}
		if a.Period != nil {
			period = *a.Period
		}
	}
	byUser := b.eventsByUser()
	counts, users := map[string]*dealt{}, []tried{}
	for _, mb := range members {
		u := tried{variant: e.row(b.variantOf(e, mb.entry)), on: mb.entryDay, over: b.asOf >= mb.dayEnd+int64(m.Within), success: mb.hasReached()}
		end := mb.entered + int64(m.Within)
		if periods {
			s := starts[mb.user]
			_, end = r.bounds(b.catalog.calendar, s, period)
			u.over, u.success = r.over(b, true, s, period), r.returned(b.catalog.calendar, s, period)
		}
		u.leftOut = u.over && b.sawAnother(e, u.variant, mb, byUser[mb.user], end)
		if counts[u.variant] == nil {
			counts[u.variant] = &dealt{}
		}
		u.count(counts[u.variant])
		users = append(users, u)
	}
	_, isTime := m.kind.(*ttfv)
	b.compareVariants(e, m.Name, (m.Direction == "down") == isTime, counts)
	b.variantsByDay(e, m.Name, fmt.Sprint(e.Control), users)
}

// sawAnother reports whether a user saw another variant than its own by a time.
func (b *batch) sawAnother(e *experiment, own string, mb *member, events []*event, end int64) bool {
	for _, ev := range events {
		again := ev == mb.entry || ev.at == mb.entered && ev.id != "" && ev.id == mb.entry.id
		if seen := b.variantOf(e, ev); seen != "" && e.row(seen) != own && !again && ev.at >= mb.entered && ev.at <= end {
			return true
		}
	}
	return false
}

func (b *batch) compareVariants(e *experiment, metric string, up bool, counts map[string]*dealt) {
	least := 0.02
	if e.LeastEffect != nil {
		least = *e.LeastEffect
	}
	p, control := dealtOtherwise(e.Split, counts), fmt.Sprint(e.Control)
	for variant, n := range counts {
		row := Row{
			"experiment": e.Name, "metric": metric, "variant": variant, "users": uint64(n.users), "eligible": uint64(n.eligible), "left_out": uint64(n.leftOut),
			"value": share(n.successes, n.eligible), "low": nil, "high": nil, "difference": nil, "difference_low": nil, "difference_high": nil,
			"fixed_low": nil, "fixed_high": nil, "srm_p": p, "verdict": "running", "as_of": instant(b.asOf),
		}
		if n.eligible > 0 {
			row["low"], row["high"] = wilson(n.successes, n.eligible)
		}
		other := counts[control]
		if _, listed := e.Split[variant]; listed && variant != control && other != nil && n.eligible > 0 && other.eligible > 0 {
			difference, low, high := alwaysValid(n, other, len(e.Split)-1)
			row["difference"], row["difference_low"], row["difference_high"] = difference, low, high
			_, row["fixed_low"], row["fixed_high"] = newcombe(n.successes, n.eligible, other.successes, other.eligible)
			switch {
			case low > 0 && up, high < 0 && !up:
				row["verdict"] = "better"
			case low > 0, high < 0:
				row["verdict"] = "worse"
			case low >= -least && high <= least:
				row["verdict"] = "no difference worth having"
			}
		}
		if p < 0.01 {
			row["verdict"] = "broken: sample ratio"
		}
		b.add("experiment_results", row, nil)
	}
}

// alwaysValid is the difference of two shares with an interval that holds however often one looks, all bounds found by trial: that of the mixture
// of normal likelihood ratios (Robbins 1970) which reaches 20 for each of the variants that are compared, and of score tests that reject there.
func alwaysValid(a, b *dealt, compared int) (difference, low, high float64) {
	n, m := float64(a.eligible), float64(b.eligible)
	p, q := float64(a.successes)/n, float64(b.successes)/m
	size := n * m / (n + m)
	once := 2 * math.Log(20)
	spread := 1000 / (once + math.Log(1+once))
	z := solve(0, 1000, func(z float64) bool {
		ratio := math.Log(spread/(spread+size))/2 + z*z*size/(2*(size+spread))
		return ratio < math.Log(20*float64(compared))
	})
	limits := func(p, n float64) (low, high float64) {
		rejected := func(t float64) bool { return (p-t)*(p-t)*n > z*z*t*(1-t) }
		low, high = solve(0, p, rejected), solve(p, 1, func(t float64) bool { return !rejected(t) })
		return low, high
	}
	pLow, pHigh := limits(p, n)
	qLow, qHigh := limits(q, m)
	return p - q, p - q - math.Hypot(p-pLow, qHigh-q), p - q + math.Hypot(pHigh-p, q-qLow)
}

// solve finds where a condition that holds below some point ends.
func solve(from, to float64, below func(float64) bool) float64 {
	for range 200 {
		if middle := (from + to) / 2; below(middle) {
			from = middle
		} else {
			to = middle
		}
	}
	return (from + to) / 2
}

// dealtOtherwise is the p-value of users having been dealt as a split says: users are drawn from Pólya's urns, one that starts with few balls and one
// with many, and each is a bet against the split.
func dealtOtherwise(split map[string]float64, counts map[string]*dealt) float64 {
	var names []string
	sum := 0.0
	for name, share := range split {
		names, sum = append(names, name), sum+share
	}
	sort.Strings(names)
	wealth := 0.0
	for _, balls := range []float64{2, 500} {
		log, drawn := 0.0, 0.0
		for _, name := range names {
			n := counts[name]
			if n == nil {
				continue
			}
			share := split[name] / sum
			for i := range n.users {
				log += math.Log((balls*share+float64(i))/(balls+drawn)) - math.Log(share)
				drawn++
			}
		}
		wealth += math.Exp(log) / 2
	}
	return math.Min(1, 1/wealth)
}
