package anomaly

import (
	"fmt"
	"math"
	"time"
)

// The sentences about sources, and about the users who enter a cohort.

func (j *judge) ofSource(f *fact, state State, reason Reason) string {
	name := f.watch.subject.source
	switch {
	case reason == Superseded:
		return name + ": part of a graver incident from here on."
	case reason == Muted:
		return j.mutedNow(f, name+" is not waited for")
	case reason == Retired && f.watch.key == partialKey:
		return name + " is not waited for any more, as the catalog says."
	case reason == Retired:
		return j.retiredNow(f, name)
	case f.openedBy.finding.reason == Silence && state == Resolved:
		return fmt.Sprintf("Recovered: %s sends events again after %s of silence.", name, duration(f.of.span.end-f.of.span.start))
	case f.openedBy.finding.reason == Silence:
		return fmt.Sprintf("%s has sent no event since %s, although about %s were expected.", name, j.since(&f.of.span), count(f.of.finding.expected.value))
	case f.watch.key == partialKey:
		return j.ofLoss(f, state, reason)
	}
	return j.ofVolume(f, state, reason)
}

func (j *judge) ofVolume(f *fact, state State, reason Reason) string {
	g, name, when := &f.of.finding, f.watch.subject.source, j.when(f.of.span, f.of.at)
	switch {
	case reason == Recovered:
		return fmt.Sprintf("Recovered: %s sent %s %s, usual are %s.", name, counted(float64(g.k), "event"), when, interval(g.expected.low, g.expected.high, Events))
	case reason == Expired:
		return fmt.Sprintf("%s: closed after two weeks, what was unusual is what is normal now: %s %s.", name, counted(float64(g.k), "event"), when)
	case state == NoData:
		return fmt.Sprintf("%s was silent: its volume cannot be judged.", name)
	}
	return fmt.Sprintf("%s sent %s %s%s.", name, counted(float64(g.k), "event"), when, expectation(g))
}

// ofLoss is what is said of hours in which a part of the events is lost.
func (j *judge) ofLoss(f *fact, state State, reason Reason) string {
	g, name := &f.of.finding, f.watch.subject.source
	switch {
	case reason == Recovered:
		return fmt.Sprintf("Recovered: %s sent %s since %s, usual are %s.", name, counted(float64(g.k), "event"), j.since(&f.of.span), interval(g.expected.low, g.expected.high, Events))
	case reason == Expired:
		return fmt.Sprintf("%s: closed after two weeks, what was unusual is what is normal now: %s since %s.", name, counted(float64(g.k), "event"), j.since(&f.of.span))
	case state == Resolved:
		return fmt.Sprintf("%s: its events cannot be judged for now.", name)
	}
	return fmt.Sprintf("%s loses events: %d came since %s%s: %s %% are missing.", name, g.k, j.since(&f.of.span), expectation(g), percent(1-g.value/g.expected.value))
}

// retiredNow says that a source is not waited for any more, and why.
func (j *judge) retiredNow(f *fact, name string) string {
	since := j.since(&f.of.span)
	if g := &f.of.finding; g.gone {
		pause := "it never paused for an hour before"
		if g.usualPause > 0 {
			pause = "its longest usual pause is " + duration(g.usualPause)
		}
		return fmt.Sprintf("%s is taken as retired: it has sent no event since %s, and %s. It is not waited for any more; when it sends again, it is watched again.", name, since, pause)
	}
	return fmt.Sprintf("%s is not waited for any more, as the catalog says; it has sent no event since %s.", name, since)
}

// ofEntries is what is said of the users who enter a cohort.
func (j *judge) ofEntries(f *fact, state State, reason Reason) string {
	g, cohort, when := &f.of.finding, f.watch.subject.cohort, j.when(f.of.span, f.of.at)
	nobody := f.watch.key == "silence"
	switch {
	case reason == Superseded:
		return "Entries into " + cohort + ": part of a graver incident from here on."
	case reason == Muted:
		return j.mutedNow(f, "Entries into "+cohort+" are not judged")
	case reason == Recovered && nobody:
		return fmt.Sprintf("Recovered: users enter %s again, after %s without any.", cohort, duration(f.of.span.end-f.of.span.start))
	case reason == Recovered:
		return fmt.Sprintf("Recovered: %s entered %s %s, usual are %s.", people(float64(g.k)), cohort, when, interval(g.expected.low, g.expected.high, Users))
	case reason == Expired:
		return fmt.Sprintf("Entries into %s: closed after four weeks, so many are usual now: %s %s.", cohort, people(float64(g.k)), when)
	case state == NoData:
		return "Entries into " + cohort + ": nothing to judge by, so it is unknown whether the problem goes on."
	case nobody:
		return fmt.Sprintf("Nobody has entered %s since %s, although about %s were expected.", cohort, j.since(&f.of.span), people(math.Round(g.expected.value)))
	case g.k == 0:
		return fmt.Sprintf("Nobody entered %s %s%s.", cohort, when, expectation(g))
	}
	return fmt.Sprintf("%s entered %s %s%s: about %s fewer.", people(float64(g.k)), cohort, when, expectation(g), people(math.Round(g.lost)))
}

// mutedNow says which note ends an incident.
func (j *judge) mutedNow(f *fact, what string) string {
	return mutedBy(f.of.finding.excuse) + ": " + what + " meanwhile."
}

// since names the time from which something is missing: "2 February 12:00 (UTC, for 1 h)".
func (j *judge) since(s *span) string {
	return fmt.Sprintf("%s (%s, for %s)", time.Unix(s.start, 0).In(j.catalog.Location).Format("2 January 15:04"), j.catalog.Timezone, duration(s.end-s.start))
}
