package main

// The page's screens of activation, time to first value and adoption.

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func pageActivation(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open(query("metric", "activated"))
	values := url.Values{"metric": {"activated"}, "from": {"2026-03-02"}}
	windowed := url.Values{"metric": {"activated"}, "from": {"2026-03-02"}, "window": {"1d"}}
	line := ask(t, d, "activation_line", windowed)
	solid := 0
	for i, v := range line.column("value") {
		if v != nil && line.column("is_provisional")[i] != true && line.column("n")[i].(float64) >= leastUsers {
			solid++
		}
	}
	if got := b.points("line", 3, false); got != solid || solid == 0 {
		t.Errorf("%d solid points are painted, the view has %d", got, solid)
	}
	progress := ask(t, d, "progress", values)
	if got := b.count("#triangle td.cell"); got != progress.count("value") {
		t.Errorf("%d cells, the view has %d", got, progress.count("value"))
	}
	mature := 0
	for i, v := range progress.column("is_mature") {
		if v == true && progress.column("value")[i] != nil {
			mature++
		}
	}
	if got := b.count("#triangle td.cell.open"); got != progress.count("value")-mature || got == 0 {
		t.Errorf("%d hatched cells, %d may still change", got, progress.count("value")-mature)
	}
	for panel, want := range map[string]int{
		"cohorts": ask(t, d, "activation_cohorts", values).count("value"), "segments": ask(t, d, "activation_segments", values).count("value"),
	} {
		if got := b.count("#" + panel + " .dot"); got != want || want == 0 {
			t.Errorf("%d dots in %s, the view has %d", got, panel, want)
		}
	}
	if got := b.count("#steps .bar"); got != 3 {
		t.Errorf("%d bars, want two steps and both", got)
	}
	if got, want := b.count("#people .people tbody tr"), min(25, len(ask(t, d, "stalled", url.Values{"metric": {"activated"}}).Rows)); got != want || want == 0 {
		t.Errorf("%d people, want %d", got, want)
	}
	about := b.text(".about")
	for _, word := range []string{"More teams that stay", "growth@acme.example", "Call the five newest stalled teams", "wiki.acme.example", "invite_sent"} {
		if !strings.Contains(about, word) {
			t.Errorf("the head does not say %q", word)
		}
	}
	if says := b.text(".maturity"); !strings.Contains(says, "Still maturing") {
		t.Errorf("maturity: %q", says)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#cohorts .show-sql").click()`))
	if got, want := b.text("#cohorts .sql code"), ask(t, d, "activation_cohorts", values).SQL; got != want {
		t.Errorf("the SQL shown is\n%s\nwant\n%s", got, want)
	}
	b.shot("activation-light")
	b.fine()
}

func pageTTFV(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open(query("metric", "first_report", "cohort", "2026-03-16"))
	curve := ask(t, d, "progress", url.Values{"metric": {"first_report"}, "cohort": {"2026-03-16"}})
	shown := eval[[]float64](b, `document.querySelector("#curve .stage").chart.data[0]`)
	want := 0
	for i, age := range curve.column("age_seconds") {
		if curve.column("km_rate")[i] != nil && age.(float64) >= shown[0] {
			want++
		}
	}
	series := eval[int](b, `document.querySelector("#curve .stage").chart.series.length - 1`)
	if got := b.points("curve", series, true); got != want || want < 10 {
		t.Errorf("%d points of the curve are painted, the view has %d", got, want)
	}
	median := ask(t, d, "ttfv_cohorts", url.Values{"metric": {"first_report"}, "cohort": {"2026-03-16"}}).column("value")[0].(float64)
	if got, want := b.text("#cohorts tr.chosen td.number"), fmt.Sprintf("%.1f days", median/86400); got != want {
		t.Errorf("the cohort's median is %s, in the view %s", got, want)
	}
	b.shot("ttfv-light")
	b.fine()
}

func pageAdoption(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open(query("metric", "exports"))
	triangle := ask(t, d, "adoption_triangle", url.Values{"metric": {"exports"}, "window": {"1w"}, "from": {"2026-03-02"}})
	if got, want := b.count("#triangle td.cell"), triangle.count("is_settled"); got != want || want == 0 {
		t.Errorf("%d cells, the view has %d", got, want)
	}
	if got, want := b.count("#triangle td.partial"), len(triangle.Rows)-triangle.count("is_settled"); got != want || want == 0 {
		t.Errorf("%d cells of weeks that are not over, the view has %d", got, want)
	}
	if got, want := b.count("#cohorts .dot"), ask(t, d, "adoption_cohorts", url.Values{"metric": {"exports"}, "from": {"2026-03-02"}}).count("value"); got != want || want == 0 {
		t.Errorf("%d dots, the view has %d", got, want)
	}
	b.shot("adoption-light")
	b.fine()
}
