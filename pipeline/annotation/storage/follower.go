// Package storage stores annotations: it follows their stream, judges its messages, writes them to ClickHouse, and sends
// what it refuses to the dead-letter stream. It has no part in the accounts of events.
//
// Every message is a row of its own that may be written again, so a crash costs nothing but reading some messages
// twice. A failure of any kind starts the reading again from the stored position: annotations never stop the worker.
//
// Goroutines: Run is one, and the consumer's callback hands it messages. The callback waits for nothing once Run has
// returned.
package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/sinks/clickhouse"
)

// Store is where annotations are kept: sinks/clickhouse has it.
type Store interface {
	AnnotationPositions(ctx context.Context) ([]clickhouse.AnnotationPosition, error)
	ForgetAnnotations(ctx context.Context, streamCreated int64, last uint64) error
	WriteAnnotations(ctx context.Context, streamCreated int64, rows []clickhouse.AnnotationRow) error
	WriteAnnotationPosition(ctx context.Context, p clickhouse.AnnotationPosition) error
}

// Follower follows the stream of annotations. Set all fields but Rebuild; then call Run once.
type Follower struct {
	JS      jetstream.JetStream
	Dead    jetstream.Stream // the dead-letter stream
	MaxSize int              // the server's largest message
	Store   Store
	Log     *zap.Logger
	Trouble *trouble.Board // what fails; nil: one of its own
	Rebuild bool           // read the stream again from its start

	Drained chan struct{} // closed once all that the stream held at start is stored

	target  *uint64 // last sequence of the stream at start; nil before
	drained bool    // Drained is closed
}

// errReplaced ends the reading of a stream that is not the one any more whose position is known.
var errReplaced = errors.New("the stream was recreated or rolled back")

// Run stores annotations until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	if f.Trouble == nil {
		f.Trouble = trouble.NewBoard(f.Log)
	}
	for failed := 1; ; failed++ {
		began := time.Now()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > steady {
			failed = 1
		}
		wait := trouble.Backoff(failed)
		f.Trouble.Report(trouble.PlaceOf(err, trouble.ClickHouse), storing, err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// steady is how long reading goes on until a failure is the first of its kind.
const steady = 5 * time.Second

// storing is what the trouble of a follower is about.
const storing = "annotations"

// works takes note that annotations are stored, or that there are none.
func (f *Follower) works() {
	for _, at := range []string{trouble.ClickHouse, trouble.NATS} {
		f.Trouble.Report(at, storing, nil)
	}
}

// follow reads the stream as it is now, until something fails or ctx ends.
func (f *Follower) follow(ctx context.Context) error {
	s, err := stream.EnsureAnnotations(ctx, f.JS)
	if err != nil {
		return trouble.At(trouble.NATS, err)
	}
	r := &reading{Follower: f, stream: s}
	if err := r.open(ctx); err != nil {
		return err
	}
	return r.run(ctx)
}

// drainPatience is how long annotations may hold up the end of a process that drains.
const drainPatience = 30 * time.Second

// WaitDrained waits until all that the stream held at start is stored, or ctx ends. It gives up when that takes too long: why is
// in the log.
func (f *Follower) WaitDrained(ctx context.Context) error {
	select {
	case <-f.Drained:
	case <-ctx.Done():
	case <-time.After(drainPatience):
		return errors.New("annotations could not be read within 30 s: the log says why; events are all stored")
	}
	return nil
}

// open finds where to go on.
func (r *reading) open(ctx context.Context) error {
	created := r.stream.CachedInfo().Created.UnixMilli()
	positions, err := r.Store.AnnotationPositions(ctx)
	if err != nil {
		return err
	}
	info, err := r.stream.Info(ctx) // after the positions: another worker may be ahead of what was known before
	if err != nil {
		return trouble.At(trouble.NATS, fmt.Errorf("read the annotation stream's state: %w", err))
	}
	if info.Created.UnixMilli() != created {
		return errReplaced
	}
	last := info.State.LastSeq
	r.at = clickhouse.AnnotationPosition{StreamCreated: created}
	known := false
	for _, p := range positions {
		if p.StreamCreated == created {
			r.at, known = p, true
		}
	}
	switch {
	case r.Rebuild:
		err = r.startOver(ctx, last)
		r.Rebuild = err != nil
	case !known && len(positions) > 0:
		r.Log.Warn("the stream of annotations was recreated: reading it from its start, what was stored from earlier ones stays")
	case r.at.AppliedSeq > last:
		r.Log.Warn("the stream of annotations ends before what was stored: it was rolled back, reading it from its start",
			zap.Uint64("stored", r.at.AppliedSeq), zap.Uint64("last", last))
		err = r.startOver(ctx, last)
	}
	if err != nil {
		return err
	}
	r.dead = &stream.DeadLetters{JS: r.JS, Stream: r.Dead, MaxSize: r.MaxSize, Source: fmt.Sprintf("%s@%d", stream.AnnotationStream, created)}
	if r.sent, err = r.dead.SentAfter(ctx, r.at.DeadSeq); err != nil {
		return trouble.At(trouble.NATS, err)
	}
	maps.DeleteFunc(r.sent, func(seq, _ uint64) bool { return seq <= r.at.AppliedSeq })
	return r.aim(ctx)
}

// startOver forgets how far the stream was read.
func (r *reading) startOver(ctx context.Context, last uint64) error {
	r.at = clickhouse.AnnotationPosition{StreamCreated: r.at.StreamCreated}
	return r.Store.ForgetAnnotations(ctx, r.at.StreamCreated, last)
}

// aim notes what has to be stored before the stream counts as drained, once.
func (r *reading) aim(ctx context.Context) error {
	if r.target == nil {
		newest, err := r.newest(ctx)
		if err != nil {
			return err
		}
		r.target = &newest
	}
	return r.checkDrained(ctx)
}

// checkDrained closes Drained when all that the stream held at start, and still holds, is stored.
func (r *reading) checkDrained(ctx context.Context) error {
	if r.drained {
		return nil
	}
	if r.at.AppliedSeq < *r.target {
		newest, err := r.newest(ctx) // what was last at start may have expired, or be of another stream
		if err != nil || r.at.AppliedSeq < newest {
			return err
		}
	}
	r.drained = true
	close(r.Drained)
	return nil
}

// newest returns the sequence of the newest message that the stream holds, 0 when there is none.
func (r *reading) newest(ctx context.Context) (uint64, error) {
	m, err := r.stream.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the newest annotation: %w", err)
	}
	return m.Sequence, nil
}
