package alert_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/review"
	"firstlight/sinks/alert"
)

// aReview is one that says what people said, as they said it.
func aReview() *review.Review {
	value, change, low, high := 0.38, -0.03, -0.04, -0.02
	f := &review.Facts{
		Product: "acme", AsOf: time.Date(2026, 4, 13, 8, 0, 0, 0, time.UTC),
		Metrics: []review.Metric{{Name: "activated", Owner: "growth@acme.example", N: 100, Value: &value, Previous: &value, Change: &change, ChangeLow: &low, ChangeHigh: &high}},
		Voices:  []review.Voice{{Voice: "cancel_reason", Metric: "activated", Text: "<!channel> too dear & slow"}},
	}
	return f.Of("growth@acme.example", "")
}

// TestReviewsAreSentOnce: of each week and owner, to each place, whoever sends it; a place that fails gets it later and keeps no other from it.
func TestReviewsAreSentOnce(t *testing.T) {
	refuse := true
	slack := record(t, 200, nil)
	hook := record(t, 204, func(_ int, w http.ResponseWriter) {
		if refuse {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	cfg := config()
	cfg.SlackURL, cfg.WebhookURL = slack.URL+"/services/T0/B0/secret", hook.URL
	js, dir := connect(t), filepath.Join(t.TempDir(), "reviews")
	places := []string{"webhook", "slack", "file"}
	err := (&alert.Reviews{Config: cfg, JS: js, Dir: dir}).Once(t.Context(), "2026-04-13", aReview(), places)
	if err == nil || !strings.Contains(err.Error(), "webhook: 503") {
		t.Errorf("the webhook refused it, and it says %v", err)
	}
	refuse = false
	for range 2 { // as another worker does
		if err := (&alert.Reviews{Config: cfg, JS: js, Dir: dir}).Once(t.Context(), "2026-04-13", aReview(), places); err != nil {
			t.Fatal(err)
		}
	}
	if slacks, hooks := len(slack.seen()), len(hook.seen()); slacks != 1 || hooks != 2 {
		t.Errorf("Slack got %d and the webhook %d, want 1 and 2, of which it refused one", slacks, hooks)
	}
	text := string(slack.seen()[0].body)
	if !strings.Contains(text, "*What moved*") || !strings.Contains(text, `\u0026lt;!channel\u0026gt; too dear \u0026amp; slow`) {
		t.Errorf("Slack got %s", text)
	}
	var event struct {
		ID, Type string
		Data     review.Review
	}
	if err := json.Unmarshal(hook.seen()[1].body, &event); err != nil || event.Type != "firstlight.review" || event.Data.Owner != "growth@acme.example" {
		t.Errorf("the webhook got %v %+v", err, event)
	}
	written, err := os.ReadFile(filepath.Join(dir, "2026-04-13-growth@acme.example.md"))
	if err != nil || !strings.HasPrefix(string(written), "# acme, 13 April 2026: growth@acme.example") {
		t.Errorf("the file: %v %s", err, written)
	}
	if err := (&alert.Reviews{Config: cfg, JS: js, Dir: dir}).Once(t.Context(), "2026-04-20", aReview(), places); err != nil || len(slack.seen()) != 2 {
		t.Errorf("the next week: %v, %d messages", err, len(slack.seen()))
	}
}
