package facts

import (
	"crypto/sha256"
	"slices"
	"strings"
	"unsafe"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
)

// Joiner joins events into users' facts. It caches calendar periods, so it is not safe for concurrent use.
type Joiner struct {
	Catalog  *catalog.Catalog
	Calendar *calendar.Calendar
	// Segment maps a segment's text to the value that counts: the safety cap may turn it into (other).
	Segment func(cohort, segment int, text string) string
	// Layouts are those of users that were stored under other catalogs.
	Layouts Layouts
	// Capped counts events that a cap kept from being remembered in full.
	Capped uint64

	metricsOf    [][]int          // metric indexes per cohort
	told         [][]int          // those of them that are told of events; see Leave
	activitiesOf [][]int          // activity indexes per cohort, of those that are told of events
	alike        [][]int          // per cohort: those that are defined as it is, itself too; they are stored as one
	relevant     []relevant       // per cohort: selectors that matter to it, or to one that is alike
	activities   []sharedActivity // see Share
	uses, serves []catalog.Mask   // per metric
	activityOf   []int            // per metric: the activity it shares, -1 for none
	reads        [][]int          // per metric: the others whose state it reads
	keys         []blockKey       // per slot of a user
	alikeSlots   [][]int          // per slot: those with its key, itself too; none where another one is the first of them
	layout       uint64           // the name of the layout that keys are
	hourly       bool             // the catalog has 1h windows
	keepDays     calendar.Day     // days that trailing windows still need: before the entry, and after it in case the user is left out
	excludes     bool             // the catalog leaves out users
	hasMonth     bool
	hasWeek      bool
	scratch      scratch
	event        Open // the event that is joined
}

type sharedActivity struct{ cohort, selector int }

// NewJoiner returns a Joiner for a catalog, whose metrics are of kinds that are Kinds.
func NewJoiner(c *catalog.Catalog, cal *calendar.Calendar, segment func(cohort, segment int, text string) string) *Joiner {
	j := &Joiner{Catalog: c, Calendar: cal, Segment: segment}
	j.takeWindows()
	j.excludes = c.ExcludesUsers() != catalog.NoSelector
	j.metricsOf, j.activitiesOf = make([][]int, len(c.Cohorts)), make([][]int, len(c.Cohorts))
	j.relevant = make([]relevant, len(c.Cohorts))
	for i := range c.Cohorts {
		j.relevant[i].mask.Set(c.Cohorts[i].Entry)
	}
	for i := range c.Metrics {
		co := c.Metrics[i].Cohort
		j.metricsOf[co] = append(j.metricsOf[co], i)
		j.reads = append(j.reads, c.Metrics[i].Reads())
		state := j.newState(i)
		j.uses, j.serves, j.activityOf = append(j.uses, state.Uses()), append(j.serves, state.Serves()), append(j.activityOf, state.Shares())
		for w := range j.relevant[co].mask {
			j.relevant[co].mask[w] |= j.uses[i][w] | j.serves[i][w]
		}
		if a := state.Shares(); a >= 0 {
			j.relevant[co].mask.Set(j.activities[a].selector)
		}
	}
	for i, a := range j.activities {
		j.activitiesOf[a.cohort] = append(j.activitiesOf[a.cohort], i)
	}
	j.told = j.metricsOf
	j.unite()
	for i := range j.relevant {
		for s := range c.Selectors {
			if j.relevant[i].mask.Has(s) {
				j.relevant[i].selectors = append(j.relevant[i].selectors, s)
			}
		}
	}
	j.keys = j.blockKeys()
	j.alikeSlots = make([][]int, len(j.keys))
	for i := range j.keys {
		first := j.keys[i].first
		j.alikeSlots[first] = append(j.alikeSlots[first], i)
	}
	j.layout, _ = j.Layout()
	return j
}

// newState returns the state of a metric of a user of whom nothing is known.
func (j *Joiner) newState(metric int) State {
	state := j.kind(metric).NewState(j, metric)
	if j.Catalog.Metrics[metric].Trial != nil {
		return j.newTrial(metric, state)
	}
	return state
}

func (j *Joiner) kind(metric int) Kind { return j.Catalog.Metrics[metric].Kind.(Kind) }

func (j *Joiner) takeWindows() {
	for _, w := range j.Catalog.Windows {
		switch w.Kind {
		case catalog.Hour:
			j.hourly = true
		case catalog.Week:
			j.hasWeek = true
		case catalog.Month:
			j.hasMonth = true
		case catalog.Trailing:
			j.keepDays = max(j.keepDays, calendar.Day(w.Days))
		}
	}
}

// Share returns the index of the activity of a selector in a cohort, for NewState: metrics that ask for the same one share it.
func (j *Joiner) Share(cohort, selector int) int {
	a := sharedActivity{cohort, selector}
	if i := slices.Index(j.activities, a); i >= 0 {
		return i
	}
	j.activities = append(j.activities, a)
	return len(j.activities) - 1
}

// hashID is stable across processes: it is stored. Message ids only meet others of one user and one millisecond.
func hashID(id string) uint32 {
	if id == "" {
		return 0
	}
	h := uint64(14695981039346656037) // FNV-1a (Fowler, Noll, Vo 1991)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return foldID(h)
}

func foldID(h uint64) uint32 {
	if h == 0 {
		return 0
	}
	return max(uint32(h^h>>32), 1)
}

// payloadKey orders payloads. A short one is not copied: it is read only until the user is encoded.
func payloadKey(payload []byte) string {
	if len(payload) == 0 {
		return ""
	}
	if len(payload) <= maxPayload {
		return unsafe.String(&payload[0], len(payload))
	}
	sum := sha256.Sum256(payload)
	return string(payload[:maxPayload]) + string(sum[:])
}

// Join adds an event to a user, which points into the event's payload until it is encoded. The event must not be late at
// the watermark; windows that end at or before prune (both ms) are final and leave the user's books.
func (j *Joiner) Join(u *User, e *event.Event, mask *catalog.Mask, watermark, prune int64) {
	u.LastSeen = max(u.LastSeen, e.Time)
	switch {
	case u.Excluded() != 0:
		return
	case j.Excludes(mask):
		j.exclude(u, watermark)
		return
	}
	for c := range u.cohorts {
		if mask.Intersects(&j.relevant[c].mask) {
			j.joinCohort(u, c, e, mask, watermark, prune)
		}
	}
}

// MovesEntry reports whether an event may become, change or take away the user's entry into a cohort.
func (j *Joiner) MovesEntry(u *User, c int, t int64, mask *catalog.Mask) bool {
	switch {
	case u.Excluded() != 0:
		return false
	case j.Excludes(mask):
		return true
	}
	if !mask.Has(j.Catalog.Cohorts[c].Entry) {
		return false
	}
	co := u.Cohort(c)
	return !co.Entered() || t <= co.Entry
}

// Changes reports whether an event that does not move the entry may change what a metric counts.
func (j *Joiner) Changes(u *User, metric int, t int64, mask *catalog.Mask) bool {
	if u.Excluded() != 0 {
		return false
	}
	return j.changes(u, metric, t, mask) ||
		slices.ContainsFunc(j.reads[metric], func(other int) bool { return j.changes(u, other, t, mask) })
}

func (j *Joiner) changes(u *User, metric int, t int64, mask *catalog.Mask) bool {
	uses, serves := mask.Intersects(&j.uses[metric]), mask.Intersects(&j.serves[metric])
	if a := j.activityOf[metric]; a >= 0 {
		uses = uses || mask.Has(j.activities[a].selector)
	}
	if !uses && !serves {
		return false
	}
	co := u.CohortOf(metric)
	if !co.Entered() || t < co.Entry {
		return uses
	}
	return t == co.Entry || !u.Metric(metric).Ignores(u, t, mask)
}

func (j *Joiner) joinCohort(u *User, c int, e *event.Event, mask *catalog.Mask, watermark, prune int64) {
	co := u.Cohort(c)
	o := &j.event
	*o = Open{Time: e.Time, IDs: hashID(e.ID), Mask: *mask}
	if j.ordered(c, mask) {
		o.ID, o.Payload = e.ID, payloadKey(e.Payload)
	}
	if co.Entered() && e.Time > co.Entry {
		j.use(u, c, o, After, prune)
		j.serve(u, c, o, watermark)
		return
	}
	j.collapseCohort(u, c, watermark)
	u.slots[c].changed = true
	if !mask.Has(co.entry) || co.Entered() && !precedes(o, co.entryEvent()) {
		j.keep(u, c, o, prune, watermark)
		return
	}
	for i := range co.Segments {
		co.Segments[i] = j.segment(c, i, e.Text(j.Catalog.Cohorts[c].Segments[i].Path))
	}
	j.moveEntry(u, c, o, prune, watermark)
}

// moveEntry makes o the entry: open events after it are no longer open.
func (j *Joiner) moveEntry(u *User, c int, o *Open, prune, watermark int64) {
	co := u.Cohort(c)
	before := co.Entry
	at, open := co.at, co.open.events(co.relevant)
	co.Entry = o.Time
	if before != o.Time {
		co.at = nil
	}
	for _, m := range j.told[c] {
		if u.known(u.slotOf(m)) {
			u.Metric(m).Trim(co)
			u.slots[u.slotOf(m)].changed = true
		}
	}
	kept := open[:0]
	for i := range open {
		x := open[i]
		if x.Time >= o.Time {
			j.use(u, c, &x, Crossed, prune)
		}
		switch {
		case x.Time < o.Time:
			kept = append(kept, x)
		case x.Time == o.Time:
			x.ID, x.Payload = strings.Clone(x.ID), strings.Clone(x.Payload) // what they point into is written anew
			co.at = append(co.at, x)
		default:
			j.serve(u, c, &x, watermark)
		}
	}
	if before != o.Time {
		for i := range at {
			j.serve(u, c, &at[i], watermark)
		}
	}
	if len(kept) < len(open) {
		co.open.set(co.relevant, kept)
	}
	j.keep(u, c, o, prune, watermark)
}

// keep adds an event that is not after the entry. Beyond a cap the last one counts as settled, never the entry.
func (j *Joiner) keep(u *User, c int, o *Open, prune, watermark int64) {
	co := u.Cohort(c)
	side := Before
	if co.Entered() && o.Time >= co.Entry {
		side = After
	}
	j.use(u, c, o, side, prune)
	if (co.count() >= MaxOpen || co.textSize()+len(o.ID)+len(o.Payload) > MaxOpenText) && co.last(o) {
		j.Capped++
		return
	}
	u.openUntil = max(u.openUntil, o.Time)
	co.place(*o)
	for co.count() > MaxOpen || co.textSize() > MaxOpenText {
		j.Capped++
		var entry Open
		if e := co.entryEvent(); e != nil {
			entry = *e
		}
		if evicted := co.evict(); co.Entered() && evicted.Time == co.Entry && co.mayServe(&evicted, &entry) {
			j.serve(u, c, &evicted, watermark)
		}
	}
}

// use tells the activities and metrics of a cohort of an event at once.
func (j *Joiner) use(u *User, c int, o *Open, side Side, prune int64) {
	for _, a := range j.activitiesOf[c] {
		if o.Mask.Has(j.activities[a].selector) && u.Activity(a).use(j, u.Cohort(c), o, side, prune) {
			u.slots[len(u.cohorts)+a].changed = true
		}
	}
	for _, m := range j.told[c] {
		if o.Mask.Intersects(&j.uses[m]) && u.Metric(m).Use(u, o, side, prune) {
			u.slots[u.slotOf(m)].changed = true
		}
	}
}

// serve tells the metrics of a cohort of an event that may serve a step.
func (j *Joiner) serve(u *User, c int, o *Open, watermark int64) {
	co := u.Cohort(c)
	for _, m := range j.told[c] {
		if !o.Mask.Intersects(&j.serves[m]) {
			continue
		}
		state := u.Metric(m)
		collapsed := state.Collapse(u, watermark, 0)
		if state.Serve(co, o) || collapsed {
			u.slots[u.slotOf(m)].changed = true
			u.openUntil = max(u.openUntil, state.NewestOpen())
		}
	}
}

// known reports whether there is anything in a block.
func (u *User) known(slot int) bool {
	return len(u.slots[slot].raw) > 0 || u.slots[slot].changed
}

// Collapse moves what the watermark has passed from the open events into the states, and drops the windows that end at
// or before prune. It changes no outcome, only what can still change.
func (j *Joiner) Collapse(u *User, watermark, prune int64) {
	if at := u.Excluded(); at != 0 {
		j.collapseExcluded(u, at, prune)
		return
	}
	j.collapse(u, watermark, prune)
}

func (j *Joiner) collapse(u *User, watermark, prune int64) {
	for c := range u.cohorts {
		j.collapseCohort(u, c, watermark)
	}
	for a := range u.activities {
		slot := len(u.cohorts) + a
		if act := &u.activities[a]; u.known(slot) {
			u.decode(slot)
			if j.Prune(u.Cohort(act.cohort), &act.Before, &act.After, prune) {
				u.slots[slot].changed = true
			}
		}
	}
	u.openUntil = 0
	for c := range u.cohorts {
		u.openUntil = max(u.openUntil, u.cohorts[c].newestOpen())
	}
	for m := range u.metrics {
		if slot := u.slotOf(m); u.known(slot) {
			state := u.Metric(m)
			if state.Collapse(u, watermark, prune) {
				u.slots[slot].changed = true
			}
			u.openUntil = max(u.openUntil, state.NewestOpen())
		}
	}
}

func (j *Joiner) collapseCohort(u *User, c int, watermark int64) {
	co := u.Cohort(c)
	switch {
	case co.Settled:
	case co.Entered() && co.Entry < watermark:
		entry := co.entryEvent()
		for i := range co.at {
			if o := &co.at[i]; co.mayServe(o, entry) {
				j.serve(u, c, o, watermark)
			}
		}
		co.Settled, co.at = true, co.at[:0]
		co.open.reset()
		u.slots[c].changed = true
	case co.open.dropBefore(co.relevant, watermark):
		u.slots[c].changed = true
	}
}
