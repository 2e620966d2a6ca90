package anomaly

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sentence that a person would say.

// title names an incident in a few words, the same from its first message to its last.
func (j *judge) title(f *fact) string {
	s := f.watch.subject
	silent := f.openedBy.finding.reason == Silence
	switch {
	case s.cohort != "" && silent:
		return "Nobody enters " + s.cohort
	case s.cohort != "":
		return "Fewer users enter " + s.cohort
	case s.metric < 0 && silent:
		return "No events from " + s.source
	case s.metric < 0 && f.watch.key == partialKey:
		return s.source + " loses events"
	case s.metric < 0:
		return "Unusual number of events from " + s.source
	}
	name := j.catalog.Metrics[s.metric].Name
	switch f.openedBy.finding.reason {
	case BelowLimit:
		return name + " is below its limit"
	case AboveLimit:
		return name + " is above its limit"
	case Slower:
		return name + " takes longer than usual"
	case Faster:
		return name + " takes less time than usual"
	case Rose:
		return name + " is higher than usual"
	}
	return name + " is lower than usual"
}

// sentence says what a fact is.
func (j *judge) sentence(f *fact, state State, reason Reason) string {
	g := &f.of.finding
	switch s := f.watch.subject; {
	case s.cohort != "":
		return j.ofEntries(f, state, reason)
	case s.metric < 0:
		return j.ofSource(f, state, reason)
	}
	what := j.what(f)
	switch {
	case reason == Muted:
		return j.mutedNow(f, what+": not judged")
	case reason == Superseded:
		return what + ": part of a graver incident from here on."
	case state == NoData && g.n == 0:
		return what + ": nobody to judge by, so it is unknown whether the problem goes on."
	case state == NoData:
		return fmt.Sprintf("%s: %s to judge by, so it is unknown whether the problem goes on.", what, only(g))
	case reason == Expired && f.of.verdict == noData:
		return what + ": closed, there was nothing to judge by for four weeks."
	case reason == Expired:
		return fmt.Sprintf("%s: closed after four weeks, what was unusual is what is normal now: %s.", what, amount(g))
	}
	text := fmt.Sprintf("%s is %s", what, amount(g))
	if reason == Recovered {
		text = fmt.Sprintf("Recovered: %s is %s", lowerFirst(what), amount(g))
	}
	switch {
	case reason == BelowLimit:
		text += ", below the limit of " + quantity(g.limit, g.unit)
	case reason == AboveLimit:
		text += ", above the limit of " + quantity(g.limit, g.unit)
	case reason == Recovered && math.IsNaN(g.expected.value) && !math.IsNaN(g.limit):
		text += ", the limit is " + quantity(g.limit, g.unit)
	}
	text += expectation(g)
	if lost := math.Round(g.lost); reason != Recovered && !f.beside && lost >= 1 && g.unit == Share {
		word := "lost"
		if j.catalog.Metrics[f.watch.subject.metric].Kind.Traits().Time != "" {
			word = "late"
		}
		text += fmt.Sprintf(": about %s %s", people(lost), word)
	}
	return text + "."
}

// expectation says what was expected, when something was. What a sentence calls expected excludes the value that it states.
func expectation(g *finding) string {
	e := g.expected
	switch {
	case math.IsNaN(e.value):
		return ""
	case math.IsNaN(e.low) || math.IsNaN(e.high):
		return ", expected " + quantity(e.value, g.unit)
	case e.low <= g.value && g.value <= e.high:
		return ", usual is " + interval(e.low, e.high, g.unit)
	}
	if more := finer(g); more > 0 {
		return fmt.Sprintf(", expected %s (%s–%s %%)", quantity(e.value, g.unit), percentTo(e.low, more), percentTo(e.high, more))
	}
	return ", expected " + quantity(e.value, g.unit) + " (" + interval(e.low, e.high, g.unit) + ")"
}

// finer is how many digits more it takes until a share that lies outside of what is expected is not written like an end of that: 30.6 %
// is not in 30.9–43 %, 31 % is in 31–43 %.
func finer(g *finding) (more int) {
	e := g.expected
	if g.unit != Share || !(g.value < e.low || g.value > e.high) {
		return 0
	}
	for more < 3 && slices.Contains([]string{percentTo(e.low, more), percentTo(e.high, more)}, percentTo(g.value, more)) {
		more++
	}
	return more
}

// what names the number: "Activation within 24 h (activated) of users who entered signup on 3 March".
func (j *judge) what(f *fact) string {
	m := &j.catalog.Metrics[f.watch.subject.metric]
	g, within := &f.of.finding, ""
	if g.ageMs > 0 {
		within = duration(g.ageMs / 1000)
	}
	if g.period != nil {
		within = strconv.Itoa(*g.period)
	}
	figure, when := m.Kind.Figure(m, within, g.unit == Seconds), j.when(f.of.span, f.of.at)
	switch {
	case g.period != nil:
		return fmt.Sprintf("%s of users of %s who started %s", figure, j.catalog.Cohorts[m.Cohort].Name, when)
	case !m.Kind.Traits().ByAge:
		return figure + " " + when
	}
	return fmt.Sprintf("%s of users who entered %s %s", figure, j.catalog.Cohorts[m.Cohort].Name, when)
}

// when says in local dates which window it is.
func (j *judge) when(s span, at int64) string {
	first, last := s.first.Time(), s.last.Time()
	format := "2 January"
	if first.Year() != time.Unix(at, 0).UTC().Year() {
		format = "2 January 2006"
	}
	switch {
	case s.window == "1h":
		start := time.Unix(s.start, 0).In(j.catalog.Location)
		return fmt.Sprintf("on %s, %s to %s", first.Format(format), start.Format("15:04"), start.Add(time.Hour).Format("15:04"))
	case s.window == "1mo":
		return "in " + first.Format("January 2006")
	case s.window == "1w":
		return "in the week of " + first.Format(format)
	case s.first == s.last:
		return "on " + first.Format(format)
	case first.Month() == last.Month() && first.Year() == last.Year() && format == "2 January":
		return fmt.Sprintf("from %d to %s", first.Day(), last.Format(format))
	}
	return fmt.Sprintf("from %s to %s", first.Format(format), last.Format(format))
}

// amount is a value with what it was counted from.
func amount(g *finding) string {
	if math.IsNaN(g.value) {
		if g.unit == Seconds {
			return "not reached"
		}
		return "unknown"
	}
	if g.unit == Share {
		return fmt.Sprintf("%s %% (%d of %d)", percentTo(g.value, finer(g)), g.k, g.n)
	}
	return fmt.Sprintf("%s (%s)", quantity(g.value, g.unit), people(float64(g.n)))
}

func only(g *finding) string { return "only " + people(float64(g.n)) }

func people(n float64) string { return counted(n, "user") }

// counted says "1 user" or "12 users".
func counted(n float64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + one + "s"
}

func count(n float64) string {
	if n < 10 && n != math.Round(n) {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(math.Round(n), 'f', 0, 64)
}

func quantity(v float64, u Unit) string {
	switch u {
	case Share:
		return percent(v) + " %"
	case Seconds:
		return duration(int64(math.Round(v)))
	}
	return count(v)
}

// interval writes two ends with one unit.
func interval(low, high float64, u Unit) string {
	from, to := quantity(low, u), quantity(high, u)
	switch {
	case from == to:
		return from
	case u == Share:
		return percent(low) + "–" + percent(high) + " %"
	}
	return from + "–" + to
}

// percent writes a share with two digits that mean something. Only all is 100, and only nothing is 0.
func percent(v float64) string { return percentTo(v, 0) }

// percentTo is percent with some digits more.
func percentTo(v float64, more int) string {
	p := 100 * v
	switch {
	case p == 0 || p == 100:
		return strconv.FormatFloat(p, 'f', 0, 64)
	case p >= 9.95 && p < 99.5:
		return strconv.FormatFloat(p, 'f', more, 64)
	case p >= 99.995 && p < 100:
		return ">99.99"
	case p > 0 && p < 0.005:
		return "<0.01"
	case p >= 99.95:
		return strconv.FormatFloat(p, 'f', 2+more, 64)
	case p >= 0.995:
		return strconv.FormatFloat(p, 'f', 1+more, 64)
	}
	return strconv.FormatFloat(p, 'f', 2+more, 64)
}

// duration writes seconds in at most two units.
func duration(s int64) string {
	units := []struct {
		name string
		of   int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	if s < 2*86400 { // "24 h" is what people say
		units = units[1:]
	}
	var parts []string
	for i, u := range units {
		if n := s / u.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			s -= n * u.of
			if i+1 < len(units) {
				if n := s / units[i+1].of; n > 0 {
					parts = append(parts, fmt.Sprintf("%d %s", n, units[i+1].name))
				}
			}
			break
		}
	}
	if parts == nil {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
