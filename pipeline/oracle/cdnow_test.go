package oracle

// The oracle on 69,659 real purchases, against figures that were computed elsewhere.

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func cdnow(t *testing.T) []Message {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "cdnow", "CDNOW_master.txt"))
	if err != nil {
		t.Skipf("the purchases are not at hand: %v", err)
	}
	var msgs []Message
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] == "customer_id" {
			continue
		}
		at, err := time.Parse("20060102", words[1])
		if err != nil {
			t.Fatal(err)
		}
		payload := fmt.Sprintf(`{"event":"purchase","userId":%q,"messageId":"%d","timestamp":%q}`, words[0], len(msgs), at.Format(time.RFC3339))
		msgs = append(msgs, Message{Subject: "events.shop." + words[0], Stored: at, Data: []byte(payload)})
	}
	return msgs
}

func TestCDNOW(t *testing.T) {
	catalog := `
version: 1
allowed_lateness: 1000d
windows: [1mo]
cohorts: [{name: buyers, entry: purchase, grain: month}]
metrics:
  - {name: again, kind: ttfv, cohort: buyers, value: purchase}
  - {name: again_30d, kind: activation, cohort: buyers, steps: [purchase], within: 30d}
`
	asOf := time.Date(1998, 7, 1, 0, 0, 0, 0, time.UTC)
	result, err := Compute([]byte(catalog), cdnow(t), func(string) int { return 0 }, asOf)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		entered, reached, activated uint64
		mean, median                float64
	}{
		{7846, 3917, 1456, 9632794.894, 4579200},
		{8476, 4135, 1570, 9376520.822, 4665600},
		{7248, 3610, 1329, 9066734.626, 4752000},
	} {
		ttfv, activation := result.Views["ttfv_by_cohort"][i], result.Views["activation_by_cohort"][i]
		month := time.Date(1997, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC)
		if ttfv["cohort_start"] != month || ttfv["entered"] != want.entered || ttfv["reached"] != want.reached || activation["activated"] != want.activated {
			t.Errorf("%s: %v %v, want %+v", month.Format("2006-01"), ttfv, activation, want)
		}
		if math.Abs(ttfv["mean_seconds"].(float64)-want.mean) > 0.001 || ttfv["p50_seconds"] != want.median {
			t.Errorf("%s: mean %v, median %v, want %+v", month.Format("2006-01"), ttfv["mean_seconds"], ttfv["p50_seconds"], want)
		}
	}
}

// TestCDNOWRetention: who of the customers of a month buys again in each calendar month after it.
func TestCDNOWRetention(t *testing.T) {
	catalog := `
version: 1
allowed_lateness: 1000d
windows: [1mo]
cohorts: [{name: buyers, entry: purchase, grain: month}]
metrics:
  - {name: monthly, kind: retention, cohort: buyers, return: purchase, period: calendar_month, periods: 17}
`
	asOf := time.Date(1998, 7, 1, 0, 0, 0, 0, time.UTC)
	result, err := Compute([]byte(catalog), cdnow(t), func(string) int { return 0 }, asOf)
	if err != nil {
		t.Fatal(err)
	}
	want := map[time.Month][]uint64{
		time.January:  {1157, 964, 810, 679, 736, 720, 582, 559, 594, 673, 634, 528, 511, 664, 472, 497, 498},
		time.February: {1312, 980, 783, 847, 786, 626, 619, 666, 721, 661, 545, 568, 718, 545, 548, 551},
		time.March:    {1032, 752, 756, 674, 564, 561, 579, 634, 569, 464, 472, 678, 420, 443, 457},
	}
	started := map[time.Month]uint64{time.January: 7846, time.February: 8476, time.March: 7248}
	rows := 0
	for _, row := range result.Views["retention_by_cohort"] {
		month, period := row["cohort_start"].(time.Time).Month(), row["period"].(uint64)
		if row["started"] != started[month] || row["eligible"] != started[month] {
			t.Errorf("%s, month %d: %v", month, period, row)
		}
		if period > 0 && row["returned"] != want[month][period-1] {
			t.Errorf("%s, month %d: %v returned, want %d", month, period, row["returned"], want[month][period-1])
		}
		rows++
	}
	if rows != 18+17+16 {
		t.Errorf("there are %d rows, want one for each month up to June 1998", rows)
	}
}
