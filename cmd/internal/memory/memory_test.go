package memory

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		text  string
		total int64
		want  int64
		fails string
	}{
		{text: "", total: 8 * gib, want: 4 * gib},
		{text: "", total: 0, want: 0},
		{text: "2GiB", total: 8 * gib, want: 2 * gib},
		{text: "1.5 GiB", total: 8 * gib, want: 3 * gib / 2},
		{text: "512MiB", want: 512 << 20},
		{text: "2GB", want: 2_000_000_000},
		{text: "25%", total: 8 * gib, want: 2 * gib},
		{text: "25%", total: 0, fails: "such as 2GiB"},
		{text: "2", fails: "a number and a unit"},
		{text: "GiB", fails: "a number and a unit"},
		{text: "-2GiB", fails: "a number and a unit"},
		{text: "NaNGiB", fails: "a number and a unit"},
		{text: "1e300GiB", fails: "a number and a unit"},
		{text: "63MiB", fails: "64 MiB or more"},
		{text: "200%", total: 8 * gib, fails: "100% at most"},
		{text: "0%", total: 8 * gib, fails: "a number and a unit"},
	} {
		got, err := parse(c.text, c.total)
		if c.fails == "" && (err != nil || got != c.want) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%q of %d is %d, %v; want %d, %s", c.text, c.total, got, err, c.want, c.fails)
		}
	}
}

// TestLimit: the budget is Go's limit unless the environment has one, and 0 is none.
func TestLimit(t *testing.T) {
	before, growthBefore := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	defer func() { debug.SetMemoryLimit(before); debug.SetGCPercent(growthBefore) }()
	for _, c := range []struct {
		limit  string
		budget int64
		want   int64
	}{{"", 1 << 30, 1 << 30}, {"2GiB", 1 << 30, math.MaxInt64}, {"", 0, math.MaxInt64}} {
		debug.SetMemoryLimit(math.MaxInt64)
		t.Setenv("GOMEMLIMIT", c.limit)
		if Limit(c.budget); debug.SetMemoryLimit(-1) != c.want {
			t.Errorf("with GOMEMLIMIT=%q and a budget of %d the limit is %d, want %d", c.limit, c.budget, debug.SetMemoryLimit(-1), c.want)
		}
	}
}
