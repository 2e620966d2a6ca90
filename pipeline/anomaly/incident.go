package anomaly

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
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
	also     []alsoBroken
	beside   bool // it is mentioned beside the condition that leads, whose number of users lost is the one to tell
}

// alsoBroken is another condition that is broken, as of its newest event.
type alsoBroken struct {
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
		return cmp.Or(a.rank()-b.rank(), cmp.Compare(a.events[0].at, b.events[0].at), cmp.Compare(b.loss(b.events[0]), a.loss(a.events[0])),
			cmp.Compare(a.watch.key, b.watch.key))
	})
	w := course{judge: j, episodes: episodes, open: map[*episode]event{}, aftermath: map[*episode]bool{}, past: map[int]past{}}
	for _, m := range moments(episodes) {
		w.step(&m)
	}
	w.rested(j.evidence.AsOf)
	return w.all
}

// course is the state of an incident between two moments.
type course struct {
	*judge
	episodes  []*episode
	all       []Incident
	at        int                // of all, the one that goes on, or did last
	current   bool               // it goes on
	open      map[*episode]event // newest event of the episodes that go on
	leading   *episode           // of them
	aftermath map[*episode]bool  // episodes about windows that an ended incident was about
	rank      int                // of that incident
	about     span               // its windows
	flaps     bool               // it has come back
	calm      *calm              // its end, while that may be none
	past      map[int]past       // by rank, the newest that recovered or that a graver one replaced
}

// past is an incident that may come back.
type past struct {
	at    int   // of all
	since int64 // Unix s
	about span
}

// calm is a recovery of an incident that has come back before: it ends once that has lasted.
type calm struct {
	since, due int64
	episode    *episode
	event      event
}

// step applies what happens at one time: the leading condition opens an incident, goes on with it, hands it over, or ends it.
func (w *course) step(m *moment) {
	w.rested(m.at)
	before := w.leading
	ended := map[*episode]event{}
	for _, e := range w.episodes {
		ev, ok := m.events[e]
		if !ok || w.inAftermath(e, ev) {
			continue
		}
		if w.open[e] = ev; ev.state == Resolved {
			ended[e] = ev
			delete(w.open, e)
		}
	}
	after := w.lead()
	w.leading = after
	switch {
	case w.current && (after == nil || after.rank() > w.rank):
		last := before
		if _, ok := ended[last]; !ok {
			last = lead(w.episodes, ended)
		}
		w.end(m, last, ended[last])
	case w.current && after.rank() < w.rank:
		replaced, goesOn := w.open[before]
		if !goesOn {
			replaced = ended[before]
		}
		replaced.reason = Superseded
		w.tell(m.at, Resolved, before, replaced)
		about := w.about
		w.past[w.rank] = past{w.at, m.at, about}
		if !w.comesBack(m, after) {
			w.begin(m, after)
		}
		w.widen(about)
	case w.current && (after != before || m.has(after)):
		state := Updated
		if w.open[after].state == NoData {
			state = NoData
		}
		if state == Updated {
			w.widen(w.open[after].of.span)
		}
		w.tell(m.at, state, after, w.open[after])
	case !w.current && after != nil && w.comesBack(m, after):
	case !w.current && after != nil:
		w.begin(m, after)
	}
}

// begin opens an incident. One incident has one severity: what is more severe than the one that is open replaces it.
func (w *course) begin(m *moment, e *episode) {
	w.conclude(m.at)
	w.all = append(w.all, Incident{ID: w.unique(w.identify(e, w.open[e]), m.at)})
	w.at, w.current, w.rank, w.about, w.flaps = len(w.all)-1, true, e.rank(), w.open[e].of.span, false
	w.tell(m.at, Opened, e, w.open[e])
}

// unique tells an incident apart from an earlier one of the same beginning, such as a silence that was muted for a while, by when it was
// opened.
func (w *course) unique(id string, at int64) string {
	for i := range w.all {
		if w.all[i].ID == id {
			return fmt.Sprintf("%s-%s", id, time.Unix(at, 0).UTC().Format("20060102T1504"))
		}
	}
	return id
}

// end ends an incident; one that has come back before ends only once it stays away.
func (w *course) end(m *moment, e *episode, ev event) {
	delete(w.past, w.rank)
	switch {
	case ev.reason != Recovered:
		w.tell(m.at, Resolved, e, ev)
	case w.flaps:
		w.past[w.rank] = past{w.at, m.at, w.about}
		w.calm = &calm{m.at, m.at + restful(w.about), e, ev}
	default:
		w.past[w.rank] = past{w.at, m.at, w.about}
		w.tell(m.at, Resolved, e, ev)
	}
	w.rest()
}

// The time (s) within which what comes back is the same incident: by days, and where hours are judged.
const (
	restfulDays  = 7 * 86400
	restfulHours = 86400
)

func restful(about span) int64 {
	if about.window == "1h" {
		return restfulHours
	}
	return restfulDays
}

// comesBack goes on with an incident that has just recovered, or that a graver one had replaced, and reports whether it does: what
// breaks again and again is one incident, with a graver limit one for each.
func (w *course) comesBack(m *moment, e *episode) bool {
	of, ok := w.past[e.rank()]
	if !ok || m.at-of.since > restful(of.about) {
		return false
	}
	quiet := w.calm != nil && w.at == of.at
	if quiet {
		w.calm = nil
	}
	w.conclude(m.at)
	delete(w.past, e.rank())
	w.at, w.current, w.rank, w.about, w.flaps = of.at, true, e.rank(), of.about, true
	w.widen(w.open[e].of.span)
	if said := w.all[w.at].last(); !quiet || m.at-said.At.Unix() >= restful(w.about)/2 {
		w.tell(m.at, Updated, e, w.open[e])
	}
	return true
}

// rested ends an incident that has stayed away for long enough by a time.
func (w *course) rested(at int64) {
	if w.calm != nil && at >= w.calm.due {
		w.conclude(w.calm.due)
	}
}

// conclude says the end of an incident that was waited for.
func (w *course) conclude(at int64) {
	if c := w.calm; c != nil {
		w.calm = nil
		w.say(&w.all[w.at], at, Resolved, c.episode, c.event, nil)
	}
}

// widen adds windows to those that the incident is about.
func (w *course) widen(s span) {
	w.about.start, w.about.end = min(w.about.start, s.start), max(w.about.end, s.end)
}

// rest ends an incident. Lesser conditions that go on have been part of it.
func (w *course) rest() {
	w.current = false
	for e := range w.open {
		w.aftermath[e] = true
		delete(w.open, e)
	}
	w.leading = nil
}

func (w *course) tell(at int64, state State, e *episode, ev event) {
	w.say(&w.all[w.at], at, state, e, ev, others(w.episodes, w.open, e))
}

// aftermathTime (s) is how far around an ended incident's windows another condition may be broken that says the same.
const aftermathTime = 3 * 86400

// inAftermath reports whether an event is about windows that an ended incident was about: the same users, judged again at a
// greater age. One that is more severe is none, and neither is one that goes on.
func (w *course) inAftermath(e *episode, ev event) bool {
	if ev.state == Opened && !w.current && len(w.all) > 0 && e.rank() >= w.rank {
		w.aftermath[e] = ev.of.span.start < w.about.end && ev.of.span.end > w.about.start-aftermathTime
	}
	if w.aftermath[e] && ev.of.span.end > w.about.end+aftermathTime && ev.state != Resolved {
		w.aftermath[e] = false
	}
	return w.aftermath[e]
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

// clearlyMore is how many times as much another episode must lose of its users to be the one that is told of: the words of an incident
// must not go back and forth between ages.
const clearlyMore = 1.5

// lead returns the episode that is told of: the one that was, unless a graver one goes on, it has no data, or another one of its rank
// clearly loses more of its users.
func (w *course) lead() *episode {
	best := lead(w.episodes, w.open)
	if best == nil || w.open[best].state == NoData {
		return best
	}
	told := func(e *episode) bool {
		ev, ok := w.open[e]
		return ok && ev.state != NoData && e.rank() == best.rank()
	}
	if w.leading != nil && told(w.leading) {
		best = w.leading
	}
	for _, e := range w.episodes {
		if told(e) && e.loss(w.open[e]) > clearlyMore*best.loss(w.open[best]) {
			best = e
		}
	}
	return best
}

// loss is how large a share of its users an event's windows lost; 0 where it is not known, and of limits, which people have put in order.
func (e *episode) loss(ev event) float64 {
	if f := &ev.of.finding; !e.watch.guardrail && f.unit == Share && f.n > 0 && !math.IsNaN(f.lost) {
		return math.Abs(f.lost) / float64(f.n)
	}
	return 0
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

func others(ordered []*episode, open map[*episode]event, but *episode) []alsoBroken {
	var all []alsoBroken
	for _, e := range ordered {
		if newest, ok := open[e]; ok && e != but {
			all = append(all, alsoBroken{e, newest})
		}
	}
	return all
}

// identify names an incident after its subject, the window whose judgement opened it, and the condition: each judges a window once,
// so no two incidents have one name. Of several days it is the last, because where they begin is an estimate. Other products on
// the same servers have other incidents.
func (j *judge) identify(e *episode, first event) string {
	sum := sha256.Sum256([]byte(j.catalog.Product + "\n" + e.watch.subject.source + e.watch.subject.cohort + "\n" + e.watch.key))
	s := first.of.span
	day := s.first.Time().Format("20060102")
	switch s.window {
	case "1h":
		day = time.Unix(s.start, 0).In(j.catalog.Location).Format("20060102T1504")
	case "1d":
		day = s.last.Time().Format("20060102")
	}
	return fmt.Sprintf("%s-%s-%s", j.name(e.watch.subject), day, hex.EncodeToString(sum[:4]))
}

// name is what stands for a subject where messages name a metric.
func (j *judge) name(s subject) string {
	switch {
	case s.cohort != "":
		return EntriesMetric
	case s.metric < 0:
		return VolumeMetric
	}
	return j.catalog.Metrics[s.metric].Name
}

// say adds a message to an incident.
func (j *judge) say(i *Incident, at int64, state State, e *episode, ev event, also []alsoBroken) {
	f := fact{watch: e.watch, of: ev.of, openedBy: e.events[0].of, also: also}
	m := j.compose(&f, ev.reason)
	m.Incident, m.State, m.Step, m.At = i.ID, state, len(i.Messages)+1, time.Unix(at, 0).UTC()
	m.Seq = uint64(m.Step)
	m.OpenedAt = m.At
	if len(i.Messages) > 0 {
		m.OpenedAt = i.Messages[0].OpenedAt
	}
	m.Summary = j.sentence(&f, state, ev.reason)
	if n := len(i.Messages); state == Updated && n > 0 && !i.Messages[n-1].Open() {
		m.Summary = "Again: " + lowerFirst(m.Summary)
	}
	i.Messages, i.facts = append(i.Messages, m), append(i.facts, f)
}

// News is a message of the incident by its place, to be explained.
func (i *Incident) News(step int) News {
	return News{Message: i.Messages[step], incident: i, step: step}
}
