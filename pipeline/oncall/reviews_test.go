package oncall_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/review"
)

// post is where reviews go that fails at first.
type post struct {
	mu    sync.Mutex
	asked []string
	fails bool
}

func (p *post) Once(_ context.Context, week string, r *review.Review, places []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, week+" "+r.Owner+" "+places[0])
	if p.fails {
		return errors.New("not now")
	}
	return nil
}

func (p *post) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// TestReviewOfTheWeek: who leads sends it once the stream's clock has passed its hour, and not of numbers of long ago.
func TestReviewOfTheWeek(t *testing.T) {
	t.Parallel()
	h := newHarness(t, shop)
	h.publish(signups(3)...)
	h.publish(clock(day(3)))
	h.drain()
	now := time.Now().UTC()
	h.catalog.Review = &catalog.ReviewPlan{Day: day(3).Weekday(), Hour: 0, Send: []string{"slack"}}
	old, p := &post{}, &post{}
	w, _ := h.watcher("of the past")
	w.Reviews = old
	stop := h.run(w)
	eventually(t, "it judges", w.Healthy)
	stop()
	if got := old.seen(); len(got) > 0 {
		t.Errorf("an import of the past sends %v", got)
	}

	h.publish(action{at: now, user: "anna", name: "signed_up", live: true})
	h.drain()
	h.catalog.Review = &catalog.ReviewPlan{Day: now.Weekday(), Hour: 0, Send: []string{"slack"}}
	w, _ = h.watcher("of today")
	w.Reviews = p
	h.run(w)
	eventually(t, "the review is sent", func() bool { return len(p.seen()) > 0 })
	if got := p.seen(); len(got) != 1 || got[0][10:] != " growth@acme.example slack" {
		t.Errorf("sent %v", got)
	}
}
