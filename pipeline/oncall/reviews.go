package oncall

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/review"
	"firstlight/pipeline/trouble"
)

// Reviews sends a review of a week to places, each of them once.
type Reviews interface {
	Once(ctx context.Context, week string, r *review.Review, places []string) error
}

const (
	// stale is how old numbers may be for a review, and how long one is still sent after its hour: nobody wants that of last week, and
	// an import of years has none to send.
	stale = 48 * time.Hour
	// againAfter is how long a review waits that could not be sent.
	againAfter = 5 * time.Minute
)

// review sends the reviews that are due by the stream's clock. What was sent is in the ledger; that it was is remembered here too.
func (w *Watcher) review(ctx context.Context, asOf, now time.Time) {
	plan := w.Catalog.Review
	if plan == nil || w.Reviews == nil || len(plan.Send) == 0 {
		return
	}
	due := plan.Due(asOf, w.Catalog.Location)
	if asOf.Sub(due) > stale || now.Sub(asOf) > stale || due.Equal(w.reviewed) || now.Sub(w.reviewFailed) < againAfter {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("sending reviews took too long"))
	defer cancel()
	err := w.sendReviews(ctx, due.Format(time.DateOnly))
	if err != nil {
		w.reviewFailed = now
	} else {
		w.reviewed = due
		w.Log.Info("the reviews of the week are sent", zap.String("week", due.Format(time.DateOnly)))
	}
	w.Trouble.Report(trouble.NATS, "reviews", err)
}

func (w *Watcher) sendReviews(ctx context.Context, week string) error {
	facts, err := w.Store.ReviewFacts(ctx, true)
	if err != nil {
		return err
	}
	var failed error
	for _, owner := range facts.Owners("") {
		failed = errors.Join(failed, w.Reviews.Once(ctx, week, facts.Of(owner, ""), w.Catalog.Review.Send))
	}
	if failed != nil {
		return fmt.Errorf("reviews: %w", failed)
	}
	return nil
}
