package review

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// writer writes the review of one owner.
type writer struct {
	*Facts
	owner   string
	metrics []*Metric
	own     map[string]*Metric // by name
}

// moved says what changed beyond chance. Of many metrics one moves by chance soon, so their intervals are made wider, all of them
// together being right in 95 of 100 reviews (Bonferroni).
func (w *writer) moved() (items []Item) {
	var compared []*Metric
	for _, m := range w.metrics {
		if m.Change != nil && m.ChangeLow != nil && m.ChangeHigh != nil {
			compared = append(compared, m)
		}
	}
	for _, m := range compared {
		if m.beyondChance(len(compared)) {
			items = append(items, Item{Metric: m.Name, Text: m.movement()})
		}
	}
	switch rest := len(compared) - len(items); {
	case len(compared) == 0:
		return []Item{{Text: "Nothing can be compared yet: there are no two times four weeks of users who are old enough."}}
	case len(items) == 0 && len(compared) == 1:
		return []Item{{Text: "Nothing moved beyond chance: " + titled(compared[0].Name) + " is as it was four weeks ago."}}
	case len(items) == 0:
		return []Item{{Text: fmt.Sprintf("Nothing moved beyond chance (%d metrics).", len(compared))}}
	case rest > 0:
		items = append(items, Item{Text: fmt.Sprintf("Nothing else moved beyond chance (%s).", count(rest, "other metric"))})
	}
	return items
}

// beyondChance reports whether a change is beyond chance where so many are looked at.
func (m *Metric) beyondChance(compared int) bool {
	wider := normal(0.05/float64(compared)) / normal(0.05)
	return *m.Change-wider*(*m.Change-*m.ChangeLow) > 0 || *m.Change+wider*(*m.ChangeHigh-*m.Change) < 0
}

// normal is the distance from the mean that a normal deviate exceeds, on either side, with a probability.
func normal(p float64) float64 { return math.Sqrt2 * math.Erfinv(1-p) }

// movement says how a metric changed, and whether that is good.
func (m *Metric) movement() string {
	word, judged := "rose", "better"
	if *m.Change < 0 {
		word = "fell"
	}
	if (*m.Change < 0) != m.Down {
		judged = "worse"
	}
	return fmt.Sprintf("%s %s from %s to %s over four weeks, which is %s: %s, likely %s (%s).", titled(m.Name), word, m.value(*m.Previous), m.value(*m.Value),
		judged, m.change(*m.Change), m.between(*m.ChangeLow, *m.ChangeHigh), count(int(m.N), "user"))
}

func (w *writer) targets() (items []Item) {
	for _, m := range w.metrics {
		if m.Target == nil {
			continue
		}
		target := m.value(*m.Target)
		if m.TargetBy != nil {
			target += " by " + date(*m.TargetBy)
		}
		text := titled(m.Name) + " has no value yet; its target is " + target
		switch {
		case m.Value == nil || m.Pace == nil:
		case *m.Pace >= 1:
			text = fmt.Sprintf("%s is %s and has reached its target, %s", titled(m.Name), m.value(*m.Value), target)
		default:
			text = fmt.Sprintf("%s is %s, %.0f %% of its target of %s", titled(m.Name), m.value(*m.Value), math.Floor(100**m.Pace), target)
		}
		items = append(items, Item{Metric: m.Name, Text: text + w.left(m.TargetBy, m.Pace) + "."})
	}
	return items
}

// left says how much time is left for a target that is not reached.
func (w *writer) left(by *time.Time, pace *float64) string {
	if by == nil || pace != nil && *pace >= 1 {
		return ""
	}
	switch days := int(by.Sub(w.today()).Hours() / 24); {
	case days < 0:
		return ", and the day has passed"
	case days < 14:
		return ", " + count(days, "day") + " left"
	default:
		return ", " + count(days/7, "week") + " left"
	}
}

// incidents are those of the owner's metrics, and those of no metric, which concern everybody: who enters, what arrives, a pipeline
// that stands.
func (w *writer) incidents() (items []Item) {
	for _, i := range w.Incidents {
		if w.own[i.Metric] != nil || !slices.ContainsFunc(w.Metrics, func(m Metric) bool { return m.Name == i.Metric }) {
			items = append(items, Item{Metric: i.Metric, Text: fmt.Sprintf("Since %s (%s): %s", w.day(i.Since), i.Severity, sentence(i.Summary))})
		}
	}
	return items
}

// fresh is how long what became known is news.
const fresh = 7 * 24 * time.Hour

// actions says what became known in the last week of what was done, and what is not known yet.
func (w *writer) actions() (items []Item) {
	for i := range w.Actions {
		a := &w.Actions[i]
		m := w.own[a.Metric]
		if m == nil {
			continue
		}
		switch {
		case a.Verdict == "not known yet":
			items = append(items, Item{Metric: a.Metric, Text: fmt.Sprintf("“%s” (%s, for %s): not known yet whether it worked; it will be about %s.",
				a.Title, w.day(a.At), titled(a.Metric), w.day(a.KnownFrom))})
		case w.AsOf.Sub(a.KnownFrom) < fresh:
			items = append(items, Item{Metric: a.Metric, Text: fmt.Sprintf("“%s” (%s): %s", a.Title, w.day(a.At), a.Outcome())})
		}
	}
	return items
}

// Outcome says in sentences what an action did, once that is known.
func (a *Action) Outcome() string {
	if a.Verdict == "nobody to compare" || a.Before == nil || a.After == nil || a.Low == nil || a.High == nil {
		return "what it did cannot be said, nobody is there to compare."
	}
	rates := fmt.Sprintf("%s went from %s to %s in the four weeks after it", titled(a.Metric), percent(*a.Before), percent(*a.After))
	interval := "likely " + between(*a.Low, *a.High)
	expected := ""
	if a.Expects != nil {
		expected = fmt.Sprintf("; %s were expected", points(*a.Expects))
	}
	switch a.Verdict {
	case "no effect seen":
		return fmt.Sprintf("no effect seen. %s, which may be chance (%s%s).", rates, interval, expected)
	case "something else explains it":
		return fmt.Sprintf("%s, but something else explains it: %s.", rates, strings.Join(a.ExplainedBy, ", "))
	}
	return fmt.Sprintf("%s. %s (%s%s).", a.Verdict, rates, interval, expected)
}

func (w *writer) experiments() (items []Item) {
	for i := range w.Experiments {
		e := &w.Experiments[i]
		mine := e.Owner == w.owner || !w.isOwner(e.Owner) && w.own[e.Metric] != nil
		if !mine || e.Verdict == "running" || e.Verdict == "" {
			continue
		}
		text := fmt.Sprintf("%s: variant %s %s", titled(e.Name), e.Variant, e.standing())
		if e.Difference != nil && e.Low != nil && e.High != nil {
			text += fmt.Sprintf(" (%s %s, likely %s)", titled(e.Metric), points(*e.Difference), between(*e.Low, *e.High))
		}
		items = append(items, Item{Metric: e.Metric, Text: text + "."})
	}
	return items
}

// isOwner reports whether there is a review for somebody.
func (f *Facts) isOwner(owner string) bool {
	return slices.ContainsFunc(f.Metrics, func(m Metric) bool { return m.Owner == owner })
}

// standing says how a variant stands beside the control.
func (e *Experiment) standing() string {
	switch {
	case e.Verdict == "better" || e.Verdict == "worse":
		return "is " + e.Verdict
	case e.Verdict == "no difference worth having":
		return "makes " + e.Verdict
	case strings.HasPrefix(e.Verdict, "broken"):
		return "cannot be judged, users were not dealt as they were meant to be"
	}
	return "stands at: " + e.Verdict
}

func (w *writer) predictions() (items []Item) {
	for _, p := range w.Predictions {
		if w.own[p.Metric] == nil || p.Verdict != "does not" && p.Verdict != "predicts, but little" || p.Rate == nil || p.Other == nil {
			continue
		}
		words := "come back no more often than others"
		if p.Verdict != "does not" {
			words = "come back hardly more often than others"
		}
		items = append(items, Item{Metric: p.Metric, Text: fmt.Sprintf("%s: users who get there %s (%s: %s, of others %s). Is it worth watching?",
			titled(p.Metric), words, titled(p.Predicts), percent(*p.Rate), percent(*p.Other))})
	}
	return items
}

func (w *writer) reviews() (items []Item) {
	for _, m := range w.metrics {
		if m.Overdue && m.ReviewBy != nil {
			items = append(items, Item{Metric: m.Name, Text: fmt.Sprintf("%s was to be reviewed by %s: is it still worth watching?", titled(m.Name), date(*m.ReviewBy))})
		}
	}
	return items
}

// mostVoices is how many people are quoted.
const mostVoices = 3

// voices quotes the newest words of people, each once, without saying who they are.
func (w *writer) voices() (items []Item) {
	quotes := map[string]bool{}
	for i := range w.Voices {
		v := &w.Voices[i]
		if w.own[v.Metric] == nil || quotes[v.Who] || len(items) == mostVoices {
			continue
		}
		quotes[v.Who] = true
		whose := titled(v.Voice) + ", " + w.day(v.At)
		if v.Next != "" {
			whose += ", next would have been: " + v.Next
		}
		items = append(items, Item{Metric: v.Metric, Text: whose, Quote: quoted(v.Text)})
	}
	return items
}
