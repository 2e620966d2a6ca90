package cohort

import "firstlight/pipeline/calendar"

// Kind is what a cell counts; see the table cells for the columns each kind uses.
type Kind uint8

// The kinds.
const (
	Entry    Kind = iota // users who entered, by entry hour or day
	Reach                // users who reached a stage, by entry hour or day
	Done                 // users who reached the metric, by the hour or day they did
	Between              // users who reached a step of a sequence, by entry hour or day, with the time since the step before
	Period               // users who started, by the hour or day they did, with the periods since in which they returned; other stages: Folder.Split
	Window               // adoption in one tumbling window
	Trailing             // changes of a trailing window's counts
	Volume               // applied events per hour
)

// String returns the kind as the table names it.
func (k Kind) String() string {
	return [...]string{"entry", "reach", "done", "between", "period", "window", "trailing", "volume"}[k]
}

// hasAges reports whether cells of the kind count users by age.
func (k Kind) hasAges() bool { return k == Reach || k == Done || k == Between }

// hasList reports whether cells of the kind hold a list: ages, or periods.
func (k Kind) hasList() bool { return k.hasAges() || k == Period }

// Key is what a cell means.
type Key struct {
	Bucket  int64        // start of the hour, day or window: Unix seconds
	Start   calendar.Day // cohort start; 0 in the not-entered row
	Name    uint32       // metric index; cohort index for Entry; source id for Volume
	Value   uint32       // segment value id; event name id for Volume
	Kind    Kind
	Stage   uint8 // 0 the metric itself, i the i-th step
	Segment uint8 // 0 the whole cohort, i its i-th segment
	Window  uint8 // index into the windows of the Folder
}

// Counts are what a user adds to a cell, or a cell holds.
type Counts struct {
	N                             int64
	Active, Adopters, NewAdopters int32
}

func (c Counts) negated() Counts {
	return Counts{-c.N, -c.Active, -c.Adopters, -c.NewAdopters}
}

// Zero reports whether nothing is counted.
func (c Counts) Zero() bool { return c == Counts{} }

// KindNamed returns the kind that the table names so.
func KindNamed(name string) Kind {
	for k := range Volume {
		if k.String() == name {
			return k
		}
	}
	return Volume
}

// Contribution is what one user adds to one cell. Age is meant for kinds that have ages, in ms, and for Period: the number of a
// period, -1 for the start itself.
type Contribution struct {
	Key    Key
	Counts Counts
	Age    int64
}
