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
)

// partition is the state of one partition: what apply changes, and what a flush takes. It belongs to one
// goroutine (see life.go) and is deterministic: the same messages give the same state.
type partition struct {
	id         uint16
	catalog    *catalog.Catalog // with what its experiments compute behind its own
	shown      shownParts
	identity   Identity
	calendar   *calendar.Calendar
	*part               // of the catalog that is computed: all of it, but in a generation that another one joins
	uniting    *uniting // nil: every user is whole
	origins    origins  // of the cells
	own        uint32   // the generation
	countsFrom []int64  // by metric: ms; see CountsFrom
	earlier    earlier
	readBefore uint64 // messages that were gone, which the generation in force had read: the reader takes them for missed
	folder     *cohort.Folder
	matcher    *catalog.Matcher
	cells      *cohort.Cells
	restored   bool // the cells are as they were stored: users who are loaded count in them already
	names      *names

	applied uint64 // everything of this partition up to here is in the state
	clock   int64  // arrival clock, ms
	// streamClock is the largest received time (ms) of all messages of the stream up to applied, of whatever partition.
	streamClock int64
	prune       int64  // watermark of the last committed checkpoint, ms
	users       *users // in memory: their facts, encoded: decoded facts would be several times the size
	away        away   // users who are not
	forgotten   forgotten
	voices      voices
	counters    Checkpoint
	trail       trail

	event         event.Event
	mask          catalog.Mask // the selectors that event matches
	blank         []byte       // an encoded user of whom nothing is known
	buf           []byte
	plan          plan
	before, after []cohort.Contribution
	outcome       facts.Outcome

	due     due
	dueHour int64 // hours before it are done

	segmentMaps map[string]map[string]string // of segmentMap

	dirtyUsers []uint32
	dead       []stream.DeadLetter
	deadBytes  int
	changed    bool // a message was applied since the last snapshot

	sentDead stream.Sent            // letters sent before a crash
	answered uint64                 // up to this message all letters were sent
	volumes  map[cohort.Key]uint64  // stored volumes: the sequence each includes
	ahead    []aheadCell            // cells stored after the checkpoint, by sequence
	days     map[calendar.Day]int64 // local days not yet in the calendar table
	covered  map[calendar.Day]bool  // days that are
}

// shownParts are how many cohorts and metrics are the catalog's own: of these it is stored how far single users are.
type shownParts struct{ cohorts, metrics int }

// aheadCell is a stored cell that includes messages after the checkpoint.
type aheadCell struct {
	key cohort.Key
	seq uint64
}

func newPartition(id uint16, c *catalog.Catalog, identity Identity) *partition {
	shown := shownParts{len(c.Cohorts), len(c.Metrics)}
	c = c.Computed()
	p := &partition{
		id: id, catalog: c, shown: shown, identity: identity,
		calendar: calendar.New(c.Location, c.WeekStart),
		matcher:  c.NewMatcher(), cells: cohort.NewCells(), names: newNames(id),
		users: newUsers(), away: newAway(), due: due{at: make(map[int64][]uint32)},
		segmentMaps: make(map[string]map[string]string),
		sentDead:    make(stream.Sent),
		voices:      newVoices(c),
		forgotten:   forgotten{since: make(map[string]uint64)},
		volumes:     make(map[cohort.Key]uint64),
		days:        make(map[calendar.Day]int64), covered: make(map[calendar.Day]bool),
	}
	p.part = newPart(c, p.calendar, p.segment)
	p.origins, p.countsFrom = (&Plan{}).originsOf(c, 0), make([]int64, len(c.Metrics))
	p.folder = cohort.NewFolder(c, p.calendar, p.names.number)
	p.blank = p.scratch.Append(nil)
	p.counters = Checkpoint{Identity: identity, Partition: id, Dead: map[string]uint64{}}
	return p
}

func (p *partition) watermark() int64 { return p.clock - p.catalog.AllowedLateness.Milliseconds() }

// apply takes one message into exactly one account. It changes nothing, and returns false, where the message is about a user who is
// away: p.away.lacking says who must come back first.
func (p *partition) apply(m *event.Message) bool {
	if m.Sequence <= p.applied {
		return true
	}
	result := event.Parse(m, p.catalog.AllUsers, &p.event)
	if p.lacks(m, &result) {
		return false
	}
	p.countOn(m.Sequence)
	p.clock = max(p.clock, result.Received)
	p.applied, p.changed = m.Sequence, true
	p.counters.Received++
	p.trail.note(p.counters.Received, m)
	if p.counters.FirstReceived == 0 {
		p.counters.FirstReceived = result.Received
	}
	switch {
	case result.Verdict == event.Dead:
		p.bury(m, result.Reason, result.Detail)
	case result.Verdict == event.Ignored:
		p.counters.Ignored++
		if token, ok := event.Forgets(m); ok {
			p.forget(token, m.Sequence)
		}
	case p.matcher.Excludes(&p.event):
		p.counters.Ignored++
	case p.event.Time < p.watermark():
		p.bury(m, event.Late, p.lateDetail())
	default:
		p.counters.Applied++
		if p.event.Clamped {
			p.counters.Clamped++
		}
		if event.Misrouted(m.Subject, p.event.User) {
			p.counters.Misrouted++
		}
		p.accept(m.Sequence)
	}
	return true
}

func (p *partition) lateDetail() string {
	return fmt.Sprintf("the event is of %s, older than the watermark %s (allowed_lateness %s)",
		formatMs(p.event.Time), formatMs(p.watermark()), strings.TrimSuffix(p.catalog.AllowedLateness.String(), "0m0s"))
}

func (p *partition) bury(m *event.Message, reason event.Reason, detail string) {
	p.counters.Dead[string(reason)]++
	letter := stream.Refuse(m, reason, detail)
	sent := p.sentDead.Has(&letter)
	delete(p.sentDead, m.Sequence)
	if sent || m.Sequence <= p.answered {
		return
	}
	letter.Attributes = event.Attributes(m.Header)
	p.dead = append(p.dead, letter)
	p.deadBytes += len(m.Data)
}

func (p *partition) accept(seq uint64) {
	p.mask = p.matcher.Match(&p.event)
	p.countVolume(seq)
	p.hear(seq)
	u, known := p.users.find(p.event.User)
	if known {
		p.users.recency.touch(u)
	} else {
		u = p.addUser(p.event.User, p.newcomer(p.event.User))
		if since := p.forgotten.of(p.event.User); since >= seq {
			p.blankUser(u, since) // this replay started from a checkpoint before the user was forgotten
		}
	}
	if facts.SequenceOf(p.users.facts(u)) >= seq {
		return // stored after the checkpoint this replay started from
	}
	if other, waits := p.waits(u); waits {
		p.joinHalf(u, seq, other)
	} else {
		p.join(u, seq)
	}
	if p.users.mark(u, markDirty) {
		p.dirtyUsers = append(p.dirtyUsers, u)
	}
}

// join joins the event into the user's facts and moves the user's contributions.
func (p *partition) join(u uint32, seq uint64) {
	p.scratch.Open(p.users.facts(u))
	p.consider()
	p.before = p.contributions(p.before[:0])
	p.joiner.Join(p.scratch, &p.event, &p.mask, p.watermark(), p.prune)
	p.after = p.contributions(p.after[:0])
	p.cells.Change(p.before, p.after)
	p.scratch.Sequence = seq
	if p.scratch.Patch() {
		p.await(u)
		return
	}
	p.keep(u)
}

// keep encodes scratch as the user's facts.
func (p *partition) keep(u uint32) {
	p.buf = p.scratch.Append(p.buf[:0])
	p.users.set(u, p.buf)
	p.await(u)
}

// plan says what an event can change.
type plan struct {
	entries []int // cohorts whose entry may move
	metrics []planned
}

type planned struct {
	metric int
	focus  cohort.Focus
}

// considerAll plans for everything a user counts.
func (p *partition) considerAll() {
	p.plan.entries, p.plan.metrics = p.plan.entries[:0], p.plan.metrics[:0]
	for c := range p.catalog.Cohorts {
		p.plan.entries = append(p.plan.entries, c)
	}
	for m := range p.catalog.Metrics {
		if p.metrics[m] {
			p.plan.metrics = append(p.plan.metrics, planned{metric: m})
		}
	}
}

// consider plans for the event and the user in scratch.
func (p *partition) consider() {
	p.plan.entries, p.plan.metrics = p.plan.entries[:0], p.plan.metrics[:0]
	for c := range p.catalog.Cohorts {
		if p.joiner.MovesEntry(p.scratch, c, p.event.Time, &p.mask) {
			p.plan.entries = append(p.plan.entries, c)
		}
	}
	for m := range p.catalog.Metrics {
		moves := slices.Contains(p.plan.entries, p.catalog.Metrics[m].Cohort)
		switch {
		case !p.metrics[m]:
		case moves:
			p.plan.metrics = append(p.plan.metrics, planned{metric: m})
		case p.joiner.Changes(p.scratch, m, p.event.Time, &p.mask):
			p.plan.metrics = append(p.plan.metrics, planned{m, p.folder.Focus(p.scratch, m, p.event.Time, &p.mask)})
		}
	}
}

// contributions appends what the user in scratch counts, as far as planned.
func (p *partition) contributions(out []cohort.Contribution) []cohort.Contribution {
	for _, c := range p.plan.entries {
		if p.entries[c] {
			out = p.folder.Entries(out, p.scratch, c)
		}
	}
	for _, m := range p.plan.metrics {
		if from := p.countsFrom[m.metric]; from > 0 && p.scratch.CohortOf(m.metric).Entry < from {
			continue
		}
		out = p.folder.Metric(out, p.scratch, m.metric, p.pruneOf(m.metric), m.focus)
	}
	return out
}

// countVolume counts the applied event in its hour, unless the stored count includes it.
func (p *partition) countVolume(seq uint64) {
	if !p.countsVolumes {
		return
	}
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
