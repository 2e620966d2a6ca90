package anomaly

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws fewer cases than rapid's default: each judges a product day by day. -rapid.checks draws more.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "8", "rapid.shrinktime": "5s"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}
