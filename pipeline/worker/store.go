package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/stream"
)

// store writes a snapshot in the order that makes a crash between any two writes harmless: names and calendar,
// cells, users, dead letters, and last the checkpoint that covers them. Each write is tried again until it
// succeeds or ctx ends.
func (w *Worker) store(ctx context.Context, s *snapshot) error {
	p := s.checkpoint.Partition
	steps := []struct {
		what  string
		empty bool
		write func() error
	}{
		{"names", len(s.names) == 0, func() error { return w.Store.WriteNames(ctx, p, s.names) }},
		{"calendar", len(s.days) == 0, func() error { return w.Store.WriteCalendar(ctx, s.days) }},
		{"cells", s.cells.Len() == 0, func() error { return w.Store.WriteCells(ctx, &s.cells) }},
		{"users", s.users.Len() == 0, func() error { return w.Store.WriteUsers(ctx, &s.users) }},
		{"dead letters", len(s.dead) == 0, func() error { return w.sendDead(ctx, s) }},
		{"checkpoint", false, func() error { return w.writeCheckpoint(ctx, s) }},
	}
	for _, step := range steps {
		if step.empty {
			continue
		}
		if w.fault != nil {
			if err := w.fault(step.what); err != nil {
				return err
			}
		}
		if err := w.retry(ctx, step.what, step.write); err != nil {
			return fmt.Errorf("flush partition %d: %w", p, err)
		}
	}
	return nil
}

// sendDead sends the snapshot's letters. When it is tried again, those that the stream has are not sent twice.
func (w *Worker) sendDead(ctx context.Context, s *snapshot) error {
	letters := s.dead
	if s.deadTried {
		sent, err := w.Dead.SentAfter(ctx, s.checkpoint.DeadSeq)
		if err != nil {
			return err
		}
		letters = slices.DeleteFunc(slices.Clone(letters), func(l stream.DeadLetter) bool { _, ok := sent[l.Sequence]; return ok })
	}
	s.deadTried = true
	return w.Dead.Send(ctx, letters)
}

// writeCheckpoint ends a flush. No letter of a later message of the partition has been sent yet, so letters
// stored by now need not be read back after a crash.
func (w *Worker) writeCheckpoint(ctx context.Context, s *snapshot) error {
	s.checkpoint.DeadSeq = max(s.checkpoint.DeadSeq, w.Dead.Last())
	return w.Store.WriteCheckpoints(ctx, s.checkpoint)
}

const (
	firstRetry = 100 * time.Millisecond
	maxRetry   = 5 * time.Second
)

// retry calls write until it succeeds or ctx ends.
func (w *Worker) retry(ctx context.Context, what string, write func() error) error {
	for wait := firstRetry; ; wait = min(2*wait, maxRetry) {
		err := write()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		w.Log.Warn("write failed, trying again", zap.String("what", what), zap.Duration("in", wait), zap.Error(err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}
