package clickhouse_test

import (
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/worker"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
)

// TestWindowsOfDays holds that days which are stored, and those taken over from another generation, lie in the windows of the catalog
// of their generation.
func TestWindowsOfDays(t *testing.T) {
	s := newScript(t)
	store := clickhouse.NewStore(s.conn, s.database)
	days := map[calendar.Day]int64{}
	for d := calendar.FromDate(2026, 1, 1); d <= calendar.FromDate(2026, 5, 1); d++ {
		days[d] = d.Time().Unix()
	}
	listed := func(generation uint32, windows string, fill func(worker.Numbers) error) {
		t.Helper()
		c, problems := catalog.Load([]byte(strings.Replace(string(schemas.ExampleSaaS), "windows: [1h, 1d, 1w, 7d/1d, 28d/1d]", "windows: "+windows, 1)), kind.All)
		if problems.Failed() {
			t.Fatal(problems.Format("catalog.yaml"))
		}
		n := store.In(generation)
		if err := n.SaveCatalog(t.Context(), c, time.Unix(int64(generation), 0)); err != nil {
			t.Fatal(err)
		}
		if err := fill(n); err != nil {
			t.Fatal(err)
		}
	}
	listed(7, "[1d, 1w, 7d/1d, 28d/1d]", func(n worker.Numbers) error { return n.WriteCalendar(t.Context(), days) })
	listed(8, "[1d, 1w, 2d/1d, 7d/1d, 28d/1d]", func(n worker.Numbers) error { return n.CopyCalendar(t.Context(), 7) })
	got := s.text("SELECT generation, window, start_day, window_start, window_end, toDate(shown_from) FROM window_days FINAL WHERE day = '2026-03-04' AND window NOT IN ('7d/1d', '28d/1d') ORDER BY ALL")
	want := `7	1d	2026-03-04	2026-03-04 00:00:00	2026-03-05 00:00:00	1970-01-01
7	1w	2026-03-02	2026-03-02 00:00:00	2026-03-09 00:00:00	1970-01-01
8	1d	2026-03-04	2026-03-04 00:00:00	2026-03-05 00:00:00	1970-01-01
8	1w	2026-03-02	2026-03-02 00:00:00	2026-03-09 00:00:00	1970-01-01
8	2d/1d	2026-03-03	2026-03-03 00:00:00	2026-03-05 00:00:00	2026-03-04
8	2d/1d	2026-03-04	2026-03-04 00:00:00	2026-03-06 00:00:00	2026-03-05
`
	if got != want {
		t.Errorf("4 March lies in\n%s\nwant\n%s", got, want)
	}
}

// TestWindowsOfDaysInPieces holds that days which come piece by piece, some of them twice, lie in the same windows as all at once.
func TestWindowsOfDaysInPieces(t *testing.T) {
	s := newScript(t)
	store := clickhouse.NewStore(s.conn, s.database)
	c, problems := catalog.Load([]byte(strings.Replace(string(schemas.ExampleSaaS), "windows: [1h, 1d, 1w, 7d/1d, 28d/1d]", "windows: [1d, 1w, 1mo, 7d/1d, 90d/1d]", 1)), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	first, last := calendar.FromDate(2026, 1, 1), calendar.FromDate(2026, 9, 1)
	write := func(generation uint32, pieces ...[2]calendar.Day) {
		t.Helper()
		n := store.In(generation)
		if err := n.SaveCatalog(t.Context(), c, time.Unix(int64(generation), 0)); err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			days := map[calendar.Day]int64{}
			for d := piece[0]; d <= piece[1]; d++ {
				days[d] = d.Time().Unix()
			}
			if err := n.WriteCalendar(t.Context(), days); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(7, [2]calendar.Day{first, last})
	write(8, [2]calendar.Day{first + 60, last - 90}, [2]calendar.Day{first + 60, last - 90}, [2]calendar.Day{first + 70, last}, [2]calendar.Day{first, first + 100})
	windows := func(generation string) string {
		return s.text("SELECT * EXCEPT (generation) FROM window_days FINAL WHERE generation = " + generation + " ORDER BY ALL")
	}
	if got, want := windows("8"), windows("7"); got != want || want == "" {
		t.Errorf("days in pieces lie in %d lines of windows, at once in %d", strings.Count(got, "\n"), strings.Count(want, "\n"))
	}
}
