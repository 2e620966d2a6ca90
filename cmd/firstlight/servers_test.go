package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// Servers that are there already: here those that another firstlight embeds.
func TestServersOfOthers(t *testing.T) {
	b := newBox(t)
	d := b.start("run")
	o := newOther(b)
	o.env["NATS_URL"], o.env["CLICKHOUSE_URL"] = "nats://"+d.at.NATS, d.clickHouse()
	o.env["FIRSTLIGHT_DATABASE"], o.env["FIRSTLIGHT_DATA_DIR"] = "second", "/nowhere/that/can/be/written"
	o.must("publish", "--historical", o.write("events.ndjson", funnel))
	o.must("run", "--drain")
	if got := o.tsv("SELECT sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "3" {
		t.Errorf("%s entered in the second database, want 3", got)
	}
	if s := o.accounts(); s.Lag != 0 || len(s.Partitions) != 16 {
		t.Errorf("status: %+v", s)
	}
}

func TestStreamsThatDoNotFit(t *testing.T) {
	b := newBox(t)
	d := b.start("run")
	js := d.jetstream()
	o := newOther(b)
	o.env["NATS_URL"], o.env["CLICKHOUSE_URL"], o.env["FIRSTLIGHT_DATABASE"] = "nats://"+d.at.NATS, d.clickHouse(), "second"
	for _, c := range []struct {
		config jetstream.StreamConfig
		word   string
	}{
		{jetstream.StreamConfig{Name: "QUEUE", Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy}, "retention"},
		{jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"orders.>"}}, "events.>"},
	} {
		if _, err := js.CreateStream(t.Context(), c.config); err != nil {
			t.Fatal(err)
		}
		o.env["FIRSTLIGHT_STREAM"] = c.config.Name
		if r := o.firstlight("run", "--drain"); r.code == 0 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, c.word) || !strings.Contains(r.stderr, c.config.Name) {
			t.Errorf("%s: exit %d:\n%s", c.config.Name, r.code, r.stderr)
		}
	}
}
