package clickhouse_test

import (
	"fmt"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// TestPeriodsAreEvidence: who started and came back in the periods that are watched is read by local day of the start, and by segment
// where a message asks for it.
func TestPeriodsAreEvidence(t *testing.T) {
	if testing.Short() {
		t.Skip("a test of rows: run without -short")
	}
	const yaml = `version: 1
windows: [1d]
defaults: {owner: o, objective: o, indicator: lagging, direction: up, action: a}
cohorts: [{name: signup, entry: signed_up, grain: week, segments: [plan]}]
metrics:
  - {name: back, kind: retention, cohort: signup, period: day, periods: 5, guardrails: [{severity: warning, below: 0.2, period: 3, min_sample: 5}]}
`
	c, problems := catalog.Load([]byte(yaml), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	conn, database := migratedtest.Database(t)
	store := clickhouse.NewStore(conn, database)
	generation, err := store.Begin(t.Context(), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	first := calendar.FromDate(2026, time.March, 2)
	hour := func(day calendar.Day, hour int) time.Time { return day.Time().Add(time.Duration(hour) * time.Hour) }
	r := &worker.CellRows{Version: 1}
	add := func(kind, segment, value string, day calendar.Day, at time.Time, n int64, periods []uint16, counts []uint64) {
		r.Kind, r.Name, r.Segment, r.Value, r.Window = append(r.Kind, kind), append(r.Name, map[string]string{"entry": "signup"}[kind]+map[string]string{"period": "back"}[kind]), append(r.Segment, segment), append(r.Value, value), append(r.Window, "")
		r.CohortStart, r.Day, r.Stage = append(r.CohortStart, first.Time()), append(r.Day, day.Time()), append(r.Stage, 0)
		r.Bucket, r.BucketEnd = append(r.Bucket, at), append(r.BucketEnd, at.Add(time.Hour))
		r.N, r.Active, r.Adopters, r.NewAdopters = append(r.N, n), append(r.Active, 0), append(r.Adopters, 0), append(r.NewAdopters, 0)
		r.Ages, r.Counts, r.Sums = append(r.Ages, periods), append(r.Counts, counts), append(r.Sums, make([]uint64, len(periods)))
	}
	add("entry", "", "", first, hour(first, 9), 10, nil, nil)
	add("period", "", "", first, hour(first, 9), 6, []uint16{1, 3}, []uint64{4, 2})
	add("period", "", "", first, hour(first, 10), 4, []uint16{0, 3}, []uint64{3, 1})
	add("period", "", "", first+2, hour(first+2, 9), 5, []uint16{1}, []uint64{1})
	add("period", "plan", "pro", first, hour(first, 0), 7, []uint16{3}, []uint64{2})
	add("period", "plan", "free", first, hour(first, 0), 3, []uint16{3}, []uint64{1})
	add("period", "plan", "pro", first+2, hour(first+2, 0), 5, []uint16{1}, []uint64{1})
	numbers := store.In(generation)
	if err := numbers.SaveCatalog(t.Context(), c, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := numbers.WriteCells(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := numbers.WriteProgress(t.Context(), time.Now(), []worker.Progress{{AsOf: hour(first+9, 0).UnixMilli()}}); err != nil {
		t.Fatal(err)
	}
	e, err := store.Evidence(t.Context(), c, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := "map[1:[{10 4} {0 0} {5 1}] 3:[{10 3} {0 0} {5 0}]]"
	if got := fmt.Sprint(e.Metrics[0].Periods); got != want || e.From != first {
		t.Errorf("since day %d the periods count %s, want %s since %d", e.From, got, want, first)
	}
	period := 3
	splits, err := store.Splits(t.Context(), c, anomaly.Question{
		Returns: &period, Window: "1d", Before: anomaly.Period{Start: hour(first, 0).Unix(), End: hour(first+1, 0).Unix()},
		Now: anomaly.Period{Start: hour(first+1, 0).Unix(), End: hour(first+3, 0).Unix()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(splits), "[{plan free {{1 3} {0 0}}} {plan pro {{2 7} {0 5}}}]"; got != want {
		t.Errorf("segments did %s, want %s", got, want)
	}
}
