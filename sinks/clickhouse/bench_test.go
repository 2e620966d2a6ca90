package clickhouse_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkViews reads every view as a dashboard does, one metric and kind of window at a time, from a year of a
// product with a million users. It reports the 95 % quantile beside the mean. Loading takes a few minutes:
//
//	go test -run '^$' -bench Views -benchtime 20x -timeout 30m ./sinks/clickhouse
func BenchmarkViews(b *testing.B) {
	s := newScript(b)
	s.loadYear()
	for _, query := range []string{
		"activation_by_cohort WHERE metric = 'm1'",
		"activation_by_cohort_segments WHERE metric = 'm1' AND segment = 's1'",
		"activation_by_entry_window WHERE metric = 'm1' AND window = '1d'",
		"activation_by_entry_window_segments WHERE metric = 'm1' AND window = '1d' AND segment = 's1'",
		"activation_by_window WHERE metric = 'm1' AND window = '1d'",
		"activation_by_window_segments WHERE metric = 'm1' AND window = '1d' AND segment = 's1'",
		"activation_steps WHERE metric = 'm1'",
		"activation_steps_segments WHERE metric = 'm1' AND segment = 's1'",
		"ttfv_by_cohort WHERE metric = 'm6'",
		"ttfv_by_cohort_segments WHERE metric = 'm6' AND segment = 's1'",
		"ttfv_by_entry_window WHERE metric = 'm6' AND window = '1d'",
		"ttfv_by_entry_window_segments WHERE metric = 'm6' AND window = '1d' AND segment = 's1'",
		"ttfv_by_window WHERE metric = 'm6' AND window = '1d'",
		"ttfv_by_window_segments WHERE metric = 'm6' AND window = '1d' AND segment = 's1'",
		"progress_by_age WHERE metric = 'm6'",
		"progress_by_age_segments WHERE metric = 'm6' AND segment = 's1'",
		"adoption_by_cohort WHERE metric = 'm9'",
		"adoption_by_cohort_segments WHERE metric = 'm9' AND segment = 's1'",
		"adoption_by_window WHERE metric = 'm9' AND window = '1d'",
		"adoption_by_window WHERE metric = 'm9' AND window = '7d/1d'",
		"adoption_by_window_segments WHERE metric = 'm9' AND window = '1d' AND segment = 's1'",
		"adoption_by_window_segments WHERE metric = 'm9' AND window = '7d/1d' AND segment = 's1'",
		"user_progress WHERE user_id = 'user-777'",
		"stalled_users WHERE metric = 'm1' LIMIT 100",
		"event_volume WHERE window = '1d' AND event = 'event 1'",
		"event_volume WHERE window = '1h' AND window_start >= '2024-12-25'",
		"metric_status",
		"metric_catalog",
		"pipeline_progress",
	} {
		b.Run(strings.ReplaceAll(query, " ", "_"), func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				s.text("SELECT * FROM " + query + " FORMAT Null")
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*95/100].Milliseconds()), "p95-ms")
		})
	}
}

// loadYear runs testdata/bench/load.sql.
func (s *script) loadYear() {
	text, err := os.ReadFile("testdata/bench/load.sql")
	if err != nil {
		s.t.Fatal(err)
	}
	for statement := range strings.SplitSeq(strings.ReplaceAll(string(text), "{{db}}", s.database), ";\n") {
		if strings.TrimSpace(statement) != "" {
			s.text(statement)
		}
	}
}
