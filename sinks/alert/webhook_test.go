package alert_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"firstlight/pipeline/anomaly"
	"firstlight/sinks/alert"
)

func withHook(r *recorder) alert.Config {
	cfg := config()
	cfg.WebhookURL, cfg.WebhookSecret = r.URL+"/in?token=hidden", "the-secret"
	return cfg
}

func keys(r *recorder) (all []string) {
	for _, q := range r.seen() {
		all = append(all, q.header.Get("Idempotency-Key"))
	}
	return all
}

// TestWebhook: every message in order, as a CloudEvent, signed so that the receiver can check it.
func TestWebhook(t *testing.T) {
	hook := record(t, 204, nil)
	begin(t, withHook(hook), connect(t)).deliver(storyOfA...)
	if got := fmt.Sprint(keys(hook)); got != "[a-1 a-2 a-3 a-4]" {
		t.Errorf("it got %s", got)
	}
	for _, q := range hook.seen() {
		parts := regexp.MustCompile(`^t=(\d+),v1=([0-9a-f]{64})$`).FindStringSubmatch(q.header.Get("Firstlight-Signature"))
		if parts == nil {
			t.Fatalf("the signature is %q", q.header.Get("Firstlight-Signature"))
		}
		mac := hmac.New(sha256.New, []byte("the-secret"))
		mac.Write([]byte(parts[1] + "."))
		mac.Write(q.body)
		if hex.EncodeToString(mac.Sum(nil)) != parts[2] {
			t.Error("the signature is wrong")
		}
		if q.header.Get("Content-Type") != "application/cloudevents+json" || q.json(t)["specversion"] != "1.0" {
			t.Errorf("the request is %v %s", q.header, q.body)
		}
	}
}

// TestFailuresAreTriedAgain: in order, not before the server wants it, and counted.
func TestFailuresAreTriedAgain(t *testing.T) {
	hook := record(t, 0, func(n int, w http.ResponseWriter) {
		switch n {
		case 1:
			w.WriteHeader(500)
		case 2:
			w.Header().Set("Retry-After", "1800")
			w.WriteHeader(429)
		case 3:
			w.WriteHeader(503)
		}
	})
	cfg, clock := withHook(hook), fakeClock()
	cfg.Clock, cfg.Metrics = clock, alert.NewMetrics()
	l := begin(t, cfg, connect(t))
	l.Tell(storyOfA[:2])
	later(t, clock, time.Millisecond, "the second attempt", func() bool { return len(hook.seen()) == 2 })
	until(t, "the answer is known", func() bool { return l.log.FilterMessage("tried again later").Len() == 2 })
	clock.Advance(29 * time.Minute)
	l.Tell(storyOfA[:2])
	if n := len(hook.seen()); n != 2 {
		t.Errorf("%d attempts before the server wants one", n)
	}
	later(t, clock, time.Second, "all is delivered", l.idle)
	if got := fmt.Sprint(keys(hook)); got != "[a-1 a-1 a-1 a-1 a-2]" {
		t.Errorf("it got %s", got)
	}
	want := `# HELP firstlight_alerts_failed_total Attempts to deliver a message that failed
# TYPE firstlight_alerts_failed_total counter
firstlight_alerts_failed_total{destination="jetstream"} 0
firstlight_alerts_failed_total{destination="webhook"} 3
# HELP firstlight_alerts_sent_total Messages a destination has taken
# TYPE firstlight_alerts_sent_total counter
firstlight_alerts_sent_total{destination="jetstream"} 2
firstlight_alerts_sent_total{destination="webhook"} 2
`
	if err := testutil.CollectAndCompare(cfg.Metrics, strings.NewReader(want), "firstlight_alerts_sent_total", "firstlight_alerts_failed_total"); err != nil {
		t.Error(err)
	}
}

// TestRefusals: what a server refuses for good is given up, named in the log with the server's words and without
// secrets, and what follows is delivered.
func TestRefusals(t *testing.T) {
	for status, attempts := range map[int]int{400: 1, 413: 1, 401: 8, 404: 8, 302: 8} {
		var refuse atomic.Bool
		refuse.Store(true)
		hook := record(t, 0, func(_ int, w http.ResponseWriter) {
			if refuse.Load() {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				fmt.Fprint(w, "the field of /in?token=hidden is\nwrong")
			}
		})
		l := begin(t, withHook(hook), connect(t))
		l.deliver(storyOfA[0])
		if n := len(hook.seen()); n != attempts {
			t.Errorf("%d: %d attempts, want %d", status, n, attempts)
		}
		refuse.Store(false)
		l.deliver(storyOfA[1])
		l.stop()
		var said strings.Builder
		for _, e := range l.log.All() {
			fmt.Fprintln(&said, e.Message, e.ContextMap())
		}
		if text := said.String(); !strings.Contains(text, "is wrong") || !strings.Contains(text, "a-1") || strings.Contains(text, "hidden") || strings.Contains(text, "the-secret") {
			t.Errorf("%d: the log says %s", status, text)
		}
	}
}

// TestOneBadMessageHoldsUpNoOther: a server that fails at one incident for ever gets the others.
func TestOneBadMessageHoldsUpNoOther(t *testing.T) {
	hook := &recorder{}
	hook.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hook.mu.Lock()
		defer hook.mu.Unlock()
		hook.requests = append(hook.requests, request{header: r.Header})
		if strings.HasPrefix(r.Header.Get("Idempotency-Key"), "bad-") {
			w.WriteHeader(500)
		}
	}))
	defer hook.Close()
	l := begin(t, withHook(hook), connect(t))
	l.Tell(append([]anomaly.Message{message("bad", 1, anomaly.Opened, anomaly.Warning), message("bad", 2, anomaly.Updated, anomaly.Warning)}, storyOfA...))
	good := func() (all []string) {
		for _, k := range keys(hook) {
			if !strings.HasPrefix(k, "bad-1") {
				all = append(all, k)
			}
		}
		return all
	}
	until(t, "all but the bad are delivered", func() bool { return len(good()) == 4 })
	if got := fmt.Sprint(good()); got != "[a-1 a-2 a-3 a-4]" {
		t.Errorf("it got %s", got)
	}
}

// TestUnfitMessages: one that cannot be written holds up no other.
func TestUnfitMessages(t *testing.T) {
	hook := record(t, 200, nil)
	cfg := withHook(hook)
	cfg.PagerDutyURL, cfg.PagerDutyKey = hook.URL, strings.Repeat("k", 32)
	js := connect(t)
	nan, huge := math.NaN(), message("huge", 1, anomaly.Opened, anomaly.Warning)
	unfit := message("unfit", 1, anomaly.Opened, anomaly.Warning)
	unfit.Value, huge.SQL = &nan, strings.Repeat("x", 20<<20)
	begin(t, cfg, js).deliver(unfit, huge, storyOfA[0])
	if got := fmt.Sprint(keys(hook)); got != "[huge-1 a-1]" {
		t.Errorf("the webhook got %s", got)
	}
	if got := fmt.Sprint(published(t, js)); got != "[anomalies.warning.activated a-1]" {
		t.Errorf("the stream holds %s", got)
	}
}

// TestSlowDestinationDelaysNoOther: nor does it hold up the end for long.
func TestSlowDestinationDelaysNoOther(t *testing.T) {
	release := make(chan struct{})
	slow := record(t, 0, func(int, http.ResponseWriter) { <-release })
	defer close(release)
	pager := record(t, 202, nil)
	cfg := withHook(slow)
	cfg.PagerDutyURL, cfg.PagerDutyKey = pager.URL, strings.Repeat("k", 32)
	js := connect(t)
	l := begin(t, cfg, js, func(a *alert.Alerts) { a.AnswerWithin(patience) })
	l.Tell([]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Critical)})
	until(t, "the others have it", func() bool { return len(pager.seen()) == 1 && len(published(t, js)) == 1 })
	start := time.Now()
	l.stop()
	if took := time.Since(start); took > patience/2 {
		t.Errorf("the end took %s", took)
	}
}

// TestWhatWaitsIsBounded: a destination that is away for ever costs bounded memory.
func TestWhatWaitsIsBounded(t *testing.T) {
	l := begin(t, withHook(record(t, 200, nil)), connect(t), func(a *alert.Alerts) { a.CrashAt(func(string, string) bool { return true }) })
	m := message("a", 1, anomaly.Opened, anomaly.Warning)
	many := make([]anomaly.Message, 10_500)
	for i := range many {
		many[i] = m
		many[i].Incident = fmt.Sprint("i", i)
	}
	l.Tell(many)
	if n := l.Waiting("webhook"); n != 10_000 {
		t.Errorf("%d messages wait, want 10,000", n)
	}
}
