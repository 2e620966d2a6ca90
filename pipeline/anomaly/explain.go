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
	AgeMs       int64 // users count who got there by this age; 0 where they are counted by window
	Returns     *int  // users count who came back in this period since their start; nil for other kinds
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

// Questions are what has to be known to explain a message, none when segments cannot. The first is about its windows; the others begin a
// little earlier and later, because when a change began is an estimate: who explains it must do so for days around that as well.
func (n *News) Questions() []Question {
	if n.incident == nil {
		return nil
	}
	f := &n.incident.facts[n.step]
	g, s := &f.of.finding, f.of.span
	if f.watch.subject.metric < 0 || n.Message.State == Resolved || g.n == 0 || s.window == "1h" || g.baselineDays == 0 {
		return nil
	}
	all := []Question{{
		Metric: f.watch.subject.metric, AgeMs: g.ageMs, Returns: g.period, Window: s.window,
		Now: Period{s.start, s.end}, Before: Period{g.baseline.start, min(g.baseline.end, s.start)},
	}}
	for _, start := range g.starts {
		q := all[0]
		q.Now.Start, q.Before.End = start, min(q.Before.End, start)
		all = append(all, q)
	}
	return all
}

const (
	maxContributors = 5
	mostlyMix       = 0.5  // share of the change that the mix of users explains
	partlyMix       = 0.2  // the same, where the rest may be chance
	surely          = 3.0  // standard errors
	likely          = 2.5  // the same
	wanders         = 0.03 // of itself: a value's odds differ by so much from what all others' do, without anything having happened
	drifts          = 0.05 // of itself: a rate of some days differs by so much from that of the weeks before
	differs         = 0.1  // of itself: the same of a single day
	otherPeople     = 7.0  // log likelihood ratio, beyond half of the values, by which the shares of the values are others than before
	apart           = 2.5  // standard errors by which the odds of one value fall more than those of all others
	worthNaming     = 0.3  // share of the change that a value explains
)

// explained is the change along one segment.
type explained struct {
	segment string
	splits  []Split
	stats.Decomposition
	days  float64   // of the change
	out   []float64 // how likely it is that a value stands out, see standout
	alone []float64 // log likelihood ratio of each value having changed alone, in the direction of the whole, against all having changed alike
	apart []float64 // standard errors by which its odds changed more than those of the other values, in the direction of the whole
}

// Explain adds to the message which values of which segment account for the change, or that none does, by the answers to its questions in
// their order.
func (n *News) Explain(splits []Split, others ...[]Split) {
	var best *explained
	for _, of := range bySegment(splits) {
		if e, ok := decompose(of, others, n.Message.WindowEnd.Sub(n.Message.WindowStart).Hours()/24); ok && (best == nil || e.better(best)) {
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
	m.Explained = best.isMix() || best.blames(m.Contributors[0])
	m.Summary = strings.TrimSuffix(strings.TrimSuffix(m.Summary, n.tail), ".") + "; " + best.inWords(m.Contributors) + "." + n.tail
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

func decompose(splits []Split, others [][]Split, days float64) (explained, bool) {
	parts := make([]stats.Part, len(splits))
	var whole stats.Part
	for i, s := range splits {
		parts[i] = s.Part
		whole = stats.Part{Before: plus(whole.Before, s.Before, 1), After: plus(whole.After, s.After, 1)}
	}
	d, ok := stats.Decompose(parts)
	e := explained{segment: splits[0].Segment, splits: splits, Decomposition: d, days: days}
	if !ok || d.Change == 0 {
		return e, false
	}
	e.out = e.standouts(parts, others)
	e.alone, e.apart = make([]float64, len(splits)), make([]float64, len(splits))
	for i, p := range parts {
		others := stats.Part{Before: plus(whole.Before, p.Before, -1), After: plus(whole.After, p.After, -1)}
		away, alike := fellApart(p, others)
		e.apart[i] = math.Copysign(1, d.Change) * away
		if e.alone[i] = alike - evidence(others); d.Effects[i].Rate/d.Change <= 0 {
			e.alone[i], e.out[i] = math.Inf(-1), math.Inf(-1)
		}
	}
	return e, true
}

// standouts is standout in the mean of the windows.
func (e *explained) standouts(parts []stats.Part, others [][]Split) []float64 {
	windows := [][]float64{standout(parts, e.Change < 0)}
	for _, other := range others {
		counted := make([]stats.Part, len(e.splits))
		for i, s := range e.splits {
			if at := slices.IndexFunc(other, func(o Split) bool { return o.Segment == s.Segment && o.Value == s.Value }); at >= 0 {
				counted[i] = other[at].Part
			}
		}
		windows = append(windows, standout(counted, e.Change < 0))
	}
	all := make([]float64, len(parts))
	for i := range all {
		logs := make([]float64, len(windows))
		for w := range windows {
			logs[w] = windows[w][i]
		}
		all[i] = logSum(logs) - math.Log(float64(len(windows)))
	}
	return all
}

func plus(a, b stats.Count, times int) stats.Count {
	return stats.Count{K: a.K + times*b.K, N: a.N + times*b.N}
}

// fellApart is by how many standard errors the odds of a value rose more than those of the others: the root of the likelihood ratio
// of two odds ratios against one for both, less what values wander by themselves; and the logarithm of that ratio.
func fellApart(value, others stats.Part) (apart, alike float64) {
	a, va := oddsRatio(value)
	b, vb := oddsRatio(others)
	both := func(ratio float64) float64 { return against(value, ratio) + against(others, ratio) }
	low, high := min(a, b), max(a, b)
	for range 40 { // the sum is convex in between
		third := (high - low) / 3
		if both(low+third) < both(high-third) {
			high -= third
		} else {
			low += third
		}
	}
	known := math.Sqrt((va + vb) / (va + vb + 2*wanders*wanders))
	alike = max(0, both(low))
	return math.Copysign(known*math.Sqrt(2*alike), a-b), alike
}

// against is the log likelihood ratio of a part's counts against odds that changed by exp(ratio).
func against(p stats.Part, ratio float64) float64 {
	if p.Before.N == 0 || p.After.N == 0 {
		return 0
	}
	low, high := -30.0, 30.0 // log odds before
	for range 50 {
		x := (low + high) / 2
		if float64(p.Before.N)*chance(x)+float64(p.After.N)*chance(x+ratio) < float64(p.Before.K+p.After.K) {
			low = x
		} else {
			high = x
		}
	}
	return logLikelihood(p.Before) + logLikelihood(p.After) - likelihoodAt(p.Before, low) - likelihoodAt(p.After, low+ratio)
}

func chance(logOdds float64) float64 { return 1 / (1 + math.Exp(-logOdds)) }

func likelihoodAt(c stats.Count, logOdds float64) float64 {
	return float64(c.K)*math.Log(chance(logOdds)) + float64(c.N-c.K)*math.Log(chance(-logOdds))
}

// oddsRatio is the logarithm of the odds after over those before, with its variance.
func oddsRatio(p stats.Part) (log, variance float64) {
	for _, c := range []struct{ n, sign float64 }{
		{float64(p.After.K), 1}, {float64(p.After.N - p.After.K), -1}, {float64(p.Before.K), -1}, {float64(p.Before.N - p.Before.K), 1},
	} {
		log += c.sign * math.Log(c.n+0.5)
		variance += 1 / (c.n + 0.5)
	}
	return log, variance
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

// isMix reports whether other users came, rather than users changing: that is no chance, and it explains most of the change, or a
// part such that the rest may be what rates wander by. What was noticed is what chance has made larger, so there always is a rest.
func (e *explained) isMix() bool {
	part := e.Mix / e.Change
	if math.Abs(e.Mix) < surely*e.MixError && e.othersCame() < otherPeople+float64(len(e.splits))/2 {
		return false
	}
	var before stats.Count
	for i := range e.splits {
		before = plus(before, e.splits[i].Before, 1)
	}
	rest := math.Hypot(e.RateError, math.Hypot(drifts, differs/math.Sqrt(max(1, e.days)))*share(before))
	return part >= mostlyMix || part >= partlyMix && math.Abs(e.Rate) < likely*rest
}

// othersCame is the log likelihood ratio of the shares of the values among the users having changed (Wilks 1938).
func (e *explained) othersCame() (log float64) {
	var before, after float64
	for i := range e.splits {
		before, after = before+float64(e.splits[i].Before.N), after+float64(e.splits[i].After.N)
	}
	for i := range e.splits {
		b, a := float64(e.splits[i].Before.N), float64(e.splits[i].After.N)
		both := (b + a) / (before + after)
		if b > 0 {
			log += b * math.Log(b/before/both)
		}
		if a > 0 {
			log += a * math.Log(a/after/both)
		}
	}
	return log
}

// better prefers the segment along which the mix accounts for the change, then the one of which it is likeliest that a single value
// changed alone.
func (e *explained) better(other *explained) bool {
	if e.isMix() != other.isMix() {
		return e.isMix()
	}
	if e.isMix() {
		return e.Mix/e.Change > other.Mix/other.Change
	}
	return slices.Max(e.out) > slices.Max(other.out)
}

// contributors are the values, the one that stands out first, then by what they explain. Of rates that changed it is
// the one that is likeliest to have changed alone: a large value which changed as all others did explains much, and is not.
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
	by := e.out
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

// blames reports whether the value that stands out did so beyond chance, alone rather than with all others, and accounts for much of the
// change.
func (e *explained) blames(top Contributor) bool {
	at := e.standsOut()
	return e.apart[at] >= apart && e.alone[at] > 0 && top.Explains >= worthNaming
}

// inWords says what explains the change, or that nothing does: a fault that is everywhere has no value to blame.
func (e *explained) inWords(contributors []Contributor) string {
	if e.isMix() {
		return fmt.Sprintf("other people came (by %s) rather than people doing less: the mix explains %.0f %%", e.segment, 100*min(1, e.Mix/e.Change))
	}
	top := contributors[0]
	if !e.blames(top) {
		return "no single segment explains it"
	}
	return fmt.Sprintf("%s=%s explains %.0f %%", top.Segment, top.Value, 100*min(1, top.Explains))
}
