package main

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Who comes back: what the triangle, the lines and the comparison show is what the views say.
func pageRetention(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open(query("metric", "weekly_return"))
	values := url.Values{"metric": {"weekly_return"}, "from": {"2026-03-02"}}
	triangle := ask(t, d, "retention_triangle", values)
	if got, want := b.count("#triangle td.cell"), triangle.count("value"); got != want || want == 0 {
		t.Errorf("%d cells, the view has %d", got, want)
	}
	if got, want := b.count("#triangle td.cell.open"), len(triangle.Rows)-triangle.count("is_mature"); got != want || want == 0 {
		t.Errorf("%d hatched cells, %d may still change", got, want)
	}
	if got, want := b.count("#cohorts .dot"), ask(t, d, "retention_cohorts", values).count("value"); got != want || want == 0 {
		t.Errorf("%d dots, the view has %d", got, want)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`import("/assets/js/words.js").then(({ maturity }) => {
		const of = (kind, waiting) => maturity({ kind, within_seconds: 86400 }, waiting, 3600)?.text.split(":")[0].split(".")[0] ?? "nothing";
		window.said = [of("activation", 0), of("retention", 0), of("retention", 3)].join("; "); })`))
	b.until(`window.said !== undefined`)
	if got := eval[string](b, "window.said"); got != "Everybody who joined has had their full time; nothing; At least 3 users are not that old yet" {
		t.Errorf("that a number is final: %s", got) // the youngest cohorts of a retention have no rows
	}
	t.Run("lines", func(t *testing.T) { pageRetentionLines(t, d, b, triangle) })
	t.Run("split", func(t *testing.T) { pageRetentionSplit(t, d, b, values) })
	b.shot("retention-light")
	b.accessible()
	b.fine()
}

// pageRetentionLines looks at the lines of cohorts: of the one that is chosen, the periods that stand are joined, the others dots.
func pageRetentionLines(t *testing.T, d *daemon, b *tab, triangle answered) {
	const chosen = "2026-04-06"
	b.open(query("metric", "weekly_return", "cohort", chosen))
	joined, faded, last := 0, 0, ""
	for i, start := range triangle.column("cohort_start") {
		if start != chosen {
			continue
		}
		if triangle.column("is_mature")[i] == true && triangle.column("n")[i].(float64) >= leastUsers {
			joined++
		} else {
			faded++
		}
		last = fmt.Sprintf("week %v", triangle.column("period")[i])
	}
	series := eval[int](b, `document.querySelector("#periods .stage").chart.series.length - 1`)
	if got := b.points("periods", series, false); got != joined || joined == 0 {
		t.Errorf("%d joined points are painted, the view has %d", got, joined)
	}
	if got := b.points("periods", series-1, false); got != faded || faded == 0 {
		t.Errorf("%d faded points are painted, the view has %d", got, faded)
	}
	if gaps := eval[int](b, fmt.Sprintf(`document.querySelector("#periods .stage").chart.data[%d].filter((v) => v !== null).length`, series)); gaps != joined {
		t.Errorf("the line joins %d points, %d stand", gaps, joined)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#periods .stage").focus()`), chromedp.KeyEvent(kb.Home))
	if got := b.text("#periods .readout"); !strings.Contains(got, "week 0, week of 6 Apr 2026: ") || !strings.Contains(got, "users") {
		t.Errorf("the first point reads %q", got)
	}
	for range faded + joined - 1 {
		b.do(chromedp.KeyEvent(kb.ArrowRight))
	}
	if got := b.text("#periods .readout"); !strings.HasPrefix(got, last) || !strings.Contains(got, "may still change") {
		t.Errorf("the last point of the cohort reads %q, want %s", got, last)
	}
	if got := b.text("#triangle tr.chosen th"); got != "6 Apr" {
		t.Errorf("the triangle's chosen cohort is %q", got)
	}
	b.shot("retention-cohort-light")
}

// pageRetentionSplit looks at the comparison, whose numbers of one cohort are those of the view.
func pageRetentionSplit(t *testing.T, d *daemon, b *tab, values url.Values) {
	b.open(query("metric", "weekly_return"))
	split := ask(t, d, "retention_split", values)
	if got := b.count("#split tbody tr"); got != 2*len(split.Rows) { // of the chart, and of the data table
		t.Errorf("%d rows, the query has %d", got, len(split.Rows))
	}
	compared := split.count("difference")
	if got := b.count("#split .dot"); got != compared || compared == 0 {
		t.Errorf("%d differences are shown, the query has %d", got, compared)
	}
	if got, want := b.count("#split .soon"), len(split.Rows)-compared; got != want || want == 0 {
		t.Errorf("%d weeks are too early, the query has %d", got, want)
	}
	for i, period := range split.column("period") {
		cells := eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll("#split .apart tbody tr")[%d].children].map((c) => c.textContent)`, i))
		share := func(v any) string {
			if v == nil {
				return "–"
			}
			return strings.Replace(fmt.Sprintf("%.1f\u202f%%", 100*v.(float64)), "100.0", "100", 1)
		}
		if cells[0] != fmt.Sprintf("week %v", period) || cells[2] != share(split.column("value")[i]) || cells[3] != share(split.column("other_value")[i]) {
			t.Errorf("week %v shows %q, the query has %v and %v", period, cells, split.column("value")[i], split.column("other_value")[i])
		}
	}
	if says := b.text("#split .lead"); !strings.Contains(says, "reached activated in time") || !strings.Contains(says, "who reached it") {
		t.Errorf("the comparison says %q", says)
	}
	one := ask(t, d, "retention_split", url.Values{"metric": {"weekly_return"}, "cohort": {"2026-03-02"}})
	if len(one.Rows) < 4 || one.count("difference") == 0 {
		t.Fatalf("the first cohort has %d periods, %d of which are compared", len(one.Rows), one.count("difference"))
	}
	for i, period := range one.column("period") {
		for _, name := range []string{"difference", "difference_low", "difference_high"} {
			text := d.tsv(fmt.Sprintf("SELECT %s FROM retention_by_split WHERE metric = 'weekly_return' AND cohort_start = '2026-03-02' AND period = %v", name, period))
			got, want := one.column(name)[i], math.NaN()
			if _, err := fmt.Sscan(text, &want); err != nil && text != `\N` {
				t.Fatal(err)
			}
			if v, known := got.(float64); known != !math.IsNaN(want) || known && math.Abs(v-want) > 1e-12 {
				t.Errorf("week %v: %s is %v, in the view %s", period, name, got, text)
			}
		}
	}
}
