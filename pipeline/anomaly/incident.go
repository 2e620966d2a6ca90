package anomaly

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Incident is one root cause, with everything to be said about it so far.
type Incident struct {
	ID       string
	Messages []Message // in order of Step
	facts    []fact    // what each message is about
}

// fact is what a message is about: the condition that leads, and the others that are broken too.
type fact struct {
	watch    *watch
	of       *judgement
	openedBy *judgement
	also     []aside
}

// aside is another condition that is broken, as of its newest event.
type aside struct {
	episode *episode
	newest  event
}

// Open reports whether the incident goes on.
func (i *Incident) Open() bool { return i.Messages[len(i.Messages)-1].Open() }

// incidents joins the episodes of each subject that overlap: conditions on one metric that break together are one
// incident, led by the most severe.
func (j *judge) incidents(episodes []*episode) []Incident {
	bySubject := map[subject][]*episode{}
	for _, e := range episodes {
		bySubject[e.watch.subject] = append(bySubject[e.watch.subject], e)
	}
	var all []Incident
	for _, of := range bySubject {
		all = append(all, j.join(of)...)
	}
	slices.SortFunc(all, func(a, b Incident) int {
		return cmp.Or(a.Messages[0].At.Compare(b.Messages[0].At), a.facts[0].watch.rank()-b.facts[0].watch.rank(), cmp.Compare(a.ID, b.ID))
	})
	return j.roots(all)
}

// moment is all that happens to a subject's episodes at one time.
type moment struct {
	at     int64
	events map[*episode]event
}

func moments(episodes []*episode) []moment {
	by := map[int64]map[*episode]event{}
	for _, e := range episodes {
		for _, ev := range e.events {
			if by[ev.at] == nil {
				by[ev.at] = map[*episode]event{}
			}
			by[ev.at][e] = ev
		}
	}
	var all []moment
	for at, events := range by {
		all = append(all, moment{at, events})
	}
	slices.SortFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}

// join walks through a subject's events in order of time.
func (j *judge) join(episodes []*episode) []Incident {
	slices.SortFunc(episodes, func(a, b *episode) int {
		return cmp.Or(a.rank()-b.rank(), cmp.Compare(a.events[0].at, b.events[0].at), cmp.Compare(a.watch.key, b.watch.key))
	})
	w := walk{judge: j, episodes: episodes, open: map[*episode]event{}, echoes: map[*episode]bool{}}
	for _, m := range moments(episodes) {
		w.step(&m)
	}
	return w.all
}

// walk is the state between two moments.
type walk struct {
	*judge
	episodes []*episode
	all      []Incident
	current  bool               // the last of all goes on
	open     map[*episode]event // newest event of the episodes that go on
	echoes   map[*episode]bool  // episodes about windows that an ended incident was about
	rank     int                // of the newest incident
	about    span               // its windows
}

// step applies what happens at one time: the leading condition opens an incident, goes on with it, hands it over, or ends it.
func (w *walk) step(m *moment) {
	before := lead(w.episodes, w.open)
	ended := map[*episode]event{}
	for _, e := range w.episodes {
		ev, ok := m.events[e]
		if !ok || w.isEcho(e, ev) {
			continue
		}
		if w.open[e] = ev; ev.state == Resolved {
			ended[e] = ev
			delete(w.open, e)
		}
	}
	after := lead(w.episodes, w.open)
	switch {
	case w.current && (after == nil || after.rank() > w.rank):
		last := before
		if _, ok := ended[last]; !ok {
			last = lead(w.episodes, ended)
		}
		w.tell(m, Resolved, last, ended[last])
		w.rest()
	case w.current && after.rank() < w.rank:
		replaced, goesOn := w.open[before]
		if !goesOn {
			replaced = ended[before]
		}
		replaced.reason = Superseded
		w.tell(m, Resolved, before, replaced)
		about := w.about
		w.begin(m, after)
		w.widen(about)
	case w.current && (after != before || m.has(after)):
		state := Updated
		if w.open[after].state == NoData {
			state = NoData
		}
		if state == Updated {
			w.widen(w.open[after].of.span)
		}
		w.tell(m, state, after, w.open[after])
	case !w.current && after != nil:
		w.begin(m, after)
	}
}

// begin opens an incident. One incident has one severity: what is more severe than the one that is open replaces it.
func (w *walk) begin(m *moment, e *episode) {
	w.all = append(w.all, Incident{ID: w.identify(e, w.open[e])})
	w.current, w.rank, w.about = true, e.rank(), w.open[e].of.span
	w.tell(m, Opened, e, w.open[e])
}

// widen adds windows to those that the incident is about.
func (w *walk) widen(s span) {
	w.about.start, w.about.end = min(w.about.start, s.start), max(w.about.end, s.end)
}

// rest ends an incident. Lesser conditions that go on have been part of it.
func (w *walk) rest() {
	w.current = false
	for e := range w.open {
		w.echoes[e] = true
		delete(w.open, e)
	}
}

func (w *walk) tell(m *moment, state State, e *episode, ev event) {
	w.say(&w.all[len(w.all)-1], m.at, state, e, ev, others(w.episodes, w.open, e))
}

// echo (s) is how far around an ended incident's windows another condition may be broken that says the same.
const echo = 3 * 86400

// isEcho reports whether an event is about windows that an ended incident was about: the same users, judged again at a
// greater age. One that is more severe is none, and neither is one that goes on.
func (w *walk) isEcho(e *episode, ev event) bool {
	if ev.state == Opened && !w.current && len(w.all) > 0 && e.rank() >= w.rank {
		w.echoes[e] = ev.of.span.start < w.about.end && ev.of.span.end > w.about.start-echo
	}
	if w.echoes[e] && ev.of.span.end > w.about.end+echo && ev.state != Resolved {
		w.echoes[e] = false
	}
	return w.echoes[e]
}

func (m *moment) has(e *episode) bool { _, ok := m.events[e]; return ok }

// rank orders episodes by what to lead with: what pages, then what people asked for, then the rest.
func (e *episode) rank() int { return e.watch.rank() }

func (w *watch) rank() int {
	switch {
	case w.severity == Critical:
		return 0
	case w.guardrail:
		return 1
	}
	return 2
}

// lead returns the first of the ordered episodes that is among those given; of equal rank one with data before one without.
func lead(ordered []*episode, among map[*episode]event) *episode {
	var blind *episode
	for _, e := range ordered {
		ev, ok := among[e]
		switch {
		case !ok:
		case blind != nil && e.rank() > blind.rank():
			return blind
		case ev.state != NoData:
			return e
		case blind == nil:
			blind = e
		}
	}
	return blind
}

func others(ordered []*episode, open map[*episode]event, but *episode) []aside {
	var all []aside
	for _, e := range ordered {
		if newest, ok := open[e]; ok && e != but {
			all = append(all, aside{e, newest})
		}
	}
	return all
}

// identify names an incident after its subject, the window that opened it, and the condition; other products on the same
// servers have other incidents.
func (j *judge) identify(e *episode, first event) string {
	sum := sha256.Sum256([]byte(j.catalog.Product + "\n" + e.watch.subject.source + "\n" + e.watch.key))
	start := time.Unix(first.of.span.start, 0).In(j.catalog.Location)
	day := start.Format("20060102")
	if first.of.span.window == "1h" {
		day = start.Format("20060102T1504")
	}
	return fmt.Sprintf("%s-%s-%s", j.name(e.watch.subject), day, hex.EncodeToString(sum[:4]))
}

// name is what stands for a subject where messages name a metric.
func (j *judge) name(s subject) string {
	if s.metric < 0 {
		return VolumeMetric
	}
	return j.catalog.Metrics[s.metric].Name
}

// say adds a message to an incident.
func (j *judge) say(i *Incident, at int64, state State, e *episode, ev event, also []aside) {
	f := fact{watch: e.watch, of: ev.of, openedBy: e.events[0].of, also: also}
	m := j.compose(&f, ev.reason)
	m.Incident, m.State, m.Step, m.At = i.ID, state, len(i.Messages)+1, time.Unix(at, 0).UTC()
	m.Seq = uint64(m.Step)
	m.OpenedAt = m.At
	if len(i.Messages) > 0 {
		m.OpenedAt = i.Messages[0].OpenedAt
	}
	m.Summary = j.sentence(&f, state, ev.reason)
	i.Messages, i.facts = append(i.Messages, m), append(i.facts, f)
}

// News is a message of the incident by its place, to be explained.
func (i *Incident) News(step int) News { return News{i.Messages[step], i, step} }
