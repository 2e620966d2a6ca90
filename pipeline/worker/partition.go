package worker

import (
	"fmt"
	"slices"
	"strings"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
)

// user is one user's facts in memory, encoded: decoded facts would be several times the size.
type user struct {
	id    string
	facts []byte
	seq   uint64 // stream sequence of the last event joined
	dirty bool
	due   bool // waits in partition.due to be collapsed
}

// partition is the state of one partition: what apply changes, and what a flush takes. It belongs to one
// goroutine (see life.go) and is deterministic: the same messages give the same state.
type partition struct {
	id       uint16
	catalog  *catalog.Catalog
	identity clickhouse.Identity
	calendar *calendar.Calendar
	joiner   *facts.Joiner
	folder   *cohort.Folder
	matcher  *catalog.Matcher
	cells    *cohort.Cells
	names    *names

	applied  uint64 // everything of this partition up to here is in the state
	clock    int64  // arrival clock, ms
	prune    int64  // watermark of the last committed checkpoint, ms
	users    map[string]*user
	counters clickhouse.Checkpoint

	event         event.Event
	scratch       *facts.User
	blank         []byte // an encoded user of whom nothing is known
	buf           []byte
	plan          plan
	before, after []cohort.Contribution
	affects       []catalog.Mask // per metric

	due     map[int64][]*user // users with open events, by the hour (Unix) in which the watermark passes them
	dueHour int64             // hours before it are done

	segmentMaps map[string]map[string]string // of segmentMap

	dirtyUsers []*user
	dead       []stream.DeadLetter
	deadBytes  int
	changed    bool // a message was applied since the last snapshot

	sentDead map[uint64]struct{}    // letters sent before a crash
	volumes  map[cohort.Key]uint64  // stored volumes: the sequence each includes
	ahead    []aheadCell            // cells stored after the checkpoint, by sequence
	days     map[calendar.Day]int64 // local days not yet in the calendar table
	covered  map[calendar.Day]bool  // days that are
}

// aheadCell is a stored cell that includes messages after the checkpoint.
type aheadCell struct {
	key cohort.Key
	seq uint64
}

func newPartition(id uint16, c *catalog.Catalog, identity clickhouse.Identity) *partition {
	p := &partition{
		id: id, catalog: c, identity: identity,
		calendar: calendar.New(c.Location, c.WeekStart),
		matcher:  c.NewMatcher(), cells: cohort.NewCells(), names: newNames(),
		users: make(map[string]*user), due: make(map[int64][]*user),
		segmentMaps: make(map[string]map[string]string),
		sentDead:    make(map[uint64]struct{}),
		volumes:     make(map[cohort.Key]uint64),
		days:        make(map[calendar.Day]int64), covered: make(map[calendar.Day]bool),
	}
	p.joiner = facts.NewJoiner(c, p.calendar, p.segment)
	p.folder = cohort.NewFolder(p.joiner, p.names.number)
	p.scratch = p.joiner.NewUser()
	p.blank = p.scratch.Encode(nil)
	p.counters = clickhouse.Checkpoint{Identity: identity, Partition: id, Dead: map[string]uint64{}}
	p.plan = newPlan(c)
	p.affects = make([]catalog.Mask, len(c.Metrics))
	for i := range c.Metrics {
		p.affects[i] = p.joiner.Affects(i)
	}
	return p
}

func (p *partition) watermark() int64 { return p.clock - p.catalog.AllowedLateness.Milliseconds() }

// apply takes one message into exactly one account.
func (p *partition) apply(m *event.Message) error {
	if m.Sequence <= p.applied {
		return nil
	}
	result := event.Parse(m, p.catalog.AllUsers, &p.event)
	p.clock = max(p.clock, result.Received)
	p.applied, p.changed = m.Sequence, true
	p.counters.Received++
	if p.counters.FirstReceived == 0 {
		p.counters.FirstReceived = result.Received
	}
	switch {
	case result.Verdict == event.Dead:
		p.bury(m, result.Reason, result.Detail)
	case result.Verdict == event.Ignored:
		p.counters.Ignored++
	case p.event.Time < p.watermark():
		p.bury(m, event.Late, p.lateDetail())
	default:
		p.counters.Applied++
		if p.event.Clamped {
			p.counters.Clamped++
		}
		return p.accept(m.Sequence)
	}
	return nil
}

func (p *partition) lateDetail() string {
	return fmt.Sprintf("the event is of %s, older than the watermark %s (allowed_lateness %s)",
		formatMs(p.event.Time), formatMs(p.watermark()), strings.TrimSuffix(p.catalog.AllowedLateness.String(), "0m0s"))
}

func (p *partition) bury(m *event.Message, reason event.Reason, detail string) {
	p.counters.Dead[string(reason)]++
	if _, sent := p.sentDead[m.Sequence]; sent {
		delete(p.sentDead, m.Sequence)
		return
	}
	p.dead = append(p.dead, stream.DeadLetter{Subject: m.Subject, Sequence: m.Sequence, Reason: reason, Detail: detail, Data: m.Data})
	p.deadBytes += len(m.Data)
}

func (p *partition) accept(seq uint64) error {
	mask := p.matcher.Match(&p.event)
	p.countVolume(seq)
	u := p.users[p.event.User]
	switch {
	case u == nil:
		u = &user{id: p.event.User, facts: slices.Clone(p.blank)}
		p.users[u.id] = u
	case u.seq >= seq:
		return nil // stored after the checkpoint this replay started from
	}
	if err := p.join(u, mask); err != nil {
		return fmt.Errorf("user %q: %w", u.id, err)
	}
	u.seq = seq
	if !u.dirty {
		u.dirty = true
		p.dirtyUsers = append(p.dirtyUsers, u)
	}
	return nil
}

// join joins the event into the user's facts and moves the user's contributions.
func (p *partition) join(u *user, mask catalog.Mask) error {
	if err := p.scratch.Decode(u.facts); err != nil {
		return err
	}
	p.consider(mask)
	p.before = p.contributions(p.before[:0])
	p.joiner.Join(p.scratch, &p.event, mask, p.watermark(), p.prune)
	p.after = p.contributions(p.after[:0])
	p.cells.Change(p.before, p.after)
	p.keep(u)
	return nil
}

// keep encodes scratch as the user's facts, and remembers when to collapse what is open in them.
func (p *partition) keep(u *user) {
	p.buf = p.scratch.Encode(p.buf[:0])
	if len(p.buf) <= cap(u.facts) && cap(u.facts) <= 2*len(p.buf) {
		u.facts = append(u.facts[:0], p.buf...)
	} else {
		u.facts = slices.Clone(p.buf)
	}
	if newest := p.scratch.NewestOpen(); newest != 0 && !u.due {
		u.due = true
		hour := max(newest/msPerHour+1, p.dueHour)
		p.due[hour] = append(p.due[hour], u)
	}
}

// settle collapses the users whose open events the watermark has passed, so that users who do not come back hold
// no more than what is settled.
func (p *partition) settle() {
	now := p.watermark() / msPerHour
	if now <= p.dueHour {
		return
	}
	p.dueHour = now
	for hour, users := range p.due {
		if hour > now {
			continue
		}
		delete(p.due, hour)
		for _, u := range users {
			u.due = false
			p.mustDecode(u)
			p.joiner.Collapse(p.scratch, p.watermark(), p.prune)
			p.keep(u)
		}
	}
}

// mustDecode reads facts that this process encoded or has read before.
func (p *partition) mustDecode(u *user) {
	if err := p.scratch.Decode(u.facts); err != nil {
		panic("BUG: facts that were readable before: " + err.Error())
	}
}

// plan says what an event can change.
type plan struct {
	cohorts []bool // the entry may move
	metrics []bool
	focus   int64 // for metrics whose cohort's entry stays: ms, 0 for none
}

func newPlan(c *catalog.Catalog) plan {
	return plan{cohorts: make([]bool, len(c.Cohorts)), metrics: make([]bool, len(c.Metrics))}
}

// considerAll plans for everything a user counts.
func (p *partition) considerAll() {
	p.plan.focus = 0
	for c := range p.plan.cohorts {
		p.plan.cohorts[c] = true
	}
	for m := range p.plan.metrics {
		p.plan.metrics[m] = true
	}
}

// consider plans for the event and the user in scratch.
func (p *partition) consider(mask catalog.Mask) {
	p.plan.focus = 0
	if p.event.Time >= p.scratch.LastSeen {
		p.plan.focus = p.event.Time
	}
	for c := range p.catalog.Cohorts {
		co := &p.scratch.Cohorts[c]
		p.plan.cohorts[c] = mask.Has(p.catalog.Cohorts[c].Entry) && (!co.Entered() || p.event.Time <= co.Entry)
	}
	for m := range p.catalog.Metrics {
		p.plan.metrics[m] = p.plan.cohorts[p.catalog.Metrics[m].Cohort] ||
			mask.Intersects(&p.affects[m]) && !p.joiner.Recorded(p.scratch, m, p.event.Time, &mask)
	}
}

// contributions appends what the user in scratch counts, as far as planned.
func (p *partition) contributions(out []cohort.Contribution) []cohort.Contribution {
	for c, planned := range p.plan.cohorts {
		if planned {
			out = p.folder.Entries(out, p.scratch, c)
		}
	}
	for m, planned := range p.plan.metrics {
		if !planned {
			continue
		}
		focus := p.plan.focus
		if p.plan.cohorts[p.catalog.Metrics[m].Cohort] {
			focus = 0
		}
		out = p.folder.Metric(out, p.scratch, m, p.prune, focus)
	}
	return out
}

// countVolume counts the applied event in its hour, unless the stored count includes it.
func (p *partition) countVolume(seq uint64) {
	source, name := p.names.event(p.event.Source, p.event.Name, seq)
	k := cohort.Key{Kind: cohort.Volume, Name: source, Value: name, Bucket: p.calendar.HourOf(p.event.Time / 1000)}
	if len(p.volumes) > 0 {
		if stored, ok := p.volumes[k]; ok {
			if seq <= stored {
				return
			}
			delete(p.volumes, k)
		}
	}
	p.cells.Add(k, 1)
}

// segment applies the safety cap to a segment's text.
func (p *partition) segment(c, i int, text string) string {
	co := &p.catalog.Cohorts[c]
	return p.names.admit(scopeSegment+co.Name+"."+co.Segments[i].Name, text, maxSegmentValues, p.applied)
}
