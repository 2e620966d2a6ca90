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
	// Capped counts events that a cap kept from being remembered in full.
	Capped uint64

	metricsOf             [][]int        // metric indexes per cohort
	relevant              []catalog.Mask // per cohort: selectors that matter to it
	hourly                bool           // the catalog has 1h windows
	keepBefore            calendar.Day   // days before the entry that trailing windows still need
	hasMonth              bool
	hasWeek               bool
	beforeCopy, afterCopy Book    // scratch of Books
	reached               []int64 // scratch of walks
}

// NewJoiner returns a Joiner for a catalog.
func NewJoiner(c *catalog.Catalog, cal *calendar.Calendar, segment func(cohort, segment int, text string) string) *Joiner {
	j := &Joiner{Catalog: c, Calendar: cal, Segment: segment}
	j.metricsOf = make([][]int, len(c.Cohorts))
	j.relevant = make([]catalog.Mask, len(c.Cohorts))
	for i := range c.Cohorts {
		j.relevant[i].Set(c.Cohorts[i].Entry)
	}
	for i := range c.Metrics {
		m := &c.Metrics[i]
		j.metricsOf[m.Cohort] = append(j.metricsOf[m.Cohort], i)
		for _, s := range m.Steps {
			j.relevant[m.Cohort].Set(s.Selector)
		}
		if m.Kind == catalog.Adoption {
			j.relevant[m.Cohort].Set(m.Active)
		}
	}
	for _, w := range c.Windows {
		switch w.Kind {
		case catalog.Hour:
			j.hourly = true
		case catalog.Week:
			j.hasWeek = true
		case catalog.Month:
			j.hasMonth = true
		case catalog.Trailing:
			j.keepBefore = max(j.keepBefore, calendar.Day(w.Days))
		}
	}
	return j
}

// NewUser returns the facts of a user of whom nothing is known.
func (j *Joiner) NewUser() *User {
	u := &User{Cohorts: make([]Cohort, len(j.Catalog.Cohorts)), Metrics: make([]Metric, len(j.Catalog.Metrics))}
	for i := range u.Cohorts {
		u.Cohorts[i].Segments = make([]string, len(j.Catalog.Cohorts[i].Segments))
	}
	for i := range u.Metrics {
		u.Metrics[i].Steps = make([]Step, len(j.Catalog.Metrics[i].Steps))
	}
	return u
}

// Affects returns the selectors that matter to a metric, its cohort's entry aside.
func (j *Joiner) Affects(m int) catalog.Mask {
	var mask catalog.Mask
	def := &j.Catalog.Metrics[m]
	for _, s := range def.Steps {
		mask.Set(s.Selector)
	}
	if def.Kind == catalog.Adoption {
		mask.Set(def.Active)
	}
	return mask
}

// hashID is stable across processes: it is stored. Message ids only meet others of one user and one millisecond.
func hashID(id string) uint64 {
	if id == "" {
		return 0
	}
	h := uint64(14695981039346656037) // FNV-1a (Fowler, Noll, Vo 1991)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return max(h, 1)
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

// Join adds an event to a user, which points into the event's payload until it is encoded. The event must not be late at the watermark; windows that end at or before
// prune (both ms) are final and leave the user's books.
func (j *Joiner) Join(u *User, e *event.Event, mask catalog.Mask, watermark, prune int64) {
	j.Collapse(u, watermark, prune)
	u.LastSeen = max(u.LastSeen, e.Time)
	for c := range u.Cohorts {
		if mask.Intersects(&j.relevant[c]) {
			j.joinCohort(u, c, e, mask)
		}
	}
}

func (j *Joiner) joinCohort(u *User, c int, e *event.Event, mask catalog.Mask) {
	co := &u.Cohorts[c]
	j.everUsed(u, c, e.Time, &mask)
	o := j.open(c, e, mask)
	if co.Entered() && e.Time > co.Entry {
		j.post(u, c, &o, another)
		return
	}
	if !mask.Has(j.Catalog.Cohorts[c].Entry) || co.Entered() && !precedes(&o, j.entryOf(c, co)) {
		j.keep(u, c, o)
		return
	}
	for i := range co.Segments {
		co.Segments[i] = j.segment(c, i, e.Text(j.Catalog.Cohorts[c].Segments[i].Path))
	}
	j.moveEntry(u, c, o)
}

// moveEntry makes o the entry: open events after it are no longer open.
func (j *Joiner) moveEntry(u *User, c int, o Open) {
	co := &u.Cohorts[c]
	co.Entry = o.Time
	for _, m := range j.metricsOf[c] {
		j.trim(u, m)
	}
	kept := co.Open[:0]
	for i := range co.Open {
		if co.Open[i].Time <= o.Time {
			kept = append(kept, co.Open[i])
		} else {
			j.post(u, c, &co.Open[i], another)
		}
	}
	clear(co.Open[len(kept):])
	co.Open = kept
	j.keep(u, c, o)
}

// open returns the event as an open one, with the text that orders ties only where it can matter.
func (j *Joiner) open(c int, e *event.Event, mask catalog.Mask) Open {
	o := Open{Time: e.Time, IDs: hashID(e.ID), Mask: mask}
	if j.ordered(c, &mask) {
		o.ID, o.Payload = e.ID, payloadKey(e.Payload)
	}
	return o
}

// ordered reports whether the order among events at one time can matter for an event: it may be the entry, or
// serve one of several steps of a sequence.
func (j *Joiner) ordered(c int, mask *catalog.Mask) bool {
	if mask.Has(j.Catalog.Cohorts[c].Entry) {
		return true
	}
	for _, m := range j.metricsOf[c] {
		if steps := j.steps(m, mask); j.Catalog.Metrics[m].Sequence && steps&(steps-1) != 0 {
			return true
		}
	}
	return false
}

// steps returns the steps of a metric that a mask matches, as bits.
func (j *Joiner) steps(m int, mask *catalog.Mask) uint64 {
	var bits uint64
	for i := range j.Catalog.Metrics[m].Steps {
		if mask.Has(j.Catalog.Metrics[m].Steps[i].Selector) {
			bits |= 1 << i
		}
	}
	return bits
}

// precedes is the canonical order: time, then message id, then payload.
func precedes(a, b *Open) bool { return compareOpen(a, b) < 0 }

func compareOpen(a, b *Open) int {
	switch {
	case a.Time != b.Time:
		return int(min(1, max(-1, a.Time-b.Time)))
	case a.ID != b.ID:
		return strings.Compare(a.ID, b.ID)
	default:
		return strings.Compare(a.Payload, b.Payload)
	}
}

// entryOf returns the open event that is the entry, nil when the entry is settled.
func (j *Joiner) entryOf(c int, co *Cohort) *Open {
	var entry *Open
	for i := range co.Open {
		o := &co.Open[i]
		if o.Time == co.Entry && o.Mask.Has(j.Catalog.Cohorts[c].Entry) && (entry == nil || precedes(o, entry)) {
			entry = o
		}
	}
	return entry
}

// keep adds an open event in canonical order. Beyond a cap the last one counts as settled, never the entry.
func (j *Joiner) keep(u *User, c int, o Open) {
	co := &u.Cohorts[c]
	at, _ := slices.BinarySearchFunc(co.Open, &o, func(x Open, o *Open) int {
		if compareOpen(&x, o) <= 0 {
			return -1
		}
		return 1
	})
	co.Open = slices.Insert(co.Open, at, o)
	for len(co.Open) > MaxOpen || textSize(co.Open) > MaxOpenText {
		j.evict(u, c)
	}
}

func textSize(open []Open) (n int) {
	for i := range open {
		n += len(open[i].ID) + len(open[i].Payload)
	}
	return n
}

func (j *Joiner) evict(u *User, c int) {
	co := &u.Cohorts[c]
	last := len(co.Open) - 1
	entry := j.entryOf(c, co)
	if entry == &co.Open[last] {
		last--
	}
	j.Capped++
	evicted := co.Open[last]
	j.settle(u, c, &evicted, entry)
	co.Open = slices.Delete(co.Open, last, last+1)
}

func (j *Joiner) segment(c, i int, text string) string {
	values := j.Catalog.Cohorts[c].Segments[i].Values
	switch {
	case values == nil:
		return j.Segment(c, i, text)
	case text == None || slices.Contains(values, text):
		return text
	default:
		return Other
	}
}

// None is the segment value of entries that have no usable text there; a list of values does not change it.
const None = "(none)"

// Other is the segment value of texts that have no row of their own.
const Other = "(other)"
