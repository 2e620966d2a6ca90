package catalog

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// maxDuration keeps every sum of a time and a duration far from overflow.
const maxDuration = 100 * 365 * day

// durationUnits are the units of a duration, longest first: a day is 24 h, a week 7 d, a year 365 d.
var durationUnits = []struct {
	name string
	unit time.Duration
}{
	{"y", 365 * day},
	{"w", 7 * day},
	{"d", day},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
}

// parseDuration reads durations such as 10m, 24h, 7d, 2w, 1h30m or 2y: whole numbers with a unit, each unit
// at most once and the longest first. The hint says what to write instead, and is empty when s is fine.
func parseDuration(s string) (d time.Duration, hint string) {
	form := "write a duration such as 30m, 24h, 7d or 1d12h"
	if meant := durationInWords(s); meant != "" && meant != s {
		form = "write " + meant
	}
	next := 0
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		if err != nil {
			return 0, form
		}
		rest = rest[digits:]
		unit := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
		rest = rest[len(unit):]
		if unit == "mo" {
			return 0, "months differ in length: write days, such as 30d"
		}
		i := unitIndex(unit, next)
		if i < 0 {
			return 0, form
		}
		next = i + 1
		if d += time.Duration(n) * durationUnits[i].unit; n > 40000 && durationUnits[i].unit >= day || d > maxDuration {
			return 0, "write at most 100y"
		}
	}
	if s == "" {
		return 0, form
	}
	return d, ""
}

var inWords = regexp.MustCompile(`^(?i)\s*(\d{1,4})\s*(years?|yrs?|weeks?|wks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|[ywdhms])\s*$`)

// durationInWords rewrites "1 day" or "30 minutes" as a duration, and returns "" for anything else.
func durationInWords(s string) string {
	m := inWords.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1] + strings.ToLower(m[2][:1])
}

func unitIndex(name string, from int) int {
	for i := from; i < len(durationUnits); i++ {
		if durationUnits[i].name == name {
			return i
		}
	}
	return -1
}

// formatDuration writes a duration in days, hours, minutes and seconds, such as 7d or 1d12h.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range durationUnits[2:] {
		if n := d / u.unit; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			d %= u.unit
		}
	}
	return b.String()
}

// maxTrailing is the longest trailing window in days.
const maxTrailing = 90

// parseWindow reads 1h, 1d, 1w, 1mo or Nd/1d. The hint says what to write instead, and is empty when s is fine.
func parseWindow(s string) (w Window, hint string) {
	switch s {
	case "1h":
		return Window{Name: s, Kind: Hour}, ""
	case "1d":
		return Window{Name: s, Kind: Day}, ""
	case "1w":
		return Window{Name: s, Kind: Week}, ""
	case "1mo":
		return Window{Name: s, Kind: Month}, ""
	}
	days, trailing := strings.CutSuffix(s, "d/1d")
	n, err := strconv.Atoi(days)
	if trailing && err == nil && strconv.Itoa(n) == days {
		if n < 1 || n > maxTrailing {
			return w, "a trailing window has 1 to 90 days, such as 28d/1d"
		}
		return Window{Name: s, Kind: Trailing, Days: n}, ""
	}
	return w, windowHint(s)
}

func windowHint(s string) string {
	if meant := durationInWords(s); meant != "" {
		s = meant
	}
	switch s {
	case "1h", "1d", "1w":
		return "write " + s
	case "1m", "1M", "1month", "30d", "month":
		return "write 1mo for calendar months, or 30d/1d for trailing days"
	case "7d", "week", "1W":
		return "write 1w for calendar weeks, or 7d/1d for trailing days"
	case "24h", "day", "1D":
		return "write 1d"
	case "60m", "hour", "1H":
		return "write 1h"
	}
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if _, err := strconv.Atoi(n); err == nil {
			return "write " + s + "/1d for trailing days"
		}
	}
	return "write 1h, 1d, 1w, 1mo, or trailing days such as 7d/1d"
}
