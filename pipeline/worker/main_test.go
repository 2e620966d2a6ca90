package worker_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
)

// fewChecks is how many cases are drawn with real servers where nobody asks for another number.
const fewChecks = "20"

// TestMain draws fewer cases than rapid's default: each runs the real servers. -rapid.checks draws more. Garbage is collected a quarter as
// often as by default: thousands of short cases leave much of it, and hold little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	if err := flag.Set("rapid.checks", fewChecks); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// onlyInFull leaves a test out of a -short run: that is for the race detector, which has nothing to find where one goroutine works, nor
// where the goroutines are at work that those of other tests are too.
func onlyInFull(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("no goroutine works here that does not in other tests: run without -short")
	}
}
