package worker_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws fewer cases than rapid's default: each runs the real servers. -rapid.checks draws more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "6"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
