package cohort

import "firstlight/pipeline/facts"

// The stages of Reach of a metric that an experiment asks.
const (
	TrialReached = iota // users who got there in time, or came back in the period
	TrialLeftOut        // users who saw another variant by the end of their time; they count nowhere else
)

// trial counts a user of an experiment by the local day of its exposure, under its variant.
func (f *Folder) trial(t *facts.Trial, u *facts.User, metric int) {
	def := &f.catalog.Metrics[metric]
	co := u.Cohort(def.Cohort)
	if !co.Entered() {
		return
	}
	k := Key{Kind: Reach, Name: uint32(metric), Stage: TrialReached, Start: f.CohortStart(def.Cohort, co.Entry), Segment: 1, Value: f.value(co.Segments[0])}
	switch {
	case t.LeftOut(co):
		k.Stage = TrialLeftOut
	case !t.Reached(u, co):
		return
	}
	k.Bucket = f.calendar.Start(f.calendar.DayOf(co.Entry / 1000))
	f.emit(k, Counts{N: 1}, 0)
}
