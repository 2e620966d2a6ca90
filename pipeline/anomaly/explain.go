package anomaly

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"firstlight/pipeline/stats"
)

// Explaining a change by segments: which value's users changed, or whether only other users came. Segments explain, they do
// not page.

// Question asks how the values of all segments did in a window and in the days of its baseline.
type Question struct {
	Metric      int   // position in the catalog
	AgeMs       int64 // users count who got there by this age; adoption: 0
	Window      string
	Now, Before Period
}

// Period is a stretch of time: Unix seconds, end exclusive.
type Period struct{ Start, End int64 }

// Split is what a segment value counted.
type Split struct {
	Segment, Value string
	stats.Part
}

// Question returns what has to be known to explain a message; false when segments cannot explain it.
func (n *News) Question() (Question, bool) {
	if n.incident == nil {
		return Question{}, false
	}
	f := &n.incident.facts[n.step]
	g, s := &f.of.finding, f.of.span
	if f.watch.subject.metric < 0 || n.Message.State == Resolved || g.n == 0 || s.window == "1h" || g.baselineDays == 0 {
		return Question{}, false
	}
	return Question{
		Metric: f.watch.subject.metric, AgeMs: g.ageMs, Window: s.window,
		Now: Period{s.start, s.end}, Before: Period{g.baseline.start, min(g.baseline.end, s.start)},
	}, true
}

const (
	maxContributors = 5
	mostlyMix       = 0.5  // share of the change that the mix of users explains
	partlyMix       = 0.2  // the same, where the rest may be chance
	surely          = 3.0  // standard errors
	likely          = 2.0  // the same
	worthNaming     = 0.3  // share of the change that a value explains
	beyondShare     = 0.15 // by which that exceeds its share of the users
)

// explained is the change along one segment.
type explained struct {
	segment string
	splits  []Split
	stats.Decomposition
	evidence []float64 // that each value's rate changed, in the direction of the whole: log likelihood ratio
}

// Explain adds to the message which values of which segment account for the change.
func (n *News) Explain(splits []Split) {
	var best *explained
	for _, of := range bySegment(splits) {
		if e, ok := decompose(of); ok && (best == nil || e.better(best)) {
			best = &e
		}
	}
	if best == nil {
		return
	}
	m := &n.Message
	m.Mix = &Mix{Segment: best.segment, RateEffect: best.Rate, MixEffect: best.Mix, Cause: "rate"}
	if best.isMix() {
		m.Mix.Cause = "mix"
	}
	m.Contributors = best.contributors()
	if tail := best.inWords(m.Contributors); tail != "" {
		m.Summary = strings.TrimSuffix(m.Summary, ".") + "; " + tail + "."
	}
}

func bySegment(splits []Split) [][]Split {
	slices.SortStableFunc(splits, func(a, b Split) int { return cmp.Compare(a.Segment, b.Segment) })
	var all [][]Split
	for len(splits) > 0 {
		n := slices.IndexFunc(splits, func(s Split) bool { return s.Segment != splits[0].Segment })
		if n < 0 {
			n = len(splits)
		}
		all, splits = append(all, splits[:n]), splits[n:]
	}
	return all
}

func decompose(splits []Split) (explained, bool) {
	parts := make([]stats.Part, len(splits))
	for i, s := range splits {
		parts[i] = s.Part
	}
	d, ok := stats.Decompose(parts)
	e := explained{segment: splits[0].Segment, splits: splits, Decomposition: d}
	if !ok || d.Change == 0 {
		return e, false
	}
	e.evidence = make([]float64, len(splits))
	for i := range splits {
		if d.Effects[i].Rate/d.Change > 0 {
			e.evidence[i] = evidence(splits[i].Part)
		}
	}
	return e, true
}

// evidence is the log likelihood ratio of a value's rate having changed (Wilks 1938).
func evidence(p stats.Part) float64 {
	if p.Before.N == 0 || p.After.N == 0 {
		return 0
	}
	pooled := stats.Count{K: p.Before.K + p.After.K, N: p.Before.N + p.After.N}
	return logLikelihood(p.Before) + logLikelihood(p.After) - logLikelihood(pooled)
}

func logLikelihood(c stats.Count) float64 {
	term := func(k int) float64 {
		if k == 0 {
			return 0
		}
		return float64(k) * math.Log(float64(k)/float64(c.N))
	}
	return term(c.K) + term(c.N-c.K)
}

// isMix reports whether other users came, rather than users changing: the mix is no chance, and explains most of the change,
// or a part such that the rest may be chance. What was noticed is what chance has made larger, so there always is a rest.
func (e *explained) isMix() bool {
	part := e.Mix / e.Change
	if math.Abs(e.Rate) < surely*e.RateError {
		return part >= partlyMix && math.Abs(e.Mix) >= likely*e.MixError
	}
	return part >= mostlyMix && math.Abs(e.Mix) >= surely*e.MixError
}

// better prefers the segment along which the mix accounts for the change, then the one in which a single value changed most.
func (e *explained) better(other *explained) bool {
	if e.isMix() != other.isMix() {
		return e.isMix()
	}
	if e.isMix() {
		return e.Mix/e.Change > other.Mix/other.Change
	}
	return slices.Max(e.evidence) > slices.Max(other.evidence)
}

// contributors are the values, the one that stands out first, then by what they explain. Of rates that changed it is
// the one with the most evidence: that of a large value which changed as all others did is weak, though it explains much.
func (e *explained) contributors() []Contributor {
	var all []Contributor
	for i, s := range e.splits {
		c := Contributor{
			Segment: s.Segment, Value: s.Value, K: uint64(s.After.K), N: uint64(s.After.N),
			Rate: share(s.After), Expected: share(s.Before), RateEffect: e.Effects[i].Rate, MixEffect: e.Effects[i].Mix,
			Explains: e.Effects[i].Total() / e.Change,
		}
		all = append(all, c)
	}
	at := e.standsOut()
	first := all[at]
	all = slices.Delete(all, at, at+1)
	slices.SortStableFunc(all, func(a, b Contributor) int { return cmp.Compare(b.Explains, a.Explains) })
	all = append([]Contributor{first}, all...)
	return all[:min(len(all), maxContributors)]
}

// standsOut is the value that the change is about.
func (e *explained) standsOut() (first int) {
	by := e.evidence
	if e.isMix() {
		by = make([]float64, len(e.Effects))
		for i := range e.Effects {
			by[i] = e.Effects[i].Mix / e.Change
		}
	}
	for i := range by {
		if by[i] > by[first] {
			first = i
		}
	}
	return first
}

func share(c stats.Count) float64 {
	if c.N == 0 {
		return 0
	}
	return float64(c.K) / float64(c.N)
}

// inWords says what explains the change, when something does.
func (e *explained) inWords(contributors []Contributor) string {
	if e.isMix() {
		return fmt.Sprintf("other people came (by %s) rather than people doing less: the mix explains %.0f %%", e.segment, 100*min(1, e.Mix/e.Change))
	}
	top := contributors[0]
	users := 0
	for _, s := range e.splits {
		users += s.After.N
	}
	if top.Explains < worthNaming || top.Explains < beyondShare+float64(top.N)/float64(users) {
		return ""
	}
	return fmt.Sprintf("%s=%s explains %.0f %%", top.Segment, top.Value, 100*min(1, top.Explains))
}
