package facts

import (
	"slices"
)

// Cohort is a user's relation to one cohort.
type Cohort struct {
	Entry    int64    // time of entry, 0 when not entered
	Settled  bool     // the watermark has passed the entry: it can no longer move
	Segments []string // segment values, parallel to the catalog's segments; of no meaning when not entered

	at       []Open // while not settled: events at the time of the entry, in canonical order
	open     tail   // while not settled: events before the entry, or all recent ones when not entered
	entry    int    // selector of entries
	sighting bool   // users enter with their first event, which serves steps too
	relevant *relevant
}

// Entered reports whether the user has entered the cohort.
func (c *Cohort) Entered() bool { return c.Entry != 0 }

// Reset forgets the user.
func (c *Cohort) Reset() {
	c.Entry, c.Settled, c.at = 0, false, c.at[:0]
	c.open.reset()
}

const (
	flagEntered = 1 << iota
	flagSettled
	flagAt
	flagOpen
)

// Encode writes the cohort.
func (c *Cohort) Encode(w *Writer) {
	flags := byte(0)
	if c.Entered() {
		flags |= flagEntered
	}
	if c.Settled {
		flags |= flagSettled
	}
	if len(c.at) > 0 {
		flags |= flagAt
	}
	if c.open.n > 0 {
		flags |= flagOpen
	}
	if flags == 0 {
		return
	}
	w.bytes([]byte{flags})
	if c.Entered() {
		w.Time(c.Entry)
		for _, s := range c.Segments {
			w.Text(s)
		}
	}
	if len(c.at) > 0 {
		w.Uint(uint64(len(c.at)))
		for i := range c.at {
			w.buf = c.relevant.appendOpen(w.buf, 0, &c.at[i])
		}
	}
	if c.open.n > 0 {
		w.Uint(uint64(c.open.n))
		c.open.encode(w)
	}
}

// Decode reads a cohort.
func (c *Cohort) Decode(r *Reader) {
	flags := r.bytes(1)
	if len(flags) == 0 {
		return
	}
	c.Settled = flags[0]&flagSettled != 0
	if flags[0]&flagEntered != 0 {
		c.Entry = r.Time()
		for i := range c.Segments {
			c.Segments[i] = r.Again(c.Segments[i])
		}
	}
	if flags[0]&flagAt != 0 {
		for range r.Count() {
			o, _ := c.relevant.readOpen(r)
			o.Time = c.Entry
			c.at = append(c.at, o)
		}
	}
	if flags[0]&flagOpen != 0 {
		c.open.decode(r, r.Count(), c.relevant)
	}
}

// entryEvent returns the open event that is the entry, nil when the entry is settled.
func (c *Cohort) entryEvent() *Open {
	for i := range c.at {
		if c.at[i].Mask.Has(c.entry) {
			return &c.at[i]
		}
	}
	return nil
}

// AtEntry appends the open events at the time of the entry that may serve a step: others than the entry, which comes again with
// its id, or all of them where users enter with their first event.
func (c *Cohort) AtEntry(into []*Open) []*Open {
	e := c.entryEvent()
	for i := range c.at {
		if o := &c.at[i]; c.mayServe(o, e) {
			into = append(into, o)
		}
	}
	return into
}

// mayServe reports whether an event at the time of the entry e may serve a step.
func (c *Cohort) mayServe(o, e *Open) bool {
	return c.sighting || o != e && (o.IDs == 0 || o.IDs != e.IDs)
}

// IsEntry reports whether an event that is served, or given by AtEntry, is the entry, or the entry again under its id.
func (c *Cohort) IsEntry(o *Open) bool {
	e := c.entryEvent()
	return e != nil && o.Time == c.Entry && (o == e || o.IDs != 0 && o.IDs == e.IDs)
}

// newestOpen returns the time of the newest open event, 0 when there is none.
func (c *Cohort) newestOpen() int64 {
	if len(c.at) > 0 {
		return c.Entry
	}
	return c.open.last
}

func (c *Cohort) count() int { return len(c.at) + c.open.n }

func (c *Cohort) textSize() int {
	n := c.open.text
	for i := range c.at {
		n += len(c.at[i].ID) + len(c.at[i].Payload)
	}
	return n
}

// place adds an open event.
func (c *Cohort) place(o Open) {
	if c.Entered() && o.Time == c.Entry {
		c.at = insert(c.at, o)
		return
	}
	if c.open.n == 0 || o.Time > c.open.last {
		c.open.append(c.relevant, &o)
		return
	}
	c.open.set(c.relevant, insert(c.open.events(c.relevant), o))
}

func insert(open []Open, o Open) []Open {
	at, _ := slices.BinarySearchFunc(open, &o, func(x Open, o *Open) int {
		if compareOpen(&x, o) <= 0 {
			return -1
		}
		return 1
	})
	return slices.Insert(open, at, o)
}

// last reports whether an event would be the last open one, and so the one that evict takes.
func (c *Cohort) last(o *Open) bool {
	return len(c.at) <= 1 && o.Time > c.open.last && (!c.Entered() || o.Time < c.Entry)
}

// evict takes out the last open event that is not the entry.
func (c *Cohort) evict() Open {
	if len(c.at) > 1 {
		last := len(c.at) - 1
		if c.entryEvent() == &c.at[last] {
			last--
		}
		evicted := c.at[last]
		c.at = slices.Delete(c.at, last, last+1)
		return evicted
	}
	events := c.open.events(c.relevant)
	c.open.set(c.relevant, events[:len(events)-1])
	return events[len(events)-1]
}

// segment returns the value of a segment of a cohort.
func (j *Joiner) segment(c, i int, text string) string {
	def := &j.Catalog.Cohorts[c].Segments[i]
	switch {
	case def.Values == nil:
		return j.Segment(c, i, text)
	case text == None || slices.Contains(def.Values, text):
		return text
	default:
		return Other
	}
}

// None is the segment value of entries that have no usable text there; a list of values does not change it.
const None = "(none)"

// Other is the segment value of texts that have no row of their own.
const Other = "(other)"

// Assume has a user of whom nothing is known be one who entered a cohort at a time (ms).
func (u *User) Assume(cohort int, entry int64) {
	co := u.Cohort(cohort)
	co.Entry, co.Settled = entry, true
	clear(co.Segments)
	u.slots[cohort].changed = true
}
