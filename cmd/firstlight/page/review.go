package page

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/review"
)

// ReviewPath is where the reviews of the week are.
const ReviewPath = "/review"

// reviews serves the reviews of the week at /review, for ?owner= or for everybody, of ?stage= or of all.
type reviews struct {
	facts  func(context.Context) (*review.Facts, error)
	policy string
	hide   func(string) string

	mu   sync.Mutex // one reading at a time: it asks several views
	last *review.Facts
	at   time.Time
}

// reviewFresh is how long everybody gets the review that was read last.
const reviewFresh = 10 * time.Second

func newReviews(c *Config) *reviews {
	sum := sha256.Sum256([]byte(review.Style))
	return &reviews{facts: c.Review, hide: c.Hide, policy: policyWith(c.Collector, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")}
}

func (s *reviews) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	facts, err := s.read(ctx)
	if err != nil {
		text := "the review cannot be read: " + s.hide(err.Error())
		if errors.Is(err, context.DeadlineExceeded) {
			text = "the review takes too long, ask again in a moment"
		}
		http.Error(w, text, http.StatusServiceUnavailable)
		return
	}
	stage, owner := r.URL.Query().Get("stage"), r.URL.Query().Get("owner")
	if stage != "" && !slices.Contains(catalog.Stages, stage) {
		http.Error(w, "a stage is early, growth or maturity", http.StatusBadRequest)
		return
	}
	var all []*review.Review
	for _, o := range facts.Owners(stage) {
		if owner == "" || owner == o {
			all = append(all, facts.Of(o, stage))
		}
	}
	if len(all) == 0 {
		http.Error(w, "there is no metric of that owner and stage, or nothing was computed yet", http.StatusNotFound)
		return
	}
	text, err := review.AllHTML(all)
	if err != nil {
		http.Error(w, s.hide(err.Error()), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", types[".html"])
	w.Header().Set("Content-Security-Policy", s.policy)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) // the browser may be gone
}

func (s *reviews) read(ctx context.Context) (*review.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && time.Since(s.at) < reviewFresh {
		return s.last, nil
	}
	facts, err := s.facts(ctx)
	if err == nil {
		s.last, s.at = facts, time.Now()
	}
	return facts, err
}
