package worker_test

// What a changed catalog leaves as it was, on the real engine.

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
)

// drainDefinitions has the numbers follow a catalog file, up to the end of the stream.
func (h *harness) drainDefinitions(file string, partitions int) {
	h.t.Helper()
	d := &worker.Definitions{Store: clickhouse.NewStore(h.conn, h.database), Load: loadCatalog, Drain: true, Log: h.log()}
	d.New = func(_ context.Context, c *catalog.Catalog, _ uint32) (*worker.Worker, error) {
		w := h.worker([]byte(file), partitions)
		w.Catalog = c
		return w, nil
	}
	if err := d.Run(h.t.Context(), []byte(file)); err != nil {
		h.t.Fatal(err)
	}
}

// lines are the rows of a query, as text.
func (h *harness) lines(sql string) (lines []string) {
	h.t.Helper()
	rows, err := h.conn.Query(h.t.Context(), strings.ReplaceAll(sql, "{db}", h.database))
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			h.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return lines
}

// TestUnchangedMetricsStay: a changed catalog writes no row of a metric that it leaves as it was, nor of its cohort's entries or of event
// volumes: generations, versions and since when it is active stay. What comes later counts in old and new ones, and a second change
// leaves again what it does not name.
func TestUnchangedMetricsStay(t *testing.T) {
	h := newHarness(t)
	h.reset()
	h.publish(traffic(300, 0))
	first := hostileCatalog + `experiments:
  - {name: x, exposure: {event: a}, variant: properties.plan, split: {plan 0: 0.5, plan 1: 0.5}, control: plan 0, metrics: [in_order]}
  - {name: y, exposure: {event: b}, variant: properties.plan, split: {plan 0: 0.5, plan 1: 0.5}, control: plan 0, metrics: [activated]}
`
	h.drainDefinitions(first, 2)
	kept := func() []string {
		return h.lines(`SELECT toString((kind, name, segment, segment_value, cohort_start, window, stage, bucket, partition, version, generation, n)) AS row
			FROM {db}.cells FINAL WHERE name IN ('signup', 'seen', 'in_order', 'first_value', 'use', 'web', 'experiment:x', 'experiment:x:in_order') ORDER BY row`)
	}
	since := func() []string {
		return h.lines("SELECT concat(metric, ' ', toString(active_since)) FROM {db}.metric_catalog WHERE metric NOT IN ('activated', 'more') ORDER BY metric")
	}
	cells, active := kept(), since()

	second := strings.Replace(first, "within: 1d}\n  - {name: in_order", "within: 2d}\n  - {name: more, kind: ttfv, cohort: signup, value: {event: a}}\n  - {name: in_order", 1)
	h.drainDefinitions(second, 2)
	if diff := cmp.Diff(cells, kept()); diff != "" {
		t.Errorf("rows of metrics that did not change (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(active, since()); diff != "" {
		t.Errorf("since when metrics that did not change are active (-before +after):\n%s", diff)
	}
	h.equalsOracle(second, 2)

	h.publish(traffic(200, 300))
	h.drainDefinitions(second, 2)
	h.equalsOracle(second, 2)
	cellsOfMore := func() []string {
		return h.lines("SELECT toString((segment, segment_value, cohort_start, stage, bucket, partition, version, generation, n)) AS row FROM {db}.cells FINAL WHERE name = 'more' ORDER BY row")
	}
	more := cellsOfMore()
	third := strings.Replace(second, "feature: {event: b}", "feature: {event: a}", 1)
	h.drainDefinitions(third, 2)
	if again := cellsOfMore(); !cmp.Equal(more, again) {
		t.Errorf("a second change wrote rows of a metric that it leaves as it was:\n%s", cmp.Diff(more, again))
	}
	h.publish(traffic(100, 500))
	h.drainDefinitions(third, 2)
	h.equalsOracle(third, 2)

	h.drainDefinitions(third, 3) // all of it for other partitions
	if got := h.lines("SELECT toString(uniqExact(partition)) FROM {db}.pipeline_progress"); got[0] != "3" {
		t.Errorf("%s partitions are in force, 3 asked for", got[0])
	}
	h.equalsOracle(third, 3)
}
