package judge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
)

// Letters is the stream of dead letters, which may be deleted meanwhile: what was in it is remembered.
type Letters struct {
	JS      jetstream.JetStream
	Applied func(context.Context) (map[int]uint64, error) // how far each partition is stored

	before    [][]letter // what streams held that were deleted
	deletions []deletion
}

// letter is what tells of a dead message.
type letter struct {
	sequence uint64
	reason   string
}

// deletion is how far each partition was stored before the stream was read for the last time, and once letters were stored again. What
// was sent between these may have gone with the stream.
type deletion struct{ from, to map[int]uint64 }

// Delete deletes the stream. Call Deleted once all has recovered from that.
func (l *Letters) Delete(ctx context.Context) error {
	from, err := l.Applied(ctx)
	if err != nil {
		return err
	}
	held, err := l.held(ctx)
	if err != nil {
		return err
	}
	if err := l.JS.DeleteStream(ctx, stream.DeadStream); err != nil {
		return fmt.Errorf("delete the dead letters: %w", err)
	}
	l.before, l.deletions = append(l.before, held), append(l.deletions, deletion{from: from})
	return nil
}

// Deleted ends the time in which a letter may have gone with the stream.
func (l *Letters) Deleted(ctx context.Context) error {
	if len(l.deletions) == 0 || l.deletions[len(l.deletions)-1].to != nil {
		return nil
	}
	to, err := l.Applied(ctx)
	if err != nil {
		return err
	}
	l.deletions[len(l.deletions)-1].to = to
	return nil
}

// held are the letters that the stream holds.
func (l *Letters) held(ctx context.Context) (all []letter, err error) {
	s, err := l.JS.Stream(ctx, stream.DeadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the dead letters back: %w", err)
	}
	err = each(ctx, s, func(m jetstream.Msg, _ *jetstream.MsgMetadata) {
		sequence, _ := strconv.ParseUint(m.Headers().Get(stream.HeaderSequence), 10, 64) // 0 is nobody's
		all = append(all, letter{sequence, m.Headers().Get(stream.HeaderReason)})
	})
	return all, err
}

// compare holds the letters against the oracle's: each once, and none too many. deleted is how many went with a stream.
func (l *Letters) compare(ctx context.Context, accounts []oracle.Account) (deleted int, problems []string, err error) {
	now, err := l.held(ctx)
	if err != nil {
		return 0, nil, err
	}
	want := map[uint64]letterOf{}
	for _, a := range accounts {
		for sequence, reason := range a.Letters {
			want[sequence] = letterOf{a.Partition, reason}
		}
	}
	seen := map[uint64]bool{}
	for _, held := range append(slices.Clone(l.before), now) {
		once := map[uint64]bool{}
		for _, letter := range held {
			if once[letter.sequence] {
				problems = append(problems, fmt.Sprintf("the dead letter of message %d is there twice", letter.sequence))
			}
			once[letter.sequence], seen[letter.sequence] = true, true
			if w := want[letter.sequence]; w.reason != letter.reason {
				problems = append(problems, fmt.Sprintf("the dead letter of message %d says %q, want %q", letter.sequence, letter.reason, w.reason))
			}
		}
	}
	for _, sequence := range slices.Sorted(maps.Keys(want)) {
		switch w := want[sequence]; {
		case seen[sequence]:
		case l.mayBeDeleted(sequence, w.partition):
			deleted++
		default:
			problems = append(problems, fmt.Sprintf("there is no dead letter of message %d of partition %d (%s)", sequence, w.partition, w.reason))
		}
	}
	return deleted, problems, nil
}

// letterOf is what the oracle says of a dead message.
type letterOf struct {
	partition int
	reason    string
}

// mayBeDeleted reports whether the letter of a message may have gone with a stream that was deleted.
func (l *Letters) mayBeDeleted(sequence uint64, partition int) bool {
	return slices.ContainsFunc(l.deletions, func(d deletion) bool {
		return sequence > d.from[partition] && (d.to == nil || sequence <= d.to[partition])
	})
}
