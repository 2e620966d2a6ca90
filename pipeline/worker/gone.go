package worker

import (
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/stream"
)

// What the stream lost unread, by its limits or a purge, is missed: it is in no number, and that is said.

// beforeFirst is the sequence before a stream's first ever, which it may have been made with.
func beforeFirst(info *jetstream.StreamInfo) uint64 { return max(info.Config.FirstSeq, 1) - 1 }

// had returns what all partitions have of the stream by their checkpoints, and what is known to be gone beyond that, nil for nothing.
// Where everything up to where some partition is stored has gone as well, no partition needs to read up to there.
func had(checkpoints []Checkpoint, info *jetstream.StreamInfo, purged []uint64) (stream.Had, *stream.Gap) {
	had := stream.Had{Base: beforeFirst(info), Missed: checkpoints[0].Missed, Purged: purged}
	least := &checkpoints[0]
	for i := range checkpoints {
		had.Received += checkpoints[i].Received
		had.Applied = append(had.Applied, checkpoints[i].AppliedSeq)
		if checkpoints[i].AppliedSeq < least.AppliedSeq {
			least = &checkpoints[i]
		}
	}
	had.Clock = max(least.StreamClock, least.ArrivalClock)
	gone := max(info.State.FirstSeq, 1) - 1
	gap := had.Gap(gone)
	if gap != nil {
		had.Missed = gap.Missed
	}
	if gone >= slices.Max(had.Applied) {
		for i := range had.Applied {
			had.Applied[i] = gone
		}
	}
	return had, gap
}

// missGone has partitions that start take account of what went while they did not run, and returns what all have by now.
func (w *Worker) missGone(partitions []*partition, checkpoints []Checkpoint, info *jetstream.StreamInfo) stream.Had {
	had, gap := had(checkpoints, info, w.purged)
	for _, p := range partitions {
		if p.id == 0 && gap != nil {
			if n := p.miss(gap); !w.Plan.partial() { // else the numbers in force have read it when it was there
				w.sayMissed(n, gap.UpTo)
			}
		}
		p.applied = max(p.applied, had.Applied[p.id])
	}
	return had
}

// miss takes account of messages that were gone before they were read, and returns how many are new.
func (p *partition) miss(gap *stream.Gap) uint64 {
	p.applied = max(p.applied, gap.UpTo)
	missed := gap.Missed - p.readBefore
	if missed <= p.counters.Missed {
		return 0
	}
	n := missed - p.counters.Missed
	p.counters.Missed, p.changed = missed, true
	return n
}

func (w *Worker) sayMissed(n, upTo uint64) {
	w.Log.Warn("the stream discarded messages before they were read: they are in no number, see the column missed of pipeline_progress",
		zap.Uint64("messages", n), zap.Uint64("up_to_sequence", upTo))
}

// Lost returns how many messages that were counted a stream does not hold any more, so that who reads it from the start lacks them.
// purged are those that were taken out on purpose, by sequence.
func Lost(info *jetstream.StreamInfo, purged []uint64, checkpoints []Checkpoint) uint64 {
	had := stream.Had{Base: beforeFirst(info), Purged: purged}
	gap := had.Gap(max(info.State.FirstSeq, 1) - 1)
	if gap == nil || len(checkpoints) == 0 {
		return 0
	}
	return gap.Missed - min(gap.Missed, checkpoints[0].Missed)
}
