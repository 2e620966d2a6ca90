package facts

import (
	"slices"

	"firstlight/pipeline/catalog"
)

// Trial is the state of a metric that an experiment asks: what its kind keeps of the user since the exposure, and when the user saw each
// variant since then. First times do not depend on the order of events, nor on which exposure turns out to be the first.
type Trial struct {
	State
	joiner   *Joiner
	def      *catalog.Metric
	own      catalog.Mask // selectors that the kind's state is told of
	seen     []int64      // ms, of each variant and last of any other; 0: not since the entry
	variants catalog.Mask
	atEntry  []*Open
	outcome  Outcome
}

// follower is a state of a metric whose users are followed in periods.
type follower interface {
	Returned(u *User, co *Cohort, period int) bool
}

func (j *Joiner) newTrial(metric int, state State) *Trial {
	t := &Trial{State: state, joiner: j, def: &j.Catalog.Metrics[metric]}
	t.seen = make([]int64, len(t.def.Trial.Seen))
	for _, s := range t.def.Trial.Seen {
		t.variants.Set(s)
	}
	uses, serves := state.Uses(), state.Serves()
	for w := range t.own {
		t.own[w] = uses[w] | serves[w]
	}
	if a := state.Shares(); a >= 0 {
		t.own.Set(j.activities[a].selector)
	}
	return t
}

// Serves are the selectors of the kind's steps, and the exposures.
func (t *Trial) Serves() catalog.Mask {
	mask := t.State.Serves()
	for w := range mask {
		mask[w] |= t.variants[w]
	}
	return mask
}

// Serve takes an event of the kind, an exposure, or what is both.
func (t *Trial) Serve(co *Cohort, o *Open) bool {
	serves := t.State.Serves()
	changed := o.Mask.Intersects(&serves) && t.State.Serve(co, o)
	for i, s := range t.def.Trial.Seen {
		if o.Mask.Has(s) && (t.seen[i] == 0 || o.Time < t.seen[i]) {
			t.seen[i], changed = o.Time, true
		}
	}
	return changed
}

// Ignores reports whether an event after the entry changes nothing of the kind's, and shows a variant that was seen before.
func (t *Trial) Ignores(u *User, at int64, mask *catalog.Mask) bool {
	if mask.Intersects(&t.own) && !t.State.Ignores(u, at, mask) {
		return false
	}
	for i, s := range t.def.Trial.Seen {
		if mask.Has(s) && (t.seen[i] == 0 || at < t.seen[i]) {
			return false
		}
	}
	return true
}

// LeftOut reports whether a user who entered saw another variant than that of the entry by the end of its time for the metric.
func (t *Trial) LeftOut(co *Cohort) bool {
	own, listed := slices.BinarySearch(t.def.Trial.Variants, co.Segments[0])
	if !listed {
		own = len(t.def.Trial.Variants)
	}
	end := t.end(co)
	for i, at := range t.seen {
		if i != own && at != 0 && at <= end {
			return true
		}
	}
	t.atEntry = co.AtEntry(t.atEntry[:0])
	for _, o := range t.atEntry {
		for i, s := range t.def.Trial.Seen {
			if i != own && o.Mask.Has(s) {
				return true
			}
		}
	}
	return false
}

// end is when it is known of a user who entered whether it got there (ms).
func (t *Trial) end(co *Cohort) int64 {
	unit, next := t.def.Periods.Unit, t.def.Trial.Period+1
	switch {
	case t.def.Periods.Last == 0:
		return co.Entry + t.def.Within.Milliseconds()
	case unit.Calendar():
		return 1000 * t.joiner.Calendar.Start(t.joiner.PeriodDay(unit, co.Entry, next))
	default:
		return co.Entry + int64(next)*int64(unit.Days())*dayMs
	}
}

// Reached reports whether a user who entered got there in time, or came back in the period.
func (t *Trial) Reached(u *User, co *Cohort) bool {
	if t.def.Periods.Last > 0 {
		return t.State.(follower).Returned(u, co, t.def.Trial.Period)
	}
	t.Outcome(co, &t.outcome)
	return t.outcome.Reached != 0
}

// Reset forgets the user.
func (t *Trial) Reset() {
	clear(t.seen)
	t.State.Reset()
}

// Encode writes when variants were seen, then what the kind keeps.
func (t *Trial) Encode(w *Writer) {
	start := len(w.buf)
	for _, at := range t.seen {
		w.Time(at)
	}
	seen := len(w.buf)
	t.State.Encode(w)
	if len(w.buf) == seen && !slices.ContainsFunc(t.seen, func(at int64) bool { return at != 0 }) {
		w.buf = w.buf[:start]
	}
}

// Decode reads a trial.
func (t *Trial) Decode(r *Reader) {
	for i := range t.seen {
		t.seen[i] = r.Time()
	}
	if r.More() {
		t.State.Decode(r)
	}
}

// Upgrade does nothing: the first version knew no experiments.
func (*Trial) Upgrade(*FirstMetric) {}
