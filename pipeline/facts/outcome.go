package facts

import "firstlight/pipeline/catalog"

// Outcome is how far a user got with a metric: a pure function of the facts.
type Outcome struct {
	Reached int64   // activated, value, or first feature use within the horizon; 0 when not yet
	Steps   []int64 // per step, 0 when not reached; in a sequence only with all steps before
	First   int64   // adoption: first feature use at or after the entry, without horizon
}

// Outcome computes a metric's outcome into o, whose Steps it reuses. The user must have entered the cohort.
func (j *Joiner) Outcome(u *User, m int, o *Outcome) {
	def, f := &j.Catalog.Metrics[m], &u.Metrics[m]
	co := &u.Cohorts[def.Cohort]
	*o = Outcome{Steps: o.Steps[:0]}
	if def.Sequence {
		j.sequenceSteps(co, f, m, o)
	} else {
		for i := range def.Steps {
			at := j.servedAtEntry(co, m, i)
			o.Steps = append(o.Steps, f.Steps[i].reached(co.Entry, at, def.Steps[i].Count))
		}
	}
	o.Reached = latest(o.Steps)
	if def.Kind != catalog.Adoption {
		return
	}
	o.First = o.Reached
	if def.Within > 0 && o.Reached > co.Entry+def.Within.Milliseconds() {
		o.Reached, o.Steps[0] = 0, 0
	}
}

func latest(steps []int64) int64 {
	var last int64
	for _, t := range steps {
		if t == 0 {
			return 0
		}
		last = max(last, t)
	}
	return last
}

// reached is the time of the count-th event, given how many at the time of entry serve the step.
func (s *Step) reached(entry int64, atEntry, count int) int64 {
	need := count - s.Taken - atEntry
	switch {
	case s.Reached != 0:
		return s.Reached
	case need <= 0:
		return entry
	case need <= len(s.Times):
		return s.Times[need-1]
	default:
		return 0
	}
}

// servedAtEntry counts the open events at the time of entry that serve a step.
func (j *Joiner) servedAtEntry(co *Cohort, m, step int) int {
	n := 0
	j.eachAtEntry(co, m, func(o *Open) {
		if o.Mask.Has(j.Catalog.Metrics[m].Steps[step].Selector) {
			n++
		}
	})
	return n
}

// eachAtEntry visits the open events at the time of entry that may serve a metric.
func (j *Joiner) eachAtEntry(co *Cohort, m int, visit func(*Open)) {
	if co.Settled || !co.Entered() {
		return
	}
	c := j.Catalog.Metrics[m].Cohort
	e := j.entryOf(c, co)
	for i := range co.Open {
		if o := &co.Open[i]; o.Time == co.Entry && j.serves(c, m, roleOf(o, e)) {
			visit(o)
		}
	}
}

func (j *Joiner) sequenceSteps(co *Cohort, f *Metric, m int, o *Outcome) {
	def := &j.Catalog.Metrics[m]
	var atEntry []Candidate
	j.eachAtEntry(co, m, func(at *Open) {
		if steps := j.steps(m, &at.Mask); steps != 0 {
			atEntry = append(atEntry, Candidate{Time: at.Time, Steps: steps, ID: at.ID, Payload: at.Payload})
		}
	})
	open := f.Sequence.Open
	if len(atEntry) > 0 {
		open = append(atEntry, open...) // the rest comes after the entry
	}
	reached := f.Sequence.Reached
	if len(open) > 0 {
		reached = j.walk(&f.Sequence, def, open).reached
	}
	o.Steps = append(o.Steps, reached...)
	for len(o.Steps) < len(def.Steps) {
		o.Steps = append(o.Steps, 0)
	}
}
