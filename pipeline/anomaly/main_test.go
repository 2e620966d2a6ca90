package anomaly

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws fewer cases than rapid's default: each judges a product day by day. -rapid.checks draws more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
