package facts

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// exclusion is the block that says that a user is left out. Nothing of the user counts from then on, except in windows of
// calendar time that were final before: their numbers have been read, and do not change any more.
type exclusion struct {
	at int64 // the watermark (ms) when the first event that excludes the user was accepted, at least 1; 0 when there was none
}

// Reset forgets the user.
func (x *exclusion) Reset() { x.at = 0 }

// Encode writes the exclusion.
func (x *exclusion) Encode(w *Writer) {
	if x.at != 0 {
		w.Time(x.at)
	}
}

// Decode reads an exclusion.
func (x *exclusion) Decode(r *Reader) {
	if !r.More() {
		return
	}
	if x.at = r.Time(); x.at < 1 {
		r.Fail()
	}
}

// Excluded returns the watermark (ms) up to which windows of calendar time still count the user, and nothing else does; 0 when the
// user is not left out.
func (u *User) Excluded() int64 {
	u.decode(len(u.slots) - 1)
	return u.exclusion.at
}

// Excludes reports whether an event leaves its user out.
func (j *Joiner) Excludes(mask *catalog.Mask) bool {
	return j.excludes && mask.Has(j.Catalog.Exclude.UsersWith)
}

// Forget leaves a user out from now on whose events count no more, whatever they are.
func (j *Joiner) Forget(u *User, watermark int64) {
	if u.Excluded() == 0 {
		j.exclude(u, watermark)
	}
}

// settled is a watermark (ms) that has passed every event: it is in 2248.
const settled = 1 << 43

// exclude leaves the user out from now on. What is known of it stays, until no window needs it, without what only could have changed it:
// open events, with the texts in them.
func (j *Joiner) exclude(u *User, watermark int64) {
	j.collapse(u, settled, 0)
	u.exclusion.at = max(watermark, 1) // no window ended before 1971
	u.slots[len(u.slots)-1].changed = true
	u.openUntil = j.excludedUntil(u.exclusion.at)
}

// excludedUntil is the end (ms) of the last day with a cell that a user left out at a watermark changes.
func (j *Joiner) excludedUntil(at int64) int64 {
	return j.dayEnd(j.Calendar.DayOf(at/1000) + max(j.keepDays, calendar.Day(1)))
}

// collapseExcluded drops all that is known of a user who is left out once no window needs it.
func (j *Joiner) collapseExcluded(u *User, at, prune int64) {
	u.openUntil = j.excludedUntil(at)
	if prune < u.openUntil {
		return
	}
	u.openUntil = 0
	for i := range u.slots[:len(u.slots)-1] {
		u.slots[i] = slot{block: u.slots[i].block}
	}
}
