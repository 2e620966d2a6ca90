package anomaly

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/catalog"
)

// The sentence that a person would say.

// title names an incident in a few words, the same from its first message to its last.
func (j *judge) title(f *fact) string {
	s := f.watch.subject
	if s.metric < 0 {
		if f.openedBy.finding.reason == Silence {
			return "No events from " + s.source
		}
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
	if f.watch.subject.metric < 0 {
		return j.ofSource(f, state)
	}
	what := j.what(f)
	switch {
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
	switch reason {
	case BelowLimit:
		text += ", below the limit of " + quantity(g.limit, g.unit)
	case AboveLimit:
		text += ", above the limit of " + quantity(g.limit, g.unit)
	}
	text += expectation(g)
	if lost := math.Round(g.lost); reason != Recovered && lost >= 1 && g.unit == Share {
		word := "lost"
		if j.catalog.Metrics[f.watch.subject.metric].Kind == catalog.TTFV {
			word = "late"
		}
		text += fmt.Sprintf(": about %s %s", people(lost), word)
	}
	return text + "."
}

// expectation says what was expected, when something was.
func expectation(g *finding) string {
	if math.IsNaN(g.expected.value) {
		return ""
	}
	text := ", expected " + quantity(g.expected.value, g.unit)
	if !math.IsNaN(g.expected.low) && !math.IsNaN(g.expected.high) {
		text += " (" + interval(g.expected.low, g.expected.high, g.unit) + ")"
	}
	return text
}

// what names the number: "Activation within 24 h (activated) of users who entered signup on 3 March".
func (j *judge) what(f *fact) string {
	m := &j.catalog.Metrics[f.watch.subject.metric]
	when := j.when(f.of.span, f.of.at)
	who := fmt.Sprintf("users who entered %s %s", j.catalog.Cohorts[m.Cohort].Name, when)
	g := &f.of.finding
	switch {
	case m.Kind == catalog.Adoption:
		return fmt.Sprintf("Adoption (%s) %s", m.Name, when)
	case g.unit == Seconds:
		return fmt.Sprintf("The median time to first value (%s) of %s", m.Name, who)
	case m.Kind == catalog.TTFV && g.ageMs == 0:
		return fmt.Sprintf("First value (%s) of %s", m.Name, who)
	case m.Kind == catalog.TTFV:
		return fmt.Sprintf("First value within %s (%s) of %s", duration(g.ageMs/1000), m.Name, who)
	}
	return fmt.Sprintf("Activation within %s (%s) of %s", duration(g.ageMs/1000), m.Name, who)
}

func (j *judge) ofSource(f *fact, state State) string {
	g, name := &f.of.finding, f.watch.subject.source
	since := time.Unix(f.of.span.start, 0).In(j.catalog.Location)
	switch {
	case f.openedBy.finding.reason != Silence && f.of.verdict == clear:
		return fmt.Sprintf("Recovered: %s sent %d events %s, which is usual.", name, g.k, j.when(f.of.span, f.of.at))
	case f.openedBy.finding.reason != Silence && f.of.verdict == expired:
		return fmt.Sprintf("%s: closed after two weeks, what was unusual is what is normal now: %d events %s.", name, g.k, j.when(f.of.span, f.of.at))
	case f.openedBy.finding.reason != Silence && state == NoData:
		return fmt.Sprintf("%s was silent: its volume cannot be judged.", name)
	case f.openedBy.finding.reason != Silence && state == Resolved:
		return fmt.Sprintf("%s: part of a graver incident from here on.", name)
	case f.openedBy.finding.reason != Silence:
		return fmt.Sprintf("%s sent %d events %s%s.", name, g.k, j.when(f.of.span, f.of.at), expectation(g))
	case state == Resolved:
		return fmt.Sprintf("Recovered: %s sends events again after %s of silence.", name, duration(f.of.span.end-f.of.span.start))
	}
	return fmt.Sprintf("%s has sent no event since %s (%s, for %s), although about %s were expected.",
		name, since.Format("2 January 15:04"), j.catalog.Timezone, duration(f.of.span.end-f.of.span.start), count(g.expected.value))
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
		return fmt.Sprintf("%s (%d of %d)", quantity(g.value, g.unit), g.k, g.n)
	}
	return fmt.Sprintf("%s (%s)", quantity(g.value, g.unit), people(float64(g.n)))
}

func only(g *finding) string { return "only " + people(float64(g.n)) }

func people(n float64) string {
	if n == 1 {
		return "1 user"
	}
	return count(n) + " users"
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
	if u == Share {
		return percent(low) + "–" + percent(high) + " %"
	}
	return quantity(low, u) + "–" + quantity(high, u)
}

// percent writes a share with two digits that mean something.
func percent(v float64) string {
	p := 100 * v
	digits := 0
	switch {
	case p == 0 || p >= 10 && p < 99.5 || p == 100:
	case p >= 1:
		digits = 1
	default:
		digits = 2
	}
	return strconv.FormatFloat(p, 'f', digits, 64)
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
