package catalog

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10m": 10 * time.Minute, "24h": day, "7d": 7 * day, "2w": 14 * day, "1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour,
		"2y": 730 * day, "1y1w1d1h1m1s": 373*day + time.Hour + time.Minute + time.Second, "0s": 0, "0h": 0, "100y": 36500 * day,
	} {
		got, hint := parseDuration(text)
		if got != want || hint != "" {
			t.Errorf("%s is %v (%s), want %v", text, got, hint, want)
		}
		if again, hint := parseDuration(formatDuration(want)); again != want || hint != "" {
			t.Errorf("%v is written as %s, which reads as %v (%s)", want, formatDuration(want), again, hint)
		}
	}
	for _, text := range []string{"", "h", "7", "7 d", "d7", "1h1d", "1d1d", "1mo", "-1d", "1.5h", "101y", "1ms", "9999999999999999999d", "40001d"} {
		if d, hint := parseDuration(text); hint == "" {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
}
