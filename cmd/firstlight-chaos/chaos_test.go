package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/servers"
	"firstlight/sinks/clickhouse/enginetest"
)

func TestMain(m *testing.M) {
	servers.Serve()
	os.Exit(m.Run())
}

// programs returns the folder of what a run starts.
func programs(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	dir, err := enginetest.Programs(t.TempDir(), "firstlight", "firstlight-clickhouse")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestChaos is the short form of make chaos: some faults of every lane, and every number is the oracle's in the end.
func TestChaos(t *testing.T) {
	o := options{seed: 1, faults: 18, workers: 3, partitions: 6, round: 6 * time.Second, bin: programs(t)}
	var out bytes.Buffer
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, line := range []string{"all  18", "differences from the oracle  0"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), strings.Join(strings.Fields(line), " ")) {
			t.Errorf("the table does not say %q:\n%s", line, out.String())
		}
	}
}

// TestSoak is the short form of make soak: that it measures, not that a quarter of a minute says anything about growth.
func TestSoak(t *testing.T) {
	o := options{seed: 1, soak: 15 * time.Second, workers: 2, partitions: 4, bin: programs(t)}
	var out bytes.Buffer
	if err := run(t.Context(), o, &out, t.Output()); err != nil && !strings.Contains(err.Error(), " grew from ") {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "worker 2") || !strings.Contains(said, "goroutines") {
		t.Errorf("it prints:\n%s", said)
	}
}
