package anomaly

import (
	"fmt"
	"time"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/catalog"
)

// What makes a window unfit to be judged: people said beforehand that it would be unusual, or a source was silent that the
// metric depends on. Such a window is neither good nor bad, and is no history for others.

const (
	spoiltShare = 0.02 // of a metric's events that may be missing where a series is compared with its history
	entryShare  = 0.1  // of the events of an entry window that may be missing where a limit is judged
	minorSource = 0.05 // share of a metric's events below which a source does not matter
)

// muted says which annotation mutes a window of a metric; empty for none.
func (j *judge) muted(metric int, s span) string {
	name := j.catalog.Metrics[metric].Name
	for i := range j.evidence.Notes {
		a := &j.evidence.Notes[i]
		if a.Kind == annotation.Expected && a.Concerns(name) && a.Overlaps(s.start*1000, s.end*1000, j.catalog.Location) {
			return fmt.Sprintf("muted: %s", a.Title)
		}
	}
	return ""
}

// announced reports whether an annotation that concerns everything mutes a window.
func (j *judge) announced(s span) bool {
	for i := range j.evidence.Notes {
		a := &j.evidence.Notes[i]
		if a.Kind == annotation.Expected && a.Metric == "" && a.Overlaps(s.start*1000, s.end*1000, j.catalog.Location) {
			return true
		}
	}
	return false
}

// spoilt says why a window cannot be compared with others, users followed up to an age; empty when it can.
func (j *judge) spoilt(metric int, s span, ageMs int64) string {
	if why := j.muted(metric, s); why != "" {
		return why
	}
	if lost, why := j.lost(metric, s.start, s.end+ageMs/1000); lost >= spoiltShare {
		return why
	}
	return ""
}

// lost is the share of a metric's events that silence took from a stretch of time (Unix s), and whose silence that was.
func (j *judge) lost(metric int, from, until int64) (lost float64, why string) {
	for _, q := range j.silences {
		silent := min(q.until, until) - max(q.from, from)
		share := j.share(q.source, metric)
		if silent <= 0 || share < minorSource {
			continue
		}
		if part := share * float64(silent) / float64(until-from); part > lost {
			lost, why = part, fmt.Sprintf("source %s was silent from %s", q.source, time.Unix(q.from, 0).UTC().Format(time.RFC3339))
		}
	}
	return lost, why
}

// share is a source's part of the events that a metric counts.
func (j *judge) share(source string, metric int) float64 {
	names, any := j.eventsOf(metric)
	var all, own int64
	for i := range j.evidence.Sources {
		src := &j.evidence.Sources[i]
		for event, n := range src.Events {
			if !any && !names[event] {
				continue
			}
			all += n
			if src.Name == source {
				own += n
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(own) / float64(all)
}

// eventsOf names the events that enter a metric's cohort or count in it; any is set when every event does.
func (j *judge) eventsOf(metric int) (names map[string]bool, any bool) {
	m := &j.catalog.Metrics[metric]
	selectors := []int{j.catalog.Cohorts[m.Cohort].Entry}
	for _, s := range m.Steps {
		selectors = append(selectors, s.Selector)
	}
	if m.Kind == catalog.Adoption {
		selectors = append(selectors, m.Active)
	}
	names = map[string]bool{}
	for _, s := range selectors {
		if j.catalog.Selectors[s].Names == nil {
			return nil, true
		}
		for _, name := range j.catalog.Selectors[s].Names {
			names[name] = true
		}
	}
	return names, false
}
