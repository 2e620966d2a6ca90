package facts

import (
	"slices"

	"firstlight/pipeline/catalog"
)

// Cohorts that are defined alike, under two names, are stored as one block: what each keeps of an event is what any of them needs.

// unite has cohorts that are alike keep the same events, whatever metrics each has.
func (j *Joiner) unite() {
	hashes := cohortHashes(j.Catalog)
	own := slices.Clone(j.relevant)
	for i := range hashes {
		var alike []int
		for o := range hashes {
			if hashes[o] != hashes[i] {
				continue
			}
			alike = append(alike, o)
			for w := range own[o].mask {
				j.relevant[i].mask[w] |= own[o].mask[w]
			}
		}
		j.alike = append(j.alike, alike)
	}
}

// ordered reports whether the order among events at one time can matter for an event: it may be the entry, or
// serve one of several steps of a sequence.
func (j *Joiner) ordered(c int, mask *catalog.Mask) bool {
	if mask.Has(j.Catalog.Cohorts[c].Entry) {
		return true
	}
	for _, alike := range j.alike[c] {
		if slices.ContainsFunc(j.metricsOf[alike], func(m int) bool { return j.Catalog.Metrics[m].Sequence && j.stepsOf(m, mask) > 1 }) {
			return true
		}
	}
	return false
}

// stepsOf counts the steps of a metric that an event may serve.
func (j *Joiner) stepsOf(metric int, mask *catalog.Mask) (n int) {
	for _, s := range j.Catalog.Metrics[metric].Steps {
		if mask.Has(s.Selector) {
			n++
		}
	}
	return n
}
