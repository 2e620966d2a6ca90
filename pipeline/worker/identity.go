package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// Numbers belong to one stream: the one they were computed from. A stream that was deleted and made again, or restored to an
// older state, gives its sequences to other messages, so that what comes next would be skipped or counted beside what never
// was. Creation time, sequences and fingerprints of messages tell.

const rebuildAdvice = "start with --rebuild to recompute from the stream's start"

// past is what a stream must hold, or have held, to be the one that was read so far.
type past struct {
	created int64             // ms
	read    uint64            // last sequence read
	prints  map[uint64]uint64 // fingerprints of messages read, by sequence
}

// lookups bounds how many messages are looked for to find one that is still there.
const lookups = 8

// belongs returns a *Refusal when a stream is not the one that was read so far. The newest message that both know decides, as
// everything before it is then the same. A message that has gone proves nothing; proven is false when all have.
func (p *past) belongs(ctx context.Context, events jetstream.Stream, info *jetstream.StreamInfo) (proven bool, err error) {
	name := info.Config.Name
	switch created := info.Created.UnixMilli(); {
	case created != p.created:
		return false, &Refusal{fmt.Sprintf("the stream %s was created at %s, the stored numbers come from one created at %s: %s, or use another FIRSTLIGHT_DATABASE",
			name, formatMs(created), formatMs(p.created), rebuildAdvice)}
	case p.read > info.State.LastSeq:
		return false, &Refusal{fmt.Sprintf("the stream %s ends at sequence %d but %d was read already: it was rolled back or replaced; restore it, or %s",
			name, info.State.LastSeq, p.read, rebuildAdvice)}
	}
	tried := 0
	for _, sequence := range slices.Backward(slices.Sorted(maps.Keys(p.prints))) {
		if sequence < info.State.FirstSeq || tried == lookups {
			break
		}
		tried++
		m, err := events.GetMsg(ctx, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("read message %d of the stream: %w", sequence, err)
		}
		if stream.RawFingerprint(m) != p.prints[sequence] {
			return false, &Refusal{fmt.Sprintf("the stream %s holds another message at sequence %d than the one that was counted: it was restored to an older state and went on, or was replaced; restore the one that was read, or %s",
				name, sequence, rebuildAdvice)}
		}
		return true, nil
	}
	return false, nil
}

// leaderPatience is how long a stream of several servers may hold less than was read: a new leader takes up what all have agreed on
// a moment after it has been chosen.
const leaderPatience = 10 * time.Second

// agreed returns the stream's state once it holds what was read, at the latest after leaderPatience; at once where the stream has one
// server only.
func agreed(ctx context.Context, read uint64, state func(context.Context) (*jetstream.StreamInfo, error)) (info *jetstream.StreamInfo, err error) {
	err = await(ctx, leaderPatience, leaderPatience/50, func() (bool, error) {
		info, err = state(ctx)
		return err == nil && (read <= info.State.LastSeq || info.Config.Replicas <= 1), err
	})
	return info, err
}

// await asks until the answer is yes or an error, or for as long as patience lasts: then the last answer has to do.
func await(ctx context.Context, patience, between time.Duration, ask func() (bool, error)) error {
	for began := time.Now(); ; {
		yes, err := ask()
		if yes || err != nil || time.Since(began) >= patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(between):
		}
	}
}

// check is what the reader asks when it has started a consumer.
func (w *Worker) check(ctx context.Context, read, fingerprint uint64) error {
	known := w.known(read)
	info, err := agreed(ctx, known.read, w.state)
	if err != nil {
		return err
	}
	if fingerprint != 0 {
		known.prints[read] = fingerprint
	}
	if _, err = known.belongs(ctx, w.Events, info); stops(err) {
		return trouble.Final(err)
	}
	return err
}

// state returns the stream's state.
func (w *Worker) state(ctx context.Context) (*jetstream.StreamInfo, error) {
	info, err := w.Events.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the stream's state: %w", err)
	}
	return info, nil
}

// known is what is known of the stream, by what is stored. It is to be asked for before the stream's state, which must be ahead
// of it.
func (w *Worker) known(read uint64) *past {
	known := &past{created: w.created, read: read, prints: map[uint64]uint64{}}
	for _, l := range w.awake() {
		accounts := &l.held.Load().accounts
		known.read = max(known.read, accounts.AppliedSeq)
		maps.Copy(known.prints, accounts.Fingerprints)
	}
	return known
}

// sameStream returns the stream's state, or a *Refusal when it is not the stream any more that the worker reads.
func (w *Worker) sameStream(ctx context.Context) (*jetstream.StreamInfo, error) {
	known := w.known(w.reader.Delivered().Sequence)
	info, err := agreed(ctx, known.read, w.state)
	if err != nil {
		return nil, err
	}
	proven, err := known.belongs(ctx, w.Events, info)
	if err == nil && len(known.prints) > 0 {
		w.sayProven(proven, info)
	}
	return info, err
}
