package oracle

// Users of a cohort and what they reached of a metric.

import (
	"crypto/sha256"
	"encoding/hex"
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
	entry       *event
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

// members returns the users who entered the metric's cohort and are not left out, by user id.
func (b *batch) members(m *metric) []*member {
	var in []*member
	for _, mb := range b.everybody(m) {
		if _, out := b.excluded[mb.user]; !out {
			in = append(in, mb)
		}
	}
	return in
}

// everybody returns the users who entered the metric's cohort, those who are left out too.
func (b *batch) everybody(m *metric) []*member {
	var all []*member
	for user, events := range b.eventsByUser() {
		entry := findEntry(m.of, events)
		if entry == nil {
			continue
		}
		cal := b.catalog.calendar
		d := cal.dayOf(entry.at)
		mb := &member{
			user: user, entry: entry, entered: entry.at,
			hourEnd: cal.hour(entry.at) + 3_600_000, dayEnd: cal.start(d + 1),
			entryDay: d, cohortStart: cal.grain(m.of.Grain, d),
			segments: segmentValues(m.of, entry),
			lastSeen: events[len(events)-1].at,
		}
		mb.goals = m.kind.reached(cal, serving(m, entry, events))
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

// serving are the events that may serve a goal: from entry to entry + within, both inclusive, and the entry itself only where the
// kind says so or any event may be the entry.
func serving(m *metric, entry *event, events []*event) []*event {
	var out []*event
	for _, e := range events {
		again := e == entry || e.at == entry.at && e.id != "" && e.id == entry.id
		switch {
		case e.at < entry.at:
		case m.Within > 0 && e.at > entry.at+int64(m.Within):
		case again && !m.kind.takesEntry() && !m.of.Entry.FirstSeen:
		default:
			out = append(out, e)
		}
	}
	return out
}

// goalTimes is when each goal is reached: at its count-th matching event, or the first one of the count-th day that has any.
func goalTimes(cal *calendar, goals []selector, events []*event) []int64 {
	var times []int64
	for _, goal := range goals {
		var matching []*event
		for _, e := range events {
			if goal.matches(e) {
				matching = append(matching, e)
			}
		}
		if goal.Distinct == "day" {
			matching = firstOfDays(cal, matching)
		}
		at := never
		if len(matching) >= goal.Count {
			at = matching[goal.Count-1].at
		}
		times = append(times, at)
	}
	return times
}

// firstOfDays leaves, of events in order, the first of each local day.
func firstOfDays(cal *calendar, events []*event) []*event {
	var first []*event
	had := map[day]bool{}
	for _, e := range events {
		if d := cal.dayOf(e.at); !had[d] {
			had[d] = true
			first = append(first, e)
		}
	}
	return first
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
	value := ""
	switch v := valueAt(entry, s.Path).(type) {
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

// valueAt is what an event has at a path, nil when it has nothing there.
func valueAt(e *event, path string) any {
	var v any = e.fields
	for _, key := range strings.Split(path, ".") {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	return v
}

// forgets returns the token of the user whom a message has forgotten, empty for other messages.
func forgets(m Message) string {
	var body struct{ Token string }
	if m.Header["Firstlight-Control"] != "forget" || strings.Split(m.Subject, ".")[1] != "_firstlight" || json.Unmarshal(m.Data, &body) != nil {
		return ""
	}
	return body.Token
}

// forget makes the user of a token another one in all events so far, who is left out since a watermark. What comes later is of a new user.
func forget(events []*event, token, suffix string, watermark int64, excluded map[string]int64) {
	for _, e := range events {
		sum := sha256.Sum256([]byte(e.user))
		if hex.EncodeToString(sum[:])[:32] != token {
			continue
		}
		if _, already := excluded[e.user+suffix]; !already {
			excluded[e.user+suffix] = watermark
			if before, out := excluded[e.user]; out {
				excluded[e.user+suffix] = before
				delete(excluded, e.user)
			}
		}
		e.user += suffix
	}
}
