package facts

import (
	"slices"
	"sort"

	"firstlight/pipeline/catalog"
)

// role is what an event at or after the entry is to the entry.
type role uint8

const (
	another role = iota // another event
	entry               // the entry event, or the entry again: serves no step and no value
)

// roleOf returns the role of an open event at the time of the entry.
func roleOf(o, e *Open) role {
	if o == e || o.IDs != 0 && o.IDs == e.IDs {
		return entry
	}
	return another
}

// Collapse moves what the watermark has passed from the open events into the summaries, and drops from the
// books the windows that end at or before prune. It changes no outcome, only what can still change.
func (j *Joiner) Collapse(u *User, watermark, prune int64) {
	for c := range u.Cohorts {
		j.collapseCohort(u, c, watermark)
		for _, m := range j.metricsOf[c] {
			j.collapseMetric(u, c, m, watermark, prune)
		}
	}
}

func (j *Joiner) collapseCohort(u *User, c int, watermark int64) {
	co := &u.Cohorts[c]
	if co.Settled {
		return
	}
	settled := len(co.Open)
	if !co.Entered() || co.Entry >= watermark {
		settled = sort.Search(len(co.Open), func(i int) bool { return co.Open[i].Time >= watermark })
	}
	if settled > 0 {
		e := j.entryOf(c, co)
		for i := range co.Open[:settled] {
			j.settle(u, c, &co.Open[i], e)
		}
		co.Open = slices.Delete(co.Open, 0, settled)
	}
	co.Settled = co.Entered() && co.Entry < watermark
	if co.Settled {
		co.Open = co.Open[:0]
	}
}

// settle moves one open event into the summaries for good. e is the entry among the open events.
func (j *Joiner) settle(u *User, c int, o, e *Open) {
	co := &u.Cohorts[c]
	if co.Entered() && o.Time >= co.Entry {
		j.post(u, c, o, roleOf(o, e))
		return
	}
	for _, m := range j.metricsOf[c] {
		if used, feature := j.uses(m, &o.Mask); used {
			j.record(&u.Metrics[m].Use.Before, o.Time, feature)
		}
	}
}

// uses reports whether an event is activity of an adoption metric, and whether it is use of its feature.
func (j *Joiner) uses(m int, mask *catalog.Mask) (active, feature bool) {
	def := &j.Catalog.Metrics[m]
	if def.Kind != catalog.Adoption {
		return false, false
	}
	feature = mask.Has(def.Steps[0].Selector)
	return feature || mask.Has(def.Active), feature
}

// everUsed keeps the first use of each feature, whatever the entry.
func (j *Joiner) everUsed(u *User, c int, t int64, mask *catalog.Mask) {
	for _, m := range j.metricsOf[c] {
		use := &u.Metrics[m].Use
		if _, feature := j.uses(m, mask); feature && (use.FirstEver == 0 || t < use.FirstEver) {
			use.FirstEver = t
		}
	}
}

// post adds an event at or after the entry to the summaries of the cohort's metrics.
func (j *Joiner) post(u *User, c int, o *Open, r role) {
	co := &u.Cohorts[c]
	for _, m := range j.metricsOf[c] {
		def, f := &j.Catalog.Metrics[m], &u.Metrics[m]
		if def.Kind == catalog.Adoption {
			if active, feature := j.uses(m, &o.Mask); active {
				j.record(&f.Use.After, o.Time, feature)
			}
		}
		if !j.serves(c, m, r) || o.Time > j.deadline(m, co.Entry) {
			continue
		}
		steps := j.steps(m, &o.Mask)
		switch {
		case steps == 0:
		case def.Sequence:
			j.propose(u, m, o, steps)
		default:
			for i := range def.Steps {
				if steps&(1<<i) != 0 {
					f.Steps[i].add(o.Time, def.Steps[i].Count)
				}
			}
		}
	}
}

// serves reports whether an event in that role may serve a step, value or feature use.
func (j *Joiner) serves(c, m int, r role) bool {
	return r == another || j.Catalog.Metrics[m].Kind == catalog.Adoption || j.Catalog.Cohorts[c].FirstSeen
}

const never = int64(1) << 62

// deadline is the last time that counts for a metric of a user who entered then. An adoption's first use is
// remembered whenever it is; its horizon is judged in Reached.
func (j *Joiner) deadline(m int, entry int64) int64 {
	def := &j.Catalog.Metrics[m]
	if def.Within == 0 || def.Kind == catalog.Adoption {
		return never
	}
	return entry + def.Within.Milliseconds()
}

func (s *Step) add(t int64, count int) {
	if s.Reached != 0 {
		return
	}
	at, _ := slices.BinarySearch(s.Times, t)
	if s.Taken+at >= count {
		return
	}
	s.Times = slices.Insert(s.Times, at, t)
	if s.Taken+len(s.Times) > count {
		s.Times = s.Times[:count-s.Taken]
	}
}

// trim drops what a new, earlier entry puts beyond the metric's horizon.
func (j *Joiner) trim(u *User, m int) {
	f := &u.Metrics[m]
	last := j.deadline(m, u.Cohorts[j.Catalog.Metrics[m].Cohort].Entry)
	for i := range f.Steps {
		s := &f.Steps[i]
		for len(s.Times) > 0 && s.Times[len(s.Times)-1] > last {
			s.Times = s.Times[:len(s.Times)-1]
		}
	}
	f.Sequence.Open = slices.DeleteFunc(f.Sequence.Open, func(c Candidate) bool { return c.Time > last })
}

func (j *Joiner) collapseMetric(u *User, c, m int, watermark, prune int64) {
	f, def := &u.Metrics[m], &j.Catalog.Metrics[m]
	co := &u.Cohorts[c]
	if co.Settled {
		if def.Sequence {
			j.collapseSequence(&f.Sequence, def, watermark)
		} else {
			for i := range f.Steps {
				f.Steps[i].collapse(watermark, def.Steps[i].Count)
			}
		}
	}
	if def.Kind == catalog.Adoption {
		j.pruneUse(co, &f.Use, prune)
	}
}

func (s *Step) collapse(watermark int64, count int) {
	n := 0
	for n < len(s.Times) && s.Times[n] < watermark {
		n++
	}
	if n == 0 {
		return
	}
	s.Taken += n
	if s.Taken == count {
		s.Reached = s.Times[n-1]
	}
	s.Times = slices.Delete(s.Times, 0, n)
}
