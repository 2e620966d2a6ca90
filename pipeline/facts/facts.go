// Package facts joins product events into what is known of one user.
//
// Facts are order-free: after a set of events they say the same whatever order the events came in, as long as
// each came within the allowed lateness. What cannot be settled yet is kept open: events at or before a user's
// entry stay with their full detail until the watermark has passed them, because an earlier entry may still
// arrive; later events go straight into states that do not depend on order. Behind the watermark, open events
// leave, so the size of a user is bounded by the lateness and the caps below, not by history.
//
// A user is a header and blocks: one per cohort, one per selector of activity that metrics of a cohort share, and one
// per metric, whose content belongs to its kind (see Kind). A block is decoded when an event touches it; the others are
// copied as bytes. What an event costs does not depend on how many its user has behind it.
//
// The package is pure. Times are Unix milliseconds, UTC; a time of 0 means "not yet": no event is older than 1971.
package facts

import (
	"strings"

	"firstlight/pipeline/catalog"
)

// MaxOpen caps the open events kept per user and cohort, of which the earliest stay, and the candidates per sequence, of which those
// stay that serve a step. An event beyond the cap counts for nothing if the entry comes or moves later; Joiner.Capped counts them.
const MaxOpen = 1024

// MaxOpenText caps their ids and payloads, in bytes: open events in the same way, candidates lose their payloads.
const MaxOpenText = 256 << 10

// maxPayload is how much of a payload decides ties; beyond it, a hash does.
const maxPayload = 4096

// Open is an event whose place relative to the entry is not settled.
type Open struct {
	Time int64
	IDs  uint32 // hash of the message id, 0 when it has none
	Mask catalog.Mask
	// ID and Payload order events at one time; kept only where that can matter (Joiner.ordered).
	ID, Payload string
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

// Block is one part of a user that is stored and copied on its own.
type Block interface {
	Reset()
	// Encode writes the block, and nothing when it is as after Reset.
	Encode(w *Writer)
	// Decode reads into a block that was reset. Texts may point into the bytes read.
	Decode(r *Reader)
}

// Side says where an event lies.
type Side uint8

// The sides.
const (
	Before  Side = iota // before the entry, or there is none
	After               // at or after the entry
	Crossed             // at or after the entry since that moved; it was told of as Before
)

// Kind is a kind of metric as facts see it.
type Kind interface {
	// NewState returns the state of the catalog's i-th metric, of a user of whom nothing is known.
	NewState(j *Joiner, metric int) State
	// Identity is all in a metric's definition that its state depends on, beside the cohort and the steps.
	Identity(c *catalog.Catalog, m *catalog.Metric) string
}

// State is what a kind keeps of one user for one metric. It is order-free: it says the same whatever order it is told of events in.
// It may ask the user for the outcome of metrics that its own reads (catalog.Metric.Reads): what these make of an event may change it.
type State interface {
	Block
	// Uses are the selectors of events that Use is told of, Serves those of Serve.
	Uses() catalog.Mask
	Serves() catalog.Mask
	// Shares is the index of the activity that the metric counts by (see Joiner.Share), -1 for none.
	Shares() int
	// Use takes an event at once, on the side of the entry where it lies; windows that end at or before prune (ms) are final. It
	// reports whether the state changed.
	Use(u *User, o *Open, side Side, prune int64) bool
	// Serve takes an event that may serve a step: one after the entry, or at its time and another one, once that is settled.
	Serve(co *Cohort, o *Open) bool
	// Trim drops what an entry that is earlier puts beyond the metric's horizon.
	Trim(co *Cohort)
	// Collapse drops what can change nothing any more: the watermark has passed it, or it is of windows that end at or before
	// prune (both ms). It changes no outcome.
	Collapse(u *User, watermark, prune int64) bool
	// Ignores reports whether an event after the entry surely changes nothing the metric counts.
	Ignores(u *User, t int64, mask *catalog.Mask) bool
	// Outcome says how far a user who entered got.
	Outcome(co *Cohort, o *Outcome)
	// NewestOpen is the time of the newest event that is not settled, 0 when all are.
	NewestOpen() int64
}

// Outcome is how far a user got with a metric: a pure function of the facts.
type Outcome struct {
	Reached int64   // activated, value, or first feature use within the horizon; 0 when not yet
	Steps   []int64 // per step, 0 when not reached; in a sequence only with all steps before
}

// Conclude makes the outcome that of its steps: reached with the last of them.
func (o *Outcome) Conclude() {
	o.Reached = 0
	for _, t := range o.Steps {
		if t == 0 {
			o.Reached = 0
			return
		}
		o.Reached = max(o.Reached, t)
	}
}
