package anomaly

import (
	"fmt"
	"time"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// What makes a window unfit to be judged: people said beforehand that it would be unusual, or a source was silent that the
// metric depends on. Such a window is neither good nor bad, and is no history for others.

const (
	spoiltShare = 0.02 // of a metric's events that may be missing where a series is compared with its history
	entryShare  = 0.1  // of the events of an entry window that may be missing where a limit is judged
	minorSource = 0.05 // share of a metric's events below which a source does not matter
	shareDays   = 28   // before a silence, that say what share a source had
)

// excused returns the annotation that mutes a window of a metric, nil for none.
func (j *judge) excused(metric string, s span) *annotation.Annotation {
	for i := range j.evidence.Annotations {
		a := &j.evidence.Annotations[i]
		if a.Kind == annotation.Expected && a.Concerns(metric) && a.Overlaps(s.start*1000, s.end*1000, j.catalog.Location) {
			return a
		}
	}
	return nil
}

// doubts is why a window cannot be compared with others; zero when it can.
type doubts struct {
	why    string
	excuse *annotation.Annotation
}

func (d *doubts) any() bool { return d.why != "" }

// leaveOut notes that a day of the window is not counted, and why.
func (f *finding) leaveOut(day span, why string) {
	n := len(f.leftOut)
	if n > 0 && f.leftOut[n-1].end == day.start {
		f.leftOut[n-1].end, f.leftOut[n-1].last = day.end, day.last
	} else {
		f.leftOut = append(f.leftOut, day)
	}
	f.flags = append(f.flags, fmt.Sprintf("%s is left out: %s", day.first.Time().Format("2 January"), lowerFirst(why)))
}

// counted is the condition on instants of a column that leaves out what a finding does: "" or " AND NOT (…)".
func (f *finding) counted(column string) (condition string) {
	for _, s := range f.leftOut {
		condition += fmt.Sprintf(" AND NOT (%s >= %s AND %s < %s)", column, instant(s.start), column, instant(s.end))
	}
	return condition
}

// spoilt says why a window cannot be compared with others, users followed up to an age.
func (j *judge) spoilt(metric int, s span, ageMs int64) doubts {
	if a := j.excused(j.catalog.Metrics[metric].Name, s); a != nil {
		return doubts{mutedBy(a), a}
	}
	if lost, why := j.lost(j.eventsOf(metric), s.start, s.end+ageMs/1000, j.ready(s, ageMs)); lost >= spoiltShare {
		return doubts{why: why}
	}
	return doubts{}
}

// lost is the share of the events of some selectors that silence took from a stretch of time (Unix s), as far as it was known at
// a time, and whose silence that was.
func (j *judge) lost(selectors []int, from, until, at int64) (lost float64, why string) {
	for i := range j.silences {
		q := &j.silences[i]
		if q.known > at {
			continue
		}
		over := q.until
		if q.over > at {
			over = ongoing
		}
		silent := min(over, until) - max(q.from, from)
		if silent <= 0 {
			continue
		}
		share := j.share(q, selectors)
		if share < minorSource {
			continue
		}
		if part := share * float64(silent) / float64(until-from); part > lost {
			lost, why = part, fmt.Sprintf("source %s was silent from %s", q.source, time.Unix(q.from, 0).UTC().Format(time.RFC3339))
		}
	}
	return lost, why
}

// share is the part that a source had, before its silence, of the events that match a selector: the largest of some selectors.
func (j *judge) share(q *silentTime, selectors []int) (most float64) {
	before := j.cal.DayOf(q.from)
	for _, s := range selectors {
		key := shareKey{q.source, before, s}
		share, known := j.shares[key]
		if !known {
			share = j.shareOf(q.source, before, j.catalog.Selectors[s].Names)
			j.shares[key] = share
		}
		most = max(most, share)
	}
	return most
}

type shareKey struct {
	source   string
	before   calendar.Day
	selector int
}

// shareOf is a source's part of the events of some names, all when there are none, in the days before one.
func (j *judge) shareOf(source string, before calendar.Day, names []string) float64 {
	var all, own int64
	for i := range j.evidence.Sources {
		src := &j.evidence.Sources[i]
		n := src.sent(names, before)
		if all += n; src.Name == source {
			own = n
		}
	}
	if all == 0 {
		return 0
	}
	return float64(own) / float64(all)
}

// sent counts a source's events of some names, all when there are none, in the days before one.
func (s *Source) sent(names []string, before calendar.Day) (n int64) {
	of := func(byDay map[calendar.Day]int64) {
		for d := before - shareDays; d < before; d++ {
			n += byDay[d]
		}
	}
	if names == nil {
		for _, byDay := range s.Events {
			of(byDay)
		}
		return n
	}
	for _, name := range names {
		of(s.Events[name])
	}
	return n
}

// eventsOf are the selectors of the events that enter a metric's cohort or count in it.
func (j *judge) eventsOf(metric int) []int {
	m := &j.catalog.Metrics[metric]
	selectors := []int{j.catalog.Cohorts[m.Cohort].Entry}
	for _, s := range m.Steps {
		selectors = append(selectors, s.Selector)
	}
	if m.Active != catalog.NoSelector {
		selectors = append(selectors, m.Active)
	}
	return selectors
}
