// Package memory bounds what a process of Firstlight takes of its machine's memory.
package memory

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// Least is the smallest budget (bytes) with which a worker gets anything done.
const Least = 64 << 20

// share is the part of the machine's or container's memory that is the budget where nobody set one.
const share = 0.5

// units are what a budget may be written in.
var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
}

// Parse reads a budget: a number and a unit, such as 512MiB or 2GB, or a part of the machine's or container's memory, such as 40%. Empty
// is half of that, or no budget (0) where the system does not tell.
func Parse(text string) (bytes int64, err error) { return parse(text, Total()) }

func parse(text string, total int64) (int64, error) {
	if text == "" {
		return int64(share * float64(total)), nil
	}
	number, unit := text, 0.0
	if before, ok := strings.CutSuffix(text, "%"); ok {
		if total == 0 {
			return 0, fmt.Errorf("%q is a part of a memory that this system does not tell: write a size such as 2GiB", text)
		}
		number, unit = before, float64(total)/100
	}
	for _, u := range units {
		if before, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = before, u.bytes
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch size := n * unit; {
	case err != nil || unit == 0 || !(size > 0) || size > math.MaxInt64/2:
		return 0, fmt.Errorf("%q is no size: write a number and a unit, such as 512MiB or 2GB, or a part such as 40%%", text)
	case strings.HasSuffix(text, "%") && n > 100:
		return 0, fmt.Errorf("%q is more than there is: write 100%% at most, or a size such as 2GiB", text)
	case size < Least:
		return 0, fmt.Errorf("%q is too little: write %d MiB or more", text, Least>>20)
	default:
		return int64(size), nil
	}
}

// Total is the memory (bytes) of this machine, or of the container where that has less; 0 where the system does not tell.
func Total() int64 {
	total := machine()
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 && (total == 0 || limit < total) {
			total = limit
		}
	}
	return total
}

// growth is by how much, in per cent of what is in use, the heap may grow before it is collected, as GOGC. A worker holds much that
// stays and makes much garbage: at Go's 100, collecting took a fifth of its time.
const growth = 400

// Limit has Go's collector keep this process within a budget (bytes), and collect less often while there is room; it does nothing for a
// budget of 0. GOMEMLIMIT and GOGC in the environment have precedence.
func Limit(budget int64) {
	if budget == 0 {
		return
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(budget)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}

// ForUsers is the part of a budget that a worker's users may take. The rest is for cells, for what waits to be stored or applied, for
// JetStream where it is embedded, and for what Go's collector needs to work seldom.
func ForUsers(budget int64) int { return int(budget / 2) }
