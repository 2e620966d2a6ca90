package clickhouse_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// asked is what a dashboard asks for: one metric, kind of window and segment at a time.
var asked = []string{
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
}

// BenchmarkViews reads every view as a dashboard does, from a year of a product with a million users, 52 weekly cohorts,
// 10 metrics and 5 segments. Loading takes some minutes:
//
//	go test -run '^$' -bench BenchmarkViews -benchtime 20x -timeout 60m ./sinks/clickhouse
//
// MB-read does not depend on what else the machine does; the quantiles do.
func BenchmarkViews(b *testing.B) { readYear(b, asked) }

// BenchmarkWholeViews reads every view without a filter, as a careless client does; once is enough (-benchtime 1x).
func BenchmarkWholeViews(b *testing.B) {
	var whole []string
	for _, query := range asked {
		view, _, _ := strings.Cut(query, " ")
		whole = append(whole, view)
	}
	readYear(b, slices.Compact(whole))
}

// readYear loads the year and measures the queries.
func readYear(b *testing.B, queries []string) {
	s := newScript(b)
	s.loadYear()
	for _, query := range queries {
		b.Run(strings.ReplaceAll(query, " ", "_"), func(b *testing.B) {
			var times []time.Duration
			var bytes float64
			for b.Loop() {
				start := time.Now()
				bytes = s.bytesRead("SELECT * FROM " + query + " FORMAT Null")
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(times[len(times)*95/100].Milliseconds()), "p95-ms")
			b.ReportMetric(bytes/1e6, "MB-read")
		})
	}
}

// bytesRead runs a query and returns what it read, as the engine counts it.
func (s *script) bytesRead(query string) float64 {
	_, headers, err := s.post(query, "default_format", "TSV")
	if err != nil {
		s.t.Fatal(err)
	}
	var summary struct {
		ReadBytes float64 `json:"read_bytes,string"`
	}
	if err := json.Unmarshal([]byte(headers.Get("X-ClickHouse-Summary")), &summary); err != nil {
		s.t.Fatal(err)
	}
	return summary.ReadBytes
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
	s.windowDays()
}
