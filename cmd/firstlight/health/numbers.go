package health

import (
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/worker"
)

// Numbers tells from a worker's observations whether numbers move. It remembers when they last did, since start at the earliest.
func Numbers(observe func() worker.Observation, start time.Time) func(time.Time) anomaly.Health {
	moved, applied := start, uint64(0)
	return func(now time.Time) anomaly.Health {
		o := observe()
		h := anomaly.Health{Now: now, Written: start}
		if o.Reported.After(start) {
			h.Written = o.Reported
		}
		sum, asOf := uint64(0), int64(0)
		for i := range o.Partitions {
			p := &o.Partitions[i]
			sum += p.Accounts.AppliedSeq
			h.Behind += p.Lag
			if i == 0 || p.AsOf < asOf {
				asOf = p.AsOf
			}
		}
		for i := range o.Elsewhere {
			p := &o.Elsewhere[i]
			sum += p.Applied
			h.Behind += p.Lag
			if i == 0 && len(o.Partitions) == 0 || p.AsOf < asOf {
				asOf = p.AsOf
			}
		}
		if sum != applied || h.Behind == 0 {
			moved, applied = now, sum
		}
		h.Moved, h.AsOf = moved, time.UnixMilli(asOf)
		return h
	}
}
