package anomaly

import (
	"fmt"
	"math"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stats"
)

// Guardrails: limits that people set. A breach needs the evidence and not only the point: the 95 % interval must
// exclude the limit. Where it does not, nothing is said.

// baselineWindows is how many windows before a breach say what was normal.
const baselineWindows = 28

// guardrail judges every complete window of a guardrail.
func (j *judge) guardrail(metric int, g *catalog.Guardrail) *watch {
	w := &watch{
		subject: subject{metric: metric}, severity: Severity(g.Severity), guardrail: true, consecutive: max(1, g.Consecutive),
		key: fmt.Sprintf("guardrail %s %s %s %s %v", g.Window, g.Age, limitText(g.Below), limitText(g.Above), g.Median),
	}
	if g.Period != nil {
		w.key += fmt.Sprint(" period ", *g.Period)
	}
	var before []tally
	age := j.age(metric, g)
	for _, s := range spans(j.window(g.Window), j.cal, j.evidence) {
		at := j.ready(s, age)
		if at > j.evidence.AsOf {
			break
		}
		v, f := j.limited(metric, g, s, age)
		v = j.doubt(metric, g, s, age, v, &f)
		if !g.Median {
			f.expect(before)
		}
		if v == clear || v == uncertain {
			before = append(before, tally{s, f.k, f.n})
			before = before[max(0, len(before)-baselineWindows):]
		}
		w.judgements = append(w.judgements, judgement{at: at, span: s, verdict: v, finding: f})
	}
	return w
}

// doubt lowers a verdict on numbers that are not whole: those of a muted window, or of one whose entries a silent source took,
// say nothing, and a breach that may come from what is missing of the time after is none.
func (j *judge) doubt(metric int, g *catalog.Guardrail, s span, age int64, v verdict, f *finding) verdict {
	at, events := j.ready(s, age), j.eventsOf(metric)
	if f.excuse = j.excused(j.catalog.Metrics[metric].Name, s); f.excuse != nil {
		f.flags = append(f.flags, mutedBy(f.excuse))
		return noData
	}
	if lost, silent := j.lost(events, s.start, s.end, at); lost >= entryShare {
		f.flags = append(f.flags, silent)
		return noData
	}
	lost, silent := j.lost(events, s.start, s.end+age/1000, at)
	if lost < spoiltShare {
		return v
	}
	f.flags = append(f.flags, silent)
	whole := min(float64(f.n), float64(f.k)/(1-min(lost, 0.99)))
	if _, high := stats.Wilson(whole, float64(f.n)); v == breach && f.reason == BelowLimit && !g.Median && high >= *g.Below {
		return uncertain
	}
	return v
}

func limitText(limit *float64) string {
	if limit == nil {
		return "-"
	}
	return fmt.Sprint(*limit)
}

// window returns the catalog's window of a name.
func (j *judge) window(name string) catalog.Window {
	for _, w := range j.catalog.Windows {
		if w.Name == name {
			return w
		}
	}
	panic("BUG: a guardrail on a window that the catalog does not list: " + name)
}

// age (ms) is how old users are when a guardrail compares them. A limit on the median is decided once users could have
// passed it.
func (j *judge) age(metric int, g *catalog.Guardrail) int64 {
	m := &j.catalog.Metrics[metric]
	switch {
	case g.Period != nil:
		return periodAge(m.Periods, *g.Period)
	case !m.Kind.Traits().ByAge:
		return 0
	case g.Median:
		return int64(1000 * max(orZero(g.Below), orZero(g.Above)))
	case g.Age > 0:
		return g.Age.Milliseconds()
	}
	return m.Within.Milliseconds()
}

func orZero(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

// limited compares one window with the limits.
func (j *judge) limited(metric int, g *catalog.Guardrail, s span, age int64) (verdict, finding) {
	f := finding{ageMs: age, limit: math.NaN(), lost: math.NaN(), p: math.NaN(), e: math.NaN(), expected: nothing()}
	var low, high float64
	if g.Median {
		f.unit, f.method, f.ageMs = Seconds, "95 % log-log interval of the Kaplan-Meier median beyond the limit", 0
		f.k, f.n, f.value, low, high = j.median(metric, s, j.ready(s, age))
		if math.IsInf(f.value, 1) {
			f.value = math.NaN()
		}
	} else {
		f.unit, f.method = Share, "95 % Wilson interval beyond the limit"
		if f.k, f.n = j.measure(metric, s, age); g.Period != nil {
			f.period = g.Period
			f.k, f.n = j.returned(metric, s, *g.Period)
		}
		f.value = float64(f.k) / float64(f.n)
		low, high = stats.Wilson(float64(f.k), float64(f.n))
	}
	if f.n == 0 || f.n < int64(g.MinSample) {
		f.limitNear(g, f.value)
		return noData, f
	}
	switch {
	case g.Below != nil && high < *g.Below:
		f.reason, f.limit = BelowLimit, *g.Below
		return breach, f
	case g.Above != nil && low > *g.Above:
		f.reason, f.limit = AboveLimit, *g.Above
		return breach, f
	}
	f.limitNear(g, f.value)
	if g.Below != nil && f.value < *g.Below || g.Above != nil && !(f.value <= *g.Above) {
		return uncertain, f
	}
	return clear, f
}

// limitNear names the limit that a value is nearest to, for windows that break none.
func (f *finding) limitNear(g *catalog.Guardrail, value float64) {
	f.reason, f.limit = BelowLimit, orZero(g.Below)
	if g.Below == nil || g.Above != nil && math.Abs(value-*g.Above) < math.Abs(value-*g.Below) {
		f.reason, f.limit = AboveLimit, *g.Above
	}
}

// tally is k of n in a window.
type tally struct {
	span span
	k, n int64
}

func nothing() estimate { return estimate{math.NaN(), math.NaN(), math.NaN()} }

// expect says what the windows before let expect: the share of all their users, and the 95 % interval in which the
// window's own share would then lie.
func (f *finding) expect(before []tally) {
	k, n := int64(0), int64(0)
	for _, t := range before {
		k, n = k+t.k, n+t.n
	}
	if n == 0 || f.n == 0 {
		return
	}
	first, last := before[0].span, before[len(before)-1].span
	f.baseline = span{window: first.window, start: first.start, end: last.end, first: first.first, last: last.last}
	f.baselineDays = int(last.last-first.first) + 1
	f.predict(stats.BetaBinomial{Alpha: float64(k) + 0.5, Beta: float64(n-k) + 0.5})
}

// predict fills in what a baseline expects of the finding's n users.
func (f *finding) predict(b stats.BetaBinomial) {
	low, high := b.Interval(int(f.n), 0.95)
	f.expected = estimate{b.Mean(), float64(low) / float64(f.n), float64(high) / float64(f.n)}
	f.lost = b.Mean()*float64(f.n) - float64(f.k)
}
