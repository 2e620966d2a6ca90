package worker

import (
	"context"
	"hash/maphash"
	"slices"

	"firstlight/pipeline/catalog"
)

// earlier is who entered a cohort before metrics count that are new: the stream does not hold their entries, or not the events since, and
// would make others of them. It is known of them that they entered, and no more.
type earlier struct {
	cohorts []enteredEarlier
	seed    maphash.Seed
}

// enteredEarlier is who entered one cohort.
type enteredEarlier struct {
	cohort int
	ids    []uint64 // hashed, sorted
}

// longAgo (ms) stands for an entry that is known to be before a metric counts.
const longAgo = 1

// loadEarlier has the partitions of a generation that leaves what stays know who entered before new metrics count.
func (w *Worker) loadEarlier(ctx context.Context, partitions []*partition) error {
	if len(w.Plan.CompleteFrom) == 0 || !w.Plan.partial() || len(partitions) == 0 {
		return nil
	}
	before := map[int]int64{} // by cohort
	for m, from := range partitions[0].countsFrom {
		if c := partitions[0].catalog.Metrics[m].Cohort; partitions[0].metrics[m] {
			before[c] = max(before[c], from)
		}
	}
	ids, of := make([]uint16, 0, len(partitions)), map[uint16]*partition{}
	for _, p := range partitions {
		ids, of[p.id] = append(ids, p.id), p
		p.earlier.seed = maphash.MakeSeed()
	}
	for c, from := range before {
		name := partitions[0].catalog.Cohorts[c].Name
		place := slices.IndexFunc(w.Was.Cohorts, func(co catalog.Cohort) bool { return co.Name == name })
		if from == 0 || place < 0 {
			continue
		}
		hashes := map[uint16][]uint64{}
		err := w.Store.In(w.From).LoadEntered(ctx, ids, place, from, func(partition uint16, id []byte) {
			hashes[partition] = append(hashes[partition], maphash.Bytes(of[partition].earlier.seed, id))
		})
		if err != nil {
			return err
		}
		for id, list := range hashes {
			slices.Sort(list)
			of[id].earlier.cohorts = append(of[id].earlier.cohorts, enteredEarlier{c, list})
		}
	}
	return nil
}

// newcomer returns the facts of a user who is new here.
func (p *partition) newcomer(id string) []byte {
	if len(p.earlier.cohorts) == 0 {
		return p.blank
	}
	hash := maphash.String(p.earlier.seed, id)
	p.scratch.Open(p.blank)
	for i := range p.earlier.cohorts {
		if _, entered := slices.BinarySearch(p.earlier.cohorts[i].ids, hash); entered {
			p.scratch.Assume(p.earlier.cohorts[i].cohort, longAgo)
		}
	}
	return p.scratch.Append(nil)
}
