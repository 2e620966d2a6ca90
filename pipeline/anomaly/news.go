package anomaly

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// What is new: the state that the evidence shows now, held against the state that was said before. Where both agree nothing is
// said, so evaluating again without new events says nothing.

// Told is what was said before.
type Told struct {
	Newest []Message // of every incident
	Since  time.Time // stream time of the last evaluation, zero when there was none
	PerDay int       // messages that one incident may say on a local day; 0: DefaultPerDay
}

// DefaultPerDay bounds the messages of one incident on one local day.
const DefaultPerDay = 6

// News is a message that has not been said, and where its explanation comes from.
type News struct {
	Message  Message
	incident *Incident
	step     int    // index into incident.Messages
	tail     string // of the summary: that this is the last message of the day
}

// Compare returns what is to be said now. What began and ended before the last evaluation and was not said then is not said
// now, because late events only made it visible.
//
// A subject has at most one open incident. So the open incident that was said goes on as the one that is shown, whatever
// window that begins with by now: late events, other settings or a shorter look-back move beginnings, not identities.
func Compare(c *catalog.Catalog, e *Evidence, incidents []Incident, told Told) []News {
	n := comparison{
		catalog: c, evidence: e, cal: calendar.New(c.Location, c.WeekStart), asOf: time.Unix(e.AsOf, 0).UTC(), since: told.Since, perDay: told.PerDay,
	}
	p := pair(incidents, told.Newest)
	for i := range incidents {
		n.incident(&incidents[i], p.told[i], p.exact[i])
	}
	for i := range told.Newest {
		if m := &told.Newest[i]; m.Open() && !p.shown[m.Incident] && m.Metric.Name != PipelineMetric {
			n.withdraw(m)
		}
	}
	return n.news
}

// pairing says which incident that was said each incident is.
type pairing struct {
	told  []*Message // by position of the incident; nil: it was not said
	exact []bool     // under its own identity
	shown map[string]bool
	free  map[string][]int // by subject: incidents that have no partner yet, in order of time
}

// pair finds the partners: the same identity first, then the open incident of the subject, then what covers the same time.
func pair(incidents []Incident, told []Message) *pairing {
	p := &pairing{told: make([]*Message, len(incidents)), exact: make([]bool, len(incidents)), shown: map[string]bool{}, free: map[string][]int{}}
	byID := map[string]*Message{}
	for i := range told {
		byID[told[i].Incident] = &told[i]
	}
	for i := range incidents {
		if m := byID[incidents[i].ID]; m != nil {
			p.join(i, m)
			p.exact[i] = true
			continue
		}
		about := incidents[i].Messages[0].about()
		p.free[about] = append(p.free[about], i)
	}
	rest := make([]*Message, 0, len(told))
	for i := range told {
		if !p.shown[told[i].Incident] && told[i].Metric.Name != PipelineMetric {
			rest = append(rest, &told[i])
		}
	}
	slices.SortFunc(rest, func(a, b *Message) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(a.Incident, b.Incident))
	})
	for _, m := range rest {
		if m.Open() {
			p.goesOn(incidents, m)
		}
	}
	for _, m := range rest {
		if !m.Open() {
			p.over(incidents, m)
		}
	}
	return p
}

func (p *pairing) join(i int, m *Message) { p.told[i], p.shown[m.Incident] = m, true }

// goesOn gives an open incident that was said its partner: the last one that began before it was last said and was not over before
// it began, else the first that began later.
func (p *pairing) goesOn(incidents []Incident, m *Message) {
	at := -1
	for _, i := range p.free[m.about()] {
		of := &incidents[i]
		if p.told[i] != nil || !of.Open() && !of.last().At.After(m.OpenedAt) {
			continue
		}
		if at < 0 || !of.Messages[0].At.After(m.At) {
			at = i
		}
	}
	if at >= 0 {
		p.join(at, m)
	}
}

// over gives an incident that ended the ones that cover a part of its time: they have been said as it.
func (p *pairing) over(incidents []Incident, m *Message) {
	for _, i := range p.free[m.about()] {
		of := &incidents[i]
		if p.told[i] == nil && of.Messages[0].At.Before(m.At) && (of.Open() || of.last().At.After(m.OpenedAt)) {
			p.join(i, m)
		}
	}
}

// about is what a message is about, apart from time.
func (m *Message) about() string {
	return m.Metric.Name + "\n" + m.Metric.Cohort + "\n" + m.Metric.Labels["source"]
}

func (i *Incident) last() *Message { return &i.Messages[len(i.Messages)-1] }

type comparison struct {
	catalog     *catalog.Catalog
	evidence    *Evidence
	cal         *calendar.Calendar
	asOf, since time.Time
	perDay      int
	news        []News
}

// incident says what is new of an incident, last said as told.
func (c *comparison) incident(i *Incident, told *Message, exact bool) {
	newest := i.last()
	if told == nil {
		if newest.Open() || newest.At.After(c.since) {
			c.say(c.after(i, 0), &Message{Incident: i.ID, OpenedAt: i.Messages[0].At})
		}
		return
	}
	if !told.Open() && !newest.Open() && !exact {
		return
	}
	fresh := c.fresh(i, told, exact)
	switch {
	case len(fresh) > 0:
		c.say(fresh, told)
	case newest.Open() != told.Open():
		c.correct(i, told, "judged again: what was said before is not what is shown now")
	case told.Open() && newest.differs(told):
		c.correct(i, told, "corrected: late events changed what was said before")
	}
}

// fresh are the messages of an incident that came after it was last said. One that was said under another identity is
// already open, and what was said of a running hour is judged at a later time when the hour is over.
func (c *comparison) fresh(i *Incident, told *Message, exact bool) []News {
	for step := range i.Messages {
		m := &i.Messages[step]
		again := !exact && step == 0 || m.Step == told.Step && m.State == told.State
		if m.At.After(told.At) && !again {
			return c.after(i, step)
		}
	}
	return nil
}

func (c *comparison) after(i *Incident, step int) []News {
	var all []News
	for ; step < len(i.Messages); step++ {
		all = append(all, News{Message: i.Messages[step], incident: i, step: step})
	}
	return all
}

// correct says the newest state again that is not what was said.
func (c *comparison) correct(i *Incident, told *Message, why string) {
	n := News{Message: *i.last(), incident: i, step: len(i.Messages) - 1}
	n.Message.At = c.asOf
	if n.Message.State == Opened {
		n.Message.State = Updated
	}
	n.Message.Flags = append(slices.Clone(n.Message.Flags), why)
	c.say([]News{n}, told)
}

// differs reports whether late events have changed what a message said of the same users: more than one in a hundred, because
// events that trickle in are no news.
func (m *Message) differs(told *Message) bool {
	if m.Severity != told.Severity {
		return true
	}
	if !m.WindowStart.Equal(told.WindowStart) || !m.WindowEnd.Equal(told.WindowEnd) || m.AgeSeconds != told.AgeSeconds || m.Unit != told.Unit {
		return false
	}
	return (m.State == NoData) != (told.State == NoData) || moved(m.K, told.K) || moved(m.N, told.N)
}

func moved(now, before uint64) bool {
	by := max(now, before) - min(now, before)
	return 100*by > before
}

// say adds messages of one incident, in order of time, after the one that was said last, as many as a day may have. What is
// more waits, and the newest of it is said on the next day.
func (c *comparison) say(all []News, told *Message) {
	last := *told
	var waits *News
	var add func(News)
	tomorrow := func() { // says what waits, as the first message of the next day
		n := *waits
		waits, n.Message.At = nil, time.Unix(c.cal.Start(c.cal.DayOf(last.At.Unix())+1), 0).UTC()
		add(n)
	}
	add = func(n News) {
		if waits != nil && c.cal.DayOf(n.Message.At.Unix()) != c.cal.DayOf(last.At.Unix()) {
			tomorrow()
		}
		before := n.Message.Summary
		n.Message.Incident, n.Message.OpenedAt = told.Incident, told.OpenedAt
		if waits = nil; !n.Message.Follows(&last, n.Message.At, c.catalog, c.perDay) {
			waits = &n
			return
		}
		n.tail = strings.TrimPrefix(n.Message.Summary, before)
		last = n.Message
		c.news = append(c.news, n)
	}
	for _, n := range all {
		add(n)
	}
	if waits != nil && c.asOf.Unix() >= c.cal.Start(c.cal.DayOf(last.At.Unix())+1) {
		tomorrow()
	}
}

// Follows makes a message the next of its incident after the one that was said last, at a time. It reports whether its local day may
// have it; perDay is as in Told.
func (m *Message) Follows(told *Message, at time.Time, c *catalog.Catalog, perDay int) bool {
	if perDay <= 0 {
		perDay = DefaultPerDay
	}
	cal := calendar.New(c.Location, c.WeekStart)
	if m.OfDay = 1; cal.DayOf(told.At.Unix()) == cal.DayOf(at.Unix()) {
		m.OfDay = told.OfDay + 1
	}
	m.Seq, m.At = told.Seq+1, at
	if m.OfDay == perDay {
		m.Summary += fmt.Sprintf(" This is message %d about this incident today, and the last: what changes is told tomorrow.", m.OfDay)
	}
	return m.OfDay <= perDay
}

// withdraw ends an incident that the evidence shows no more.
func (c *comparison) withdraw(told *Message) {
	m := *told
	m.At, m.State, m.Reason, m.Flags, m.Annotations = c.asOf, Resolved, Superseded, nil, nil
	before := strings.TrimPrefix(told.Summary, "Withdrawn: ")
	m.Summary = "Withdrawn: late events corrected what was judged, or it is not watched any more. Before: " + before
	if a := c.hides(told); a != nil {
		m.Reason, m.Annotations = Muted, []Annotation{cited(a)}
		m.Summary = mutedBy(a) + ". Before: " + before
	}
	c.say([]News{{Message: m}}, told)
}

// hides is the annotation without which an incident that was said would still be shown; nil for none. Where it takes several to
// hide it, it is the first of them.
func (c *comparison) hides(told *Message) *annotation.Annotation {
	first := c.mute(told)
	if first == nil {
		return nil
	}
	for i := range c.evidence.Annotations {
		if a := &c.evidence.Annotations[i]; c.mutes(a, told) && c.shownWithout(told, func(b *annotation.Annotation) bool { return b == a }) {
			return a
		}
	}
	if c.shownWithout(told, func(b *annotation.Annotation) bool { return b.Kind == annotation.Expected }) {
		return first
	}
	return nil
}

// shownWithout reports whether an incident that was said would be shown if there were not these annotations.
func (c *comparison) shownWithout(told *Message, these func(*annotation.Annotation) bool) bool {
	e := *c.evidence
	e.Annotations = nil
	for i := range c.evidence.Annotations {
		if a := &c.evidence.Annotations[i]; !these(a) {
			e.Annotations = append(e.Annotations, *a)
		}
	}
	for _, i := range Judge(c.catalog, &e) {
		if i.Messages[0].about() == told.about() && !i.Messages[0].At.After(told.At) && (i.Open() || i.last().At.After(told.OpenedAt)) {
			return true
		}
	}
	return false
}

// mute is the annotation that mutes what a message is about; nil for none.
func (c *comparison) mute(m *Message) *annotation.Annotation {
	for i := range c.evidence.Annotations {
		if a := &c.evidence.Annotations[i]; c.mutes(a, m) {
			return a
		}
	}
	return nil
}

func (c *comparison) mutes(a *annotation.Annotation, m *Message) bool {
	return a.Kind == annotation.Expected && a.Concerns(m.Metric.Name) && a.Overlaps(m.WindowStart.UnixMilli(), m.WindowEnd.UnixMilli(), c.catalog.Location)
}

// mutedBy says which annotation mutes, and who wrote it: "Muted by the annotation 'Mail outage' (ann@acme.example)".
func mutedBy(a *annotation.Annotation) string {
	who := a.Author
	if who == "" {
		who = a.Source
	}
	return fmt.Sprintf("Muted by the annotation '%s' (%s)", a.Title, who)
}
