package worker_test

import (
	"flag"
	"os"
	"testing"
)

// fewChecks is how many cases are drawn with real servers where nobody asks for another number.
const fewChecks = "6"

// TestMain draws fewer cases than rapid's default: each runs the real servers. -rapid.checks draws more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", fewChecks); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// onlyInFull leaves a test of what numbers mean out of a -short run: that is for the race detector, which has
// nothing to find where one goroutine works.
func onlyInFull(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a test of numbers: run without -short")
	}
}
