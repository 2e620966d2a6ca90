package anomaly

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// world is a product's whole history, and what was said of it: the laws of what is said are tried on random ones.
type world struct {
	c       *catalog.Catalog
	days    [][]Followed // by metric
	sources []Source
	cohorts []map[int64]int64 // by hour
	notes   []annotation.Annotation
	whole   bool // events are seen when their hour is over

	told  log
	since int64
	from  calendar.Day
}

// at is what had been counted at a time, of the days from one on.
func (w *world) at(asOf int64, from calendar.Day) *Evidence {
	cal := calendar.New(w.c.Location, w.c.WeekStart)
	from = max(from, firstDay)
	hourly := asOf
	if w.whole {
		hourly = asOf - asOf%calendar.HourSeconds
	}
	e := &Evidence{AsOf: asOf, From: from, Metrics: make([]Series, len(w.c.Metrics)), Annotations: w.notes}
	for m := range w.days {
		for d, f := range w.days[m] {
			if day := firstDay + calendar.Day(d); day >= from && cal.Start(day+1) <= asOf {
				seen := Followed{Entered: f.Entered}
				for _, a := range f.Reached {
					if cal.Start(day+1)+a.UpperMs/1000 <= asOf {
						seen.Reached = append(seen.Reached, a)
					}
				}
				e.Metrics[m].Days = append(e.Metrics[m].Days, seen)
			}
		}
	}
	for _, s := range w.sources {
		part := Source{Name: s.Name, Events: s.Events}
		part.Hours = seen(s.Hours, cal.Start(from), hourly)
		if len(part.Hours) > 0 {
			e.Sources = append(e.Sources, part)
		}
	}
	for _, hours := range w.cohorts {
		part := Entries{Hours: seen(hours, cal.Start(from), hourly)}
		e.Cohorts = append(e.Cohorts, part)
	}
	return e
}

// seen is what had come by a time, of the hours from one on: of the running one its part.
func seen(hours map[int64]int64, from, asOf int64) map[int64]int64 {
	part := map[int64]int64{}
	for at, n := range hours {
		if at >= from && at < asOf {
			part[at] = (n*min(calendar.HourSeconds, asOf-at) + calendar.HourSeconds - 1) / calendar.HourSeconds
		}
	}
	return part
}

// stored is a message as it comes back from the log.
func stored(t interface{ Fatal(...any) }, m Message) Message {
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Message
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// log is what was said, as the store keeps it.
type log []Message

func (l log) newest() []Message {
	by := map[string]Message{}
	for _, m := range l {
		if m.Seq > by[m.Incident].Seq {
			by[m.Incident] = m
		}
	}
	var all []Message
	for _, id := range slices.Sorted(maps.Keys(by)) {
		all = append(all, by[id])
	}
	return all
}

func said(l log) []string {
	var all []string
	for _, m := range l {
		all = append(all, fmt.Sprintf("%s %s %s %s %d/%d %s", m.ID(), m.State, m.Reason, m.Severity, m.K, m.N, m.At.UTC().Format(time.DateTime)))
	}
	slices.Sort(all)
	return all
}

// evaluate judges at a time, as a worker does that has just started, and returns what is said.
func (w *world) evaluate(t interface{ Fatal(...any) }, asOf int64) []Message {
	from := Lookback(w.c, asOf)
	if w.from > 0 {
		from = min(from, w.from)
	}
	news, next := Evaluate(w.c, w.at(asOf, from), Told{Newest: w.told.newest(), Since: time.Unix(w.since, 0)})
	return w.say(t, news, asOf, next)
}

// judge judges at a time the evidence from a day on.
func (w *world) judge(t interface{ Fatal(...any) }, asOf int64, from calendar.Day) []Message {
	e := w.at(asOf, from)
	return w.say(t, Compare(w.c, e, Judge(w.c, e), Told{Newest: w.told.newest(), Since: time.Unix(w.since, 0)}), asOf, from)
}

func (w *world) say(t interface{ Fatal(...any) }, news []News, asOf int64, from calendar.Day) []Message {
	var fresh []Message
	for _, n := range news {
		fresh = append(fresh, stored(t, n.Message))
	}
	w.told, w.since, w.from = append(w.told, fresh...), asOf, from
	return fresh
}

func containsAll(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) })
}
