// Package facts joins product events into what is known of one user.
//
// Facts are order-free: after a set of events they say the same whatever order the events came in, as long as
// each came within the allowed lateness. What cannot be settled yet is kept open: events at or before a user's
// entry stay in Cohort.Open with their full detail until the watermark has passed them, because an earlier
// entry may still arrive; later events go straight into summaries that do not depend on order. Behind the
// watermark, open events collapse into the summaries, so the size of a user is bounded by the lateness and the
// caps below, not by history.
//
// The package is pure. Times are Unix milliseconds, UTC; a time of 0 means "not yet": no event is older than 1971.
package facts

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// MaxOpen caps the open events kept per user and cohort, and the candidates per sequence: the earliest stay.
// An event beyond the cap can no longer serve a step if an earlier entry arrives later; Joiner.Capped counts them.
const MaxOpen = 1024

// MaxOpenText caps their ids and payloads in the same way, in bytes.
const MaxOpenText = 256 << 10

// maxPayload is how much of a payload decides ties; beyond it, a hash does.
const maxPayload = 4096

// User is what is known of one user. Its slices are parallel to the catalog's cohorts and metrics.
type User struct {
	LastSeen int64 // largest event time
	Cohorts  []Cohort
	Metrics  []Metric
}

// Cohort is a user's relation to one cohort.
type Cohort struct {
	Entry    int64    // time of entry, 0 when not entered
	Settled  bool     // the watermark has passed the entry: it can no longer move
	Segments []string // segment values, parallel to the catalog's segments; of no meaning when not entered
	Open     []Open   // while not settled: events at or before the entry, or all recent ones when not entered
}

// Open is an event whose place relative to the entry is not settled.
type Open struct {
	Time int64
	IDs  uint64 // hash of the message id, 0 when it has none
	Mask catalog.Mask
	// ID and Payload order events at one time; kept only where that can matter (Joiner.ordered).
	ID, Payload string
}

// Metric is what a user did for one metric.
type Metric struct {
	Steps    []Step   // per step of an activation in any order, the value, or the feature; after the entry
	Sequence Sequence // of an activation in sequence
	Use      Use      // of an adoption
}

// Step is what served one step: the earliest matching events, as many as the step's count.
type Step struct {
	Reached int64   // settled time of the last one needed, 0 when not settled
	Taken   int     // settled events that serve the step
	Times   []int64 // times of further ones after the entry, ascending
}

// Sequence is the state of an activation in sequence.
type Sequence struct {
	Reached []int64     // settled times of the first steps
	Taken   int         // settled events that serve the step after those
	Open    []Candidate // events after the entry that are not settled, in canonical order
}

// Candidate is an event that may serve a step of a sequence.
type Candidate struct {
	Time        int64
	Steps       uint64 // bit i: matches step i
	ID, Payload string // kept only when it matches several steps
}

// Use is a user's use of a feature in time.
type Use struct {
	FirstEver     int64 // first feature event, before or after the entry
	Before, After Book  // settled events before the entry, and events after it
}

// Book counts feature events and marks activity per local hour, then per local day once hours are final.
type Book struct {
	Hours []Hour // ascending
	Days  []Day  // ascending, all before Hours
	// LastActive and LastFeature are the newest days that left Days; 0 when there is none.
	LastActive, LastFeature calendar.Day
}

// Hour is one local hour of a Book.
type Hour struct {
	Start  int64 // Unix seconds
	Events uint32
}

// Day is one local day of a Book. A bin exists only if there was activity; Events counts feature events.
type Day struct {
	Day    calendar.Day
	Events uint32
}

// Entered reports whether the user has entered the cohort.
func (c *Cohort) Entered() bool { return c.Entry != 0 }

// NewestOpen returns the time of the newest event that is not settled, 0 when all are.
func (u *User) NewestOpen() int64 {
	var newest int64
	for i := range u.Cohorts {
		if open := u.Cohorts[i].Open; len(open) > 0 {
			newest = max(newest, open[len(open)-1].Time)
		}
	}
	for i := range u.Metrics {
		for _, c := range u.Metrics[i].Sequence.Open {
			newest = max(newest, c.Time)
		}
	}
	return newest
}
