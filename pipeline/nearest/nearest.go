// Package nearest guesses which of some names a person meant who misspelt one.
package nearest

import (
	"slices"
	"strings"
)

// Name returns the candidate that a person most likely meant by name, or "" when none is close: at most
// a third of the letters may differ, where case, and "-" for "_", count half; else the two begin alike, as in
// "Mon" for "monday".
func Name(name string, candidates []string) string {
	best, found := 2*max(1, len([]rune(name))/3)+1, ""
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c == name || len(c) > 4*len(name)+8 {
			continue
		}
		if d := distance(name, c); d < best {
			best, found = d, c
		}
	}
	if found != "" {
		return found
	}
	longest := 2
	for _, c := range candidates {
		if n := sharedPrefix(name, c); n > longest && 4*n >= 3*min(len(name), len(c)) {
			longest, found = n, c
		}
	}
	return found
}

// sharedPrefix is the number of bytes at the start of both, ignoring the case of ASCII letters.
func sharedPrefix(a, b string) (n int) {
	for n < len(a) && n < len(b) && strings.EqualFold(a[n:n+1], b[n:n+1]) {
		n++
	}
	return n
}

// distance is the optimal string alignment distance in half edits: insertions, deletions, replacements and swaps of
// neighbours cost 2, a replacement that only changes case or the kind of separator costs 1.
func distance(a, b string) int {
	x, y := clip(a), clip(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = 2 * j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = 2 * i
		for j := 1; j <= len(y); j++ {
			row[j] = min(last[j]+2, row[j-1]+2, last[j-1]+replacement(x[i-1], y[j-1]))
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+2)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

// clip bounds the work on absurdly long names.
func clip(s string) []rune {
	r := []rune(s)
	return r[:min(len(r), 100)]
}

func replacement(a, b rune) int {
	switch {
	case a == b:
		return 0
	case strings.EqualFold(string(a), string(b)), isSeparator(a) && isSeparator(b):
		return 1
	}
	return 2
}

func isSeparator(r rune) bool { return strings.ContainsRune("_-. /", r) }
