package oracle

// Users of a cohort and what they reached of a metric.

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

const never = int64(-1) << 62

// member is one entered user as one metric sees it.
type member struct {
	user        string
	entered     int64
	hourEnd     int64 // of the local hour of entry
	dayEnd      int64 // of the local day of entry
	entryDay    day
	cohortStart day
	segments    map[string]string
	goals       []int64 // when each goal was reached; never
	reached     int64   // when the metric was reached; never
	lastSeen    int64
}

func (m *member) hasReached() bool { return m.reached != never }

// seconds from entry to reaching the metric.
func (m *member) seconds() float64 { return float64(m.reached-m.entered) / 1000 }

// done counts the goals reached.
func (m *member) done() int {
	n := 0
	for _, at := range m.goals {
		if at != never {
			n++
		}
	}
	return n
}

// eventsByUser splits the applied events by user, each in order.
func (b *batch) eventsByUser() map[string][]*event {
	users := map[string][]*event{}
	for _, e := range b.events {
		users[e.user] = append(users[e.user], e)
	}
	return users
}

// members returns the users who entered the metric's cohort, by user id.
func (b *batch) members(m *metric) []*member {
	var all []*member
	for user, events := range b.eventsByUser() {
		entry := findEntry(m.of, events)
		if entry == nil {
			continue
		}
		cal := b.catalog.calendar
		d := cal.dayOf(entry.at)
		mb := &member{
			user: user, entered: entry.at,
			hourEnd: cal.hour(entry.at) + 3_600_000, dayEnd: cal.start(d + 1),
			entryDay: d, cohortStart: cal.grain(m.of.Grain, d),
			segments: segmentValues(m.of, entry),
			lastSeen: events[len(events)-1].at,
		}
		mb.goals = goalTimes(m, serving(m, entry, events))
		mb.reached = whenReached(mb.goals)
		all = append(all, mb)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].user < all[j].user })
	return all
}

// findEntry is the earliest event that matches; events are in order, ties included.
func findEntry(c *cohort, events []*event) *event {
	for _, e := range events {
		if c.Entry.FirstSeen || c.Entry.matches(e) {
			return e
		}
	}
	return nil
}

// serving are the events that may serve a goal: from entry to entry + within, both inclusive, and for
// activation and ttfv not the entry itself, unless any event may be the entry.
func serving(m *metric, entry *event, events []*event) []*event {
	var out []*event
	for _, e := range events {
		again := e == entry || e.at == entry.at && e.id != "" && e.id == entry.id
		switch {
		case e.at < entry.at:
		case m.Within > 0 && e.at > entry.at+int64(m.Within):
		case again && m.Kind != "adoption" && !m.of.Entry.FirstSeen:
		default:
			out = append(out, e)
		}
	}
	return out
}

func goalTimes(m *metric, events []*event) []int64 {
	if m.Order == "sequence" {
		return sequenceTimes(m.Steps, events)
	}
	var times []int64
	for _, goal := range m.goals() {
		at, left := never, goal.Count
		for _, e := range events {
			if left > 0 && goal.matches(e) {
				left--
				if left == 0 {
					at = e.at
				}
			}
		}
		times = append(times, at)
	}
	return times
}

// sequenceTimes takes the steps one after the other. A step takes unused events at or after the step before,
// earliest first; of equal times first those that no later step could use, then by message id.
func sequenceTimes(steps []selector, events []*event) []int64 {
	used := map[*event]bool{}
	from := int64(-1) << 61
	times := make([]int64, len(steps))
	for i := range times {
		times[i] = never
	}
	for i, step := range steps {
		var candidates []*event
		for _, e := range events {
			if e.at >= from && !used[e] && step.matches(e) {
				candidates = append(candidates, e)
			}
		}
		sort.SliceStable(candidates, func(x, y int) bool {
			a, b := candidates[x], candidates[y]
			if a.at != b.at {
				return a.at < b.at
			}
			return !wanted(steps[i+1:], a) && wanted(steps[i+1:], b)
		})
		if len(candidates) < step.Count {
			break
		}
		for _, e := range candidates[:step.Count] {
			used[e] = true
			from = e.at
		}
		times[i] = from
	}
	return times
}

func wanted(steps []selector, e *event) bool {
	for _, s := range steps {
		if s.matches(e) {
			return true
		}
	}
	return false
}

// whenReached is the latest goal, or never when one is missing.
func whenReached(goals []int64) int64 {
	latest := int64(-1) << 61
	for _, at := range goals {
		if at == never {
			return never
		}
		latest = max(latest, at)
	}
	return latest
}

// segmentValues reads the segments from the entry event.
func segmentValues(c *cohort, entry *event) map[string]string {
	values := map[string]string{}
	for _, s := range c.Segments {
		values[s.Name] = segmentValue(s, entry)
	}
	return values
}

func segmentValue(s segment, entry *event) string {
	var v any = entry.fields
	for _, key := range strings.Split(s.Path, ".") {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	value := ""
	switch v := v.(type) {
	case string:
		value = v
	case bool:
		value = fmt.Sprint(v)
	case json.Number:
		value = v.String()
	default:
		return "(none)"
	}
	if len(value) > 200 {
		value = value[:200]
		for !utf8.ValidString(value) {
			value = value[:len(value)-1]
		}
	}
	for _, listed := range s.Values {
		if value == listed {
			return value
		}
	}
	if s.Values != nil {
		return "(other)"
	}
	return value
}
