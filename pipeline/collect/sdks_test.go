package collect

import (
	"net/http"
	"strings"
	"testing"
)

// What SDKs made of answers, and the answers that suit them.

// TestGzipHolds: a program that sends fifty small batches in gzip at once is not told to come later, because each holds what it unpacks
// to, and not what it may unpack to.
func TestGzipHolds(t *testing.T) {
	const limit = 2_000_000
	short, long := `{"event":"e"}`, strings.Repeat("a", limit)
	for _, c := range []struct {
		name, body string
		text       int // bytes
		held       int // bytes, at most
	}{
		{"short", zipped(short), len(short), 100},
		{"as long as may be", zipped(long), limit, limit + 1},
		{"in two members, of which the second tells its length only", zipped(long[:limit/2]) + zipped("b"), limit/2 + 1, 3 * limit},
		{"no gzip", short, len(short), 0},
	} {
		held := 0
		text, p := gunzip([]byte(c.body), limit, func(n int) bool { held += n; return true })
		if p != nil || len(text) != c.text || held > c.held {
			t.Errorf("%s: %d bytes, %d held, %v", c.name, len(text), held, p)
		}
	}
	if _, p := gunzip([]byte(zipped(long+"a")), limit, func(int) bool { return true }); p == nil || p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("one byte too many: %v", p)
	}
	if _, p := gunzip([]byte(zipped(short)), limit, func(int) bool { return false }); p == nil || p.Status != http.StatusTooManyRequests {
		t.Errorf("no room: %v", p)
	}
}

// TestLater: PostHog's SDK in browsers drops what is answered 429, all others try again.
func TestLater(t *testing.T) {
	for path, want := range map[string]int{"/e/": 503, "/batch/": 503, "/i/v1/analytics/events": 503, "/v1/batch": 429, "/events": 429} {
		r := route(path)
		if got := r.phrase(errNoRoom()); got.Status != want || got.RetryAfter == 0 {
			t.Errorf("%s: %+v", path, got)
		}
		if got := r.phrase(problem(http.StatusUnauthorized, "no")); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// TestSurveysAreOff: PostHog's SDK in browsers loads a script for surveys where the configuration says anything of them, false too.
func TestSurveysAreOff(t *testing.T) {
	if got := posthogConfig("k")["surveys"]; got != nil {
		t.Errorf("surveys: %v", got)
	}
}
