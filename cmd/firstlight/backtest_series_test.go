package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dailySeries is a series of so many hours with a daily season, as CSV. It falls to zero for the hours from silent on.
func dailySeries(n, silent int, layout string) string {
	var b strings.Builder
	b.WriteString("timestamp,value\n")
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for i := range n {
		value := 1000 + 300*math.Sin(float64(i)*2*math.Pi/24) + float64(i*7919%101)
		if i >= silent && i < silent+12 {
			value = 0
		}
		fmt.Fprintf(&b, "%s,%.3f\n", at.Add(time.Duration(i)*time.Hour).Format(layout), value)
	}
	return b.String()
}

func TestBacktestOfASeries(t *testing.T) {
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04:05.000000", time.RFC3339} {
		t.Run(layout, func(t *testing.T) {
			b := newBox(t)
			const silent = 24 * 35
			given := dailySeries(24*40, silent, layout)
			in := b.write("series.csv", given)
			out := filepath.Join(b.dir, "scores.csv")
			r := b.firstlight("backtest", "--series", in, "--out", out)
			if r.code != 0 || r.stdout != "" || !strings.HasPrefix(r.stderr, "960 points, ") {
				t.Fatalf("exit %d: %s%s", r.code, r.stdout, r.stderr)
			}
			written, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if piped := b.firstlightWith(given, "backtest", "--series", "-"); piped.stdout != string(written) {
				t.Error("standard input and output give something else")
			}
			rows, err := csv.NewReader(strings.NewReader(string(written))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(given), "\n")
			if len(rows) != len(lines) {
				t.Fatalf("%d rows for %d", len(rows), len(lines))
			}
			alarms := 0
			for i, row := range rows[1:] {
				if row[2] != "0" {
					alarms++
				}
				if strings.Join(row[:2], ",") != lines[i+1] {
					t.Fatalf("row %d: %v for %s", i+2, row, lines[i+1])
				}
			}
			if score := rows[1+silent][2]; score < "0.5" {
				t.Errorf("where it falls silent the score is %s", score)
			}
			if !strings.Contains(r.stderr, fmt.Sprintf(", %s, ", count(alarms, "alarm"))) || alarms > 3 {
				t.Errorf("%d alarms; %s", alarms, r.stderr)
			}
		})
	}
}

func TestBacktestExplainsBadSeries(t *testing.T) {
	b := newBox(t)
	const head = "timestamp,value\n2026-03-02 00:00:00,1\n"
	for _, c := range []struct{ given, want string }{
		{"", "the file is empty: write a header timestamp,value and one row for each point, oldest first"},
		{"timestamp,value\n", "there is no row below the header: write one row timestamp,value for each point, oldest first"},
		{"time,value\n1,2\n", `line 1: there is no column "timestamp" among time,value: write the header timestamp,value`},
		{head + "yesterday,2\n", `line 3: "yesterday" is not a time: write it like 2026-03-02 09:00:00 or 2026-03-02T09:00:00Z`},
		{head + "2026-03-02 01:00:00,many\n", `line 3: "many" is not a number: write it like 42 or 0.5, or leave it empty when it is missing`},
		{head + "2026-03-01 00:00:00,1\n2026-02-28 23:00:00,1\n", "line 4: 2026-02-28 23:00:00 is more than a day before 2026-03-02 00:00:00 above it: sort the rows, oldest first"},
		{head + "2026-03-02 01:00:00\n", "line 3: there are 1 fields, and 2 in the header"},
	} {
		in := b.write("series.csv", c.given)
		r := b.firstlight("backtest", "--series", in)
		if want := "firstlight: " + in + ": " + c.want + "\n"; r.code != exitFailure || r.stderr != want || r.stdout != "" {
			t.Errorf("exit %d, %q, want %q; output %q", r.code, r.stderr, want, r.stdout)
		}
	}
	for _, args := range [][]string{{"--out", "scores.csv"}, {"--series", "s.csv", "--format", "json"}, {"--format", "xml"}} {
		if r := b.firstlight(append([]string{"backtest"}, args...)...); r.code != exitUsage || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: exit %d, %s", args, r.code, r.stderr)
		}
	}
	missing := b.firstlight("backtest", "--series", filepath.Join(b.dir, "none.csv"))
	if missing.code != exitFailure || !strings.Contains(missing.stderr, "no such file") {
		t.Errorf("a file that is not there: exit %d, %s", missing.code, missing.stderr)
	}
}

func TestBacktestCountsWhatIsMissing(t *testing.T) {
	b := newBox(t)
	r := b.firstlightWith("value,note,timestamp\n1,a,2026-03-02 00:00:00\n,b,2026-03-02 01:00:00\nNaN,c,2026-03-02 00:30:00\n", "backtest", "--series", "-")
	if r.code != 0 || !strings.Contains(r.stderr, "3 points, 0 alarms, ") || !strings.HasSuffix(r.stderr, "; 2 values missing; 1 row older than one above, as when a clock is changed\n") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	if want := "timestamp,value,anomaly_score\n2026-03-02 00:00:00,1,0\n2026-03-02 01:00:00,,0\n2026-03-02 00:30:00,NaN,0\n"; r.stdout != want {
		t.Errorf("%q, want %q", r.stdout, want)
	}
}
