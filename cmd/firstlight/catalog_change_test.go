package main

// What run does when the catalog changes.

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestDefinitionsChange(t *testing.T) {
	b := newSharedBox(t)
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.must("run", "--drain")

	b.write("catalog.yaml", strings.Replace(testCatalog, "within: 7d", "within: 1d", 1))
	if out := b.must("check", "--diff", "catalog.yaml"); !strings.Contains(out, "within: 7d -> 1d") || !strings.Contains(out, "7 messages") {
		t.Errorf("check --diff says\n%s", out)
	}
	b.must("run", "--drain")
	if got := b.tsv("SELECT sum(activated), sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "0\t3" {
		t.Errorf("of those who activate within 1d, and all, there are %s", got)
	}
	b.write("catalog.yaml", testCatalog) // put back
	b.must("run", "--drain")
	if got := b.tsv("SELECT sum(activated), sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "1\t3" {
		t.Errorf("of those who activate within 7d, and all, there are %s", got)
	}
	b.write("catalog.yaml", strings.Replace(testCatalog, "growth@", "product@", 1))
	b.must("run", "--drain")
	if got := b.tsv("SELECT DISTINCT owner FROM metric_catalog"); got != "product@acme.example" {
		t.Errorf("the owner is %s after governance changed", got)
	}
	b.env["FIRSTLIGHT_PARTITIONS"] = "3"
	b.must("run", "--drain")
	if s := b.accounts(); len(s.Partitions) != 3 {
		t.Errorf("%d partitions, the setting asks for 3", len(s.Partitions))
	}
	if got := b.tsv("SELECT sum(activated), sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "1\t3" {
		t.Errorf("of those who activate within 7d, and all, there are %s with other partitions", got)
	}

	b.write("catalog.yaml", strings.Replace(testCatalog, "within: 7d", "within: 1d", 1))
	b.must("run", "--drain", "--rebuild")
	delete(b.env, "FIRSTLIGHT_PARTITIONS")
	b.must("run", "--drain")
	if s := b.accounts(); len(s.Partitions) != 3 {
		t.Errorf("%d partitions, without the setting the 3 that are stored are right", len(s.Partitions))
	}
	if got := b.tsv("SELECT sum(activated) FROM activation_by_cohort WHERE metric = 'activated'"); got != "0" {
		t.Errorf("%s activated within 1d, want 0", got)
	}
}

// TestCatalogFileChanges: a worker that runs takes up what product managers change in the file, shows what stands until what is new is
// complete, and leaves what is wrong.
func TestCatalogFileChanges(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	shown := func() string {
		return d.tsv("SELECT sum(activated), sum(entered) FROM activation_by_cohort WHERE metric = 'activated'")
	}
	metrics := func() string { return d.tsv("SELECT count() FROM metric_catalog WHERE active_since IS NOT NULL") }
	b.eventually("what was published is shown", func() bool { return shown() == "1\t3" })
	ready := func() string {
		answer, err := http.Get("http://" + d.at.HTTP + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("not ready: %s", body)
		}
		return string(body)
	}

	b.write("catalog.yaml", strings.Replace(testCatalog, "within: 7d", "within: soon", 1))
	b.eventually("the worker says what is wrong with the file", func() bool { return strings.Contains(ready(), "catalog.yaml:13") })
	if got := shown(); got != "1\t3" {
		t.Errorf("a wrong file changed what is shown to %s", got)
	}

	// A metric less, which leaves at once; a SIGHUP has the file looked at.
	fewer := testCatalog[:strings.Index(testCatalog, "  - name: exports")]
	b.write("catalog.yaml", fewer)
	if err := d.c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	b.eventually("what was removed is shown no more", func() bool { return metrics() == "2" })
	if said := ready(); strings.Contains(said, "catalog") {
		t.Errorf("a file that is right again: %s", said)
	}

	// Another definition: what stands is shown until it is complete.
	generation := d.tsv("SELECT max(generation) FROM generations")
	b.write("catalog.yaml", strings.Replace(testCatalog, "within: 7d", "within: 1d", 1))
	b.eventually("the other definition is in force", func() bool {
		got := shown()
		switch got {
		case "0\t3":
			return true
		case "1\t3":
		default:
			t.Fatalf("between two definitions %s is shown", got)
		}
		return false
	})
	if got := metrics(); got != "3" {
		t.Errorf("%s metrics are in force, want 3", got)
	}
	if d.tsv("SELECT max(generation) FROM generations") == generation {
		t.Error("no other generation is in force")
	}
	b.eventually("nothing is being computed", func() bool { return !strings.Contains(ready(), "computed") })
	b.must("publish", "--historical", b.write("more.ndjson", `{"event":"signed_up","userId":"u4","timestamp":"2026-03-20T11:00:00Z"}
{"event":"feedback_given","userId":"u4","timestamp":"2026-03-20T11:30:00Z","properties":{"text":"Where do I invite?"}}
`))
	b.eventually("it goes on", func() bool { return shown() == "0\t4" })

	// A voice: it is heard from the stream's start on, and no cell of a metric is written again.
	cells := func() string {
		return d.tsv("SELECT toString(sum(cityHash64(generation, kind, name, segment, segment_value, cohort_start, window, stage, bucket, partition, version, n))) FROM cells")
	}
	before := cells()
	b.write("catalog.yaml", strings.Replace(testCatalog, "within: 7d", "within: 1d", 1)+"voices: [{name: feedback, event: feedback_given, text: properties.text}]\n")
	b.eventually("what was said before is shown", func() bool {
		return d.tsv("SELECT text, next_step FROM voices WHERE metric = 'activated'") == "Where do I invite?\tproject_created"
	})
	b.eventually("nothing is being computed", func() bool { return !strings.Contains(ready(), "computed") })
	if after := cells(); after != before {
		t.Errorf("a voice had cells written again: %s, before %s", after, before)
	}
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("SIGTERM: exit %d", code)
	}
	b.must("run", "--drain")
	if got := b.tsv("SELECT sum(received) FROM pipeline_progress"); got != "9" {
		t.Errorf("%s messages are received, want 9", got)
	}
}
