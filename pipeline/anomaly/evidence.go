package anomaly

import (
	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
)

// Evidence is what had been counted when the stream was applied up to AsOf: everything that a judgement depends on,
// besides the catalog.
type Evidence struct {
	AsOf        int64        // Unix seconds
	From        calendar.Day // the first local day that is counted in full
	Metrics     []Series     // by position in the catalog
	Cohorts     []Entries    // by position in the catalog
	Sources     []Source
	Annotations []annotation.Annotation
}

// Series is one metric's counts.
type Series struct {
	Days  []Followed         // of kinds whose users are followed by age: by local day of entry, from Evidence.From on
	Hours map[int64]Followed // the same by start (Unix s) of the local hour, where a guardrail watches hours
	// Periods are of kinds whose users are followed in periods: by number of those that are watched, by local day of the start from
	// Evidence.From on.
	Periods map[int][]Returned
	Uses    map[string][]Use // of kinds whose users are counted by window: by name of the window, in order of time
}

// Followed are users who entered together, and how far they have got.
type Followed struct {
	Entered int64
	Reached []Age // ascending
}

// Age counts users who got there at about one age.
type Age struct {
	UpperMs int64 // nobody was older
	Users   int64
	SumMs   int64 // their ages added up
}

// Use is a feature's use in one window by users who had entered.
type Use struct {
	Start            int64 // Unix s
	Active, Adopters int64
}

// Source is one publishing app.
type Source struct {
	Name   string
	Hours  map[int64]int64                   // applied events by start (Unix s) of the local hour
	Events map[string]map[calendar.Day]int64 // the same by name and local day
}

// Entries are the users who enter a cohort, of any metric of it or of none.
type Entries struct {
	Hours map[int64]int64 // by start (Unix s) of the local hour
}

// reachedBy counts users who got there up to an age. Ages between two buckets count with the upper one.
func (f *Followed) reachedBy(ageMs int64) int64 {
	n := int64(0)
	for _, a := range f.Reached {
		if a.UpperMs > ageMs {
			break
		}
		n += a.Users
	}
	return n
}

// add joins two groups of users.
func (f *Followed) add(other *Followed) {
	f.Entered += other.Entered
	if len(f.Reached) == 0 {
		f.Reached = append(f.Reached, other.Reached...)
		return
	}
	merged := make([]Age, 0, len(f.Reached)+len(other.Reached))
	i, k := 0, 0
	for i < len(f.Reached) || k < len(other.Reached) {
		switch {
		case k == len(other.Reached) || i < len(f.Reached) && f.Reached[i].UpperMs < other.Reached[k].UpperMs:
			merged = append(merged, f.Reached[i])
			i++
		case i == len(f.Reached) || other.Reached[k].UpperMs < f.Reached[i].UpperMs:
			merged = append(merged, other.Reached[k])
			k++
		default:
			a, b := f.Reached[i], other.Reached[k]
			merged = append(merged, Age{a.UpperMs, a.Users + b.Users, a.SumMs + b.SumMs})
			i, k = i+1, k+1
		}
	}
	f.Reached = merged
}
