package facts

import (
	"bytes"
	"slices"
	"strings"
)

// A user may be known in two halves: some metrics as one joiner left them, the others as another did, both of one catalog. The halves
// are united once they have joined the same events.

// Leave has the joiner tell no event to some metrics, by index: their blocks stay as they are. Those that others read, or that are
// stored as the same block, are not left. It returns those that are.
func (j *Joiner) Leave(metrics []bool) (left []bool) {
	left = slices.Clone(metrics)
	told := func(i int) bool {
		if !left[i] {
			return true
		}
		slot := len(j.Catalog.Cohorts) + len(j.activities) + i
		for other := range left {
			if !left[other] && (slices.Contains(j.reads[other], i) || j.keys[slot].same(&j.keys[slot-i+other])) {
				return true
			}
		}
		return false
	}
	for again := true; again; {
		again = false
		for i := range left {
			if left[i] && told(i) {
				left[i], again = false, true
			}
		}
	}
	j.told, j.activitiesOf = make([][]int, len(j.metricsOf)), make([][]int, len(j.metricsOf))
	for c, metrics := range j.metricsOf {
		for _, m := range metrics {
			if left[m] {
				continue
			}
			j.told[c] = append(j.told[c], m)
			if a := j.activityOf[m]; a >= 0 && !slices.Contains(j.activitiesOf[c], a) {
				j.activitiesOf[c] = append(j.activitiesOf[c], a)
			}
		}
		slices.Sort(j.activitiesOf[c])
	}
	return left
}

func (k *blockKey) same(other *blockKey) bool { return k.hash == other.hash && k.epoch == other.epoch }

// Unite takes from kept, a user of a joiner of the same catalog that knows the metrics and cohorts said, what belongs to them. Both
// have joined the same events and are collapsed at the same watermark; an entry that only kept knows is taken with all that was open then.
func (u *User) Unite(kept *User, metrics, cohorts []bool) {
	take := func(slot int) {
		u.slots[slot] = slotOf(u, kept, slot)
	}
	for c, stays := range cohorts {
		if !stays {
			continue
		}
		from, to := kept.Cohort(c), u.Cohort(c)
		switch {
		case from.Entered() && (!to.Entered() || to.Entry != from.Entry):
			take(c)
		case from.Entered() && !slices.Equal(from.Segments, to.Segments):
			for i, text := range from.Segments {
				to.Segments[i] = strings.Clone(text)
			}
			u.slots[c].changed = true
		}
	}
	for a := range u.activities {
		if own := u.activities[a].cohort; !slices.Contains(u.joiner.activitiesOf[own], a) {
			take(len(u.cohorts) + a)
		}
	}
	for m, stays := range metrics {
		if stays {
			take(u.slotOf(m))
		}
	}
	if kept.Excluded() != 0 && u.Excluded() == 0 {
		take(len(u.slots) - 1)
	}
	u.LastSeen, u.Sequence = max(u.LastSeen, kept.LastSeen), max(u.Sequence, kept.Sequence)
	u.openUntil = max(u.openUntil, kept.openUntil)
}

// slotOf returns another user's block, as u has blocks.
func slotOf(u, other *User, i int) slot {
	return slot{block: u.slots[i].block, raw: bytes.Clone(other.encoded(i))}
}
