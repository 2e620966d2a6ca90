package main

import (
	"bufio"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// comparedViews are all views that numbers can be compared in; what tells the time of a run is left out.
var comparedViews = map[string]string{
	"activation_by_cohort": "*", "activation_by_cohort_segments": "*", "activation_by_entry_window": "*", "activation_by_window": "*",
	"activation_steps": "*", "ttfv_by_cohort": "*", "ttfv_by_cohort_segments": "*", "ttfv_by_window": "*", "progress_by_age": "*",
	"adoption_by_cohort": "*", "adoption_by_window": "*", "adoption_by_window_segments": "*", "user_progress": "*", "event_volume": "*",
	"pipeline_progress": "partition, applied_seq, stream_seq, lag, arrival_clock, watermark, received, applied, ignored, missed, clamped, dead",
}

// views reads all of them once a run with these flags has stored so many events.
func (b *box) views(events int, flags ...string) map[string]string {
	b.t.Helper()
	d := b.start(append([]string{"run"}, flags...)...)
	defer d.terminate()
	b.eventually("all is stored", func() bool {
		return d.tsv("SELECT sum(received), sum(lag), min(applied_seq) FROM pipeline_progress") == fmt.Sprintf("%d\t0\t%[1]d", events)
	})
	all := map[string]string{}
	for view, columns := range comparedViews {
		all[view] = d.tsv("SELECT " + columns + " FROM " + view + " ORDER BY ALL")
	}
	return all
}

func TestKilledAgainAndAgain(t *testing.T) {
	b := newMigratedBox(t)
	b.env["FIRSTLIGHT_FLUSH_INTERVAL"] = "10ms"
	path, events := b.product(21, 250)
	b.must("publish", "--historical", path)

	midway, before := 0, 0
	for range 4 {
		d := b.start("run")
		b.eventually("it goes on where it was", func() bool {
			received, err := strconv.Atoi(d.tsv("SELECT sum(received) FROM pipeline_progress"))
			if err != nil {
				t.Fatal(err)
			}
			went := received > before || received == events
			if before = received; received > 0 && received < events {
				midway++
			}
			return went
		})
		d.kill()
		b.eventually("the engine ends with its parent", func() bool { return !listening(d.at.ClickHouse) })
	}
	if midway == 0 {
		t.Errorf("no kill was in the middle of the stream")
	}
	killed, calm := b.views(events), b.views(events, "--rebuild")
	for view := range comparedViews {
		if killed[view] != calm[view] {
			t.Errorf("%s differs after kills:\n%s", view, firstDifference(killed[view], calm[view]))
		}
	}
}

func listening(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("killed: %s\n calm: %s", x[i], y[i])
		}
	}
	return fmt.Sprintf("%d rows after kills, %d without", len(x), len(y))
}

// TestCDNOW is the tutorial: real purchases, and figures that were computed independently.
func TestCDNOW(t *testing.T) {
	const master = "../../../shared/data/cdnow/CDNOW_master.txt"
	if _, err := os.Stat(master); err != nil {
		t.Skipf("the CDNOW purchases are not here: %v", err)
	}
	b := newSharedBox(t)
	catalog, err := os.ReadFile("../../schemas/examples/cdnow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// As the example has it, and with windows that become final while purchases arrive.
	for _, lateness := range []string{"allowed_lateness: 2y", "allowed_lateness: 24h"} {
		b.write("catalog.yaml", strings.Replace(string(catalog), "allowed_lateness: 2y", lateness, 1))
		if lateness == "allowed_lateness: 2y" {
			b.must("publish", "--historical", b.write("cdnow.ndjson", purchases(t, master)))
		}
		b.must("run", "--drain", "--rebuild")
		b.checkCDNOW(lateness)
		b.checkMonths(lateness)
	}
}

func (b *box) checkCDNOW(what string) {
	b.t.Helper()
	got := b.tsv("SELECT cohort_start, entered, reached, mean_seconds, p50_seconds, activated FROM ttfv_by_cohort AS v " +
		"JOIN (SELECT cohort_start, activated FROM activation_by_cohort WHERE metric = 'back_within_30d') AS a USING cohort_start " +
		"WHERE metric = 'next_purchase' ORDER BY cohort_start LIMIT 3")
	want := []struct {
		exact        string
		mean, median float64
		activated    string
	}{
		{"1997-01-01\t7846\t3917", 9632794.894, 4579200, "1456"},
		{"1997-02-01\t8476\t4135", 9376520.822, 4665600, "1570"},
		{"1997-03-01\t7248\t3610", 9066734.626, 4752000, "1329"},
	}
	lines := strings.Split(got, "\n")
	if len(lines) != len(want) {
		b.t.Fatalf("%s: %s", what, got)
	}
	for i, w := range want {
		f := strings.Split(lines[i], "\t")
		mean, _ := strconv.ParseFloat(f[3], 64)
		median, _ := strconv.ParseFloat(f[4], 64)
		if strings.Join(f[:3], "\t") != w.exact || math.Abs(mean-w.mean) > 0.001 || math.Abs(median/w.median-1) > 0.01 || f[5] != w.activated {
			b.t.Errorf("%s: %s, want %s mean %.3f median %.0f activated %s", what, lines[i], w.exact, w.mean, w.median, w.activated)
		}
	}
}

// checkMonths holds who buys again in each calendar month against figures that were computed independently; June 1998 is not over.
func (b *box) checkMonths(what string) {
	b.t.Helper()
	got := b.tsv("SELECT cohort_start, groupArray(returned) FROM (SELECT * FROM retention_by_cohort WHERE metric = 'buys_again' AND period > 0 ORDER BY period) " +
		"GROUP BY cohort_start ORDER BY cohort_start")
	want := "1997-01-01\t[1157,964,810,679,736,720,582,559,594,673,634,528,511,664,472,497]\n" +
		"1997-02-01\t[1312,980,783,847,786,626,619,666,721,661,545,568,718,545,548]\n" +
		"1997-03-01\t[1032,752,756,674,564,561,579,634,569,464,472,678,420,443]"
	if got != want {
		b.t.Errorf("%s: months with a further purchase are\n%s\nwant\n%s", what, got, want)
	}
}

// purchases converts the file as the tutorial does.
func purchases(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var customer, day, cds string
		var dollars float64
		if _, err := fmt.Sscan(lines.Text(), &customer, &day, &cds, &dollars); err != nil {
			continue // the heading
		}
		fmt.Fprintf(&out, `{"event":"purchase","userId":"%s","timestamp":"%s-%s-%sT00:00:00Z","properties":{"cds":%s,"dollars":%.2f}}`+"\n",
			customer, day[:4], day[4:6], day[6:], cds, dollars)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
