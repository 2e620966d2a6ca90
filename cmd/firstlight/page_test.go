package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"firstlight/pipeline/simulate"
	"firstlight/schemas"
)

// pageProduct is eight weeks of the simulated product through the real pipeline. Invitations were broken in the sixth, and
// are again.
func pageProduct(t *testing.T) *daemon {
	b := newMigratedBox(t)
	b.write("catalog.yaml", string(schemas.ExampleSaaS))
	var lines []string
	for _, e := range pageEvents() {
		lines = append(lines, string(e.JSON()))
	}
	lines = append(lines, hostileUser()...)
	b.must("publish", "--historical", b.write("product.ndjson", strings.Join(lines, "\n")+"\n"))
	d := b.start("run")
	b.eventually("all events show", func() bool {
		return d.tsv("SELECT sum(received), sum(lag) FROM pipeline_progress") == fmt.Sprintf("%d\t0", len(lines))
	})
	b.must("annotate", "--kind", "deploy", "--title", "New mail provider", "--time", "2026-04-07T00:00:00Z", "--url", "https://wiki.acme.example/mail", "--author", "ada")
	b.eventually("the annotation shows", func() bool { return d.tsv("SELECT count() FROM annotations") == "1" })
	b.eventually("what goes on is noticed", func() bool {
		return d.tsv("SELECT countIf(state != 'resolved' AND window_start >= '2026-04-21') FROM incidents WHERE metric = 'activated'") == "1"
	})
	return d
}

func pageEvents() []simulate.Event {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	p := simulate.Product{Seed: 11, From: from.UnixMilli(), Until: from.AddDate(0, 0, 56).Add(15 * time.Hour).UnixMilli(), PerDay: 60, Outages: []simulate.Outage{
		{From: from.AddDate(0, 0, 36).UnixMilli(), Until: from.AddDate(0, 0, 39).UnixMilli()},
		{From: from.AddDate(0, 0, 51).UnixMilli(), Until: from.AddDate(0, 0, 60).UnixMilli()},
	}}
	return simulate.EventsBetween(p.Users(), p.From, p.Until)
}

// answered is what the page's server says to a query.
type answered struct {
	SQL     string
	Columns []string
	Rows    [][]any
}

func ask(t *testing.T, d *daemon, name string, values url.Values) (a answered) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(t, "http://"+d.at.HTTP+"/api/"+name+".json?"+values.Encode())), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// column returns the cells of a column, one per row.
func (a answered) column(name string) (cells []any) {
	i := slices.Index(a.Columns, name)
	for _, row := range a.Rows {
		cells = append(cells, row[i])
	}
	return cells
}

// count is the number of rows for which a column has a value, not NULL and not false.
func (a answered) count(name string) (n int) {
	for _, cell := range a.column(name) {
		if cell != nil && cell != false {
			n++
		}
	}
	return n
}

func TestPage(t *testing.T) {
	browser := browser(t)
	d := pageProduct(t)
	t.Run("reading", func(t *testing.T) {
		for name, read := range map[string]func(*testing.T, *daemon, func(look) *tab){
			"numbers": pageNumbers, "home": pageHome, "activation": pageActivation, "ttfv": pageTTFV, "adoption": pageAdoption, "retention": pageRetention,
			"links": pageLinks, "keyboard": pageKeyboard, "dark": pageDark, "phone": pagePhone, "few": pageFew, "selection": pageSelection,
			"tips": pageTips, "last": pageLast, "compare": pageCompare, "share": pageShare, "experiments": pageExperiments,
			"voices": pageVoices,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				read(t, d, func(l look) *tab { return newTab(t, browser, "http://"+d.at.HTTP, l) })
			})
		}
	})
	t.Run("keeps up", func(t *testing.T) { pageKeepsUp(t, d, browser) })
}

var pageQueries = map[string]url.Values{
	"status": {}, "catalog": {}, "incidents": {"metric": {"activated"}}, "maturity": {}, "pipeline": {},
	"sources":            {"window": {"1h"}, "from": {"2026-04-26"}},
	"activation_line":    {"metric": {"activated"}, "window": {"1d"}, "from": {"2026-03-10"}, "until": {"2026-04-20"}, "segment": {"plan"}, "value": {"free"}},
	"ttfv_line":          {"metric": {"first_report"}, "window": {"7d/1d"}},
	"adoption_line":      {"metric": {"exports"}, "window": {"1d"}, "cohort": {"2026-03-09"}},
	"progress":           {"metric": {"first_report"}, "from": {"2026-03-09"}},
	"adoption_triangle":  {"metric": {"exports"}, "window": {"1w"}},
	"activation_cohorts": {"metric": {"activated"}}, "ttfv_cohorts": {"metric": {"first_report"}}, "adoption_cohorts": {"metric": {"exports"}},
	"activation_segments": {"metric": {"activated"}}, "ttfv_segments": {"metric": {"first_report"}, "cohort": {"2026-03-16"}}, "adoption_segments": {"metric": {"exports"}},
	"retention_line": {"metric": {"weekly_return"}, "segment": {"plan"}, "value": {"free"}}, "retention_triangle": {"metric": {"weekly_return"}},
	"retention_cohorts": {"metric": {"weekly_return"}}, "retention_segments": {"metric": {"weekly_return"}}, "retention_split": {"metric": {"weekly_return"}, "from": {"2026-03-09"}},
	"steps":       {"metric": {"activated"}, "cohort": {"2026-03-16"}},
	"arrived":     {}, // of a user who is there
	"stalled":     {"metric": {"activated"}, "segment": {"plan"}, "value": {"free"}},
	"experiments": {}, "experiment_days": {"experiment": {"checklist"}, "metric": {"activated"}},
	"voices": {"metric": {"activated"}, "step": {"Invited two colleagues"}, "word": {"MAIL"}}, "stalled_voices": {"metric": {"activated"}},
}

// The SQL shown, run by anybody, brings the rows shown; the CSV holds them too.
func pageNumbers(t *testing.T, d *daemon, _ func(look) *tab) {
	for name, values := range pageQueries {
		if name == "arrived" {
			values = url.Values{"user": {d.tsv("SELECT min(user_id) FROM user_progress")}}
		}
		a := ask(t, d, name, values)
		if len(a.Rows) == 0 {
			t.Errorf("%s: no rows from\n%s", name, a.SQL)
		}
		answer, err := http.Get("http://" + d.at.HTTP + "/api/" + name + ".csv?" + values.Encode()) // at once: the same answer in another form
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(answer.Body).ReadAll()
		answer.Body.Close()
		if err != nil || !slices.Equal(lines[0], a.Columns) || len(lines) != len(a.Rows)+1 || answer.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: CSV of %d lines for %d rows: %v", name, len(lines), len(a.Rows), err)
		}
		var inViews struct{ Data [][]any }
		if err := json.Unmarshal([]byte(d.tsv(a.SQL+" FORMAT JSONCompact SETTINGS output_format_json_quote_64bit_integers = 0, date_time_output_format = 'iso'")), &inViews); err != nil {
			t.Fatal(err)
		}
		if name == "pipeline" || name == "stalled" || name == "voices" {
			continue // moves on by itself: the worker reports, and segments are maps
		}
		for i, row := range a.Rows {
			for j, cell := range row {
				if !sameCell(cell, inViews.Data[i][j]) || !sameText(cell, lines[i+1][j]) {
					t.Fatalf("%s, row %d, %s: shown %v, in the view %v, in the CSV %s", name, i, a.Columns[j], cell, inViews.Data[i][j], lines[i+1][j])
				}
			}
		}
	}
}

func sameCell(a, b any) bool {
	x, number := a.(float64)
	if y, also := b.(float64); number && also {
		return x == y
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

func sameText(cell any, text string) bool {
	switch x := cell.(type) {
	case nil:
		return text == ""
	case float64:
		y, err := strconv.ParseFloat(text, 64)
		return err == nil && x == y
	case map[string]any:
		return len(text) > 1
	}
	return fmt.Sprint(cell) == text
}

func pageHome(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	answer, err := http.Get(b.origin + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if csp := answer.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	b.open("/")
	b.until(`document.querySelectorAll(".tile .spark svg[role]").length === 7`)
	status := ask(t, d, "status", nil)
	if got := b.count(".tile"); got != len(status.Rows) {
		t.Errorf("%d tiles for %d metrics", got, len(status.Rows))
	}
	for i, name := range status.column("metric") {
		tile := fmt.Sprintf(`.tile[data-metric="%s"] `, name)
		value, n := status.column("value")[i].(float64), status.column("n")[i].(float64)
		want := fmt.Sprintf("%.1f\u202f%%", 100*value)
		if status.column("kind")[i] == "ttfv" {
			want = fmt.Sprintf("%.1f days", value/86400)
		}
		if got := b.text(tile + ".value"); got != want {
			t.Errorf("%s is %s on the tile and %s in the view", name, got, want)
		}
		if got := b.text(tile + ".says"); !strings.Contains(got, withCommas(int(n))+" users") {
			t.Errorf("%s says %q, the view has %v users", name, got, n)
		}
		line := ask(t, d, status.column("kind")[i].(string)+"_line", url.Values{"metric": {name.(string)}, "window": {"1d"}, "from": {"2026-03-02"}})
		settled := 0
		for k, v := range line.column("value") {
			if v != nil && line.column("is_settled")[k] == true {
				settled++
			}
		}
		if got := eval[string](b, fmt.Sprintf(`document.querySelector('%s .spark svg').dataset.points`, tile)); got != strconv.Itoa(settled) {
			t.Errorf("%s has %s points in its line, the view %d", name, got, settled)
		}
	}
	if first := eval[string](b, `document.querySelector(".tile").dataset.metric`); first != "activated" {
		t.Errorf("%s comes first, activated has an open incident", first)
	}
	if got, want := b.text(".open-incidents"), d.tsv("SELECT summary FROM incidents WHERE metric = 'activated' AND state != 'resolved'"); !strings.Contains(got, want) {
		t.Errorf("the open incidents are %q, without %q", got, want)
	}
	b.shot("home-light")
	b.fine()
}

func withCommas(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// painted counts the points of a series whose middle has the colour of its line, or of the surface when hollow.
const painted = `(chart, series, hollow) => {
	const copy = document.createElement("canvas");
	[copy.width, copy.height] = [chart.ctx.canvas.width, chart.ctx.canvas.height];
	const ctx = copy.getContext("2d", { willReadFrequently: true });
	ctx.drawImage(chart.ctx.canvas, 0, 0);
	const want = hollow ? chart.series[series].points.fill(chart, series) : chart.series[series].stroke(chart, series);
	const probe = document.createElement("canvas").getContext("2d");
	probe.fillStyle = want; probe.fillRect(0, 0, 1, 1);
	const w = probe.getImageData(0, 0, 1, 1).data;
	let n = 0;
	chart.data[series].forEach((v, i) => {
		if (v === null) return;
		const x = Math.round(chart.valToPos(chart.data[0][i], "x", true)), y = Math.round(chart.valToPos(v, "y", true));
		const p = ctx.getImageData(x, y, 1, 1).data;
		if ([0, 1, 2].every((k) => Math.abs(p[k] - w[k]) < 40)) n++;
	});
	return n;
}`

// points counts what is painted of a series of a chart.
func (b *tab) points(panel string, series int, hollow bool) int {
	b.t.Helper()
	return eval[int](b, fmt.Sprintf(`(%s)(document.querySelector("#%s .stage").chart, %d, %v)`, painted, panel, series, hollow))
}

// A link brings the whole view back, and so does the back button.
func pageLinks(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	incident := d.tsv("SELECT incident_id FROM incidents WHERE metric = 'activated' ORDER BY at LIMIT 1")
	address := query("metric", "activated", "cohort", "2026-03-30", "segment", "plan", "value", "free", "from", "2026-03-09", "until", "2026-04-24", "window", "1w", "incident", incident)
	b.open(address)
	chosen := `["choose-range","choose-from","choose-until","choose-window","choose-cohort","choose-segment"].map((id) => document.getElementById(id).value).join(" ")`
	b.until(chosen + ` === 'custom 2026-03-09 2026-04-24 1w 2026-03-30 ["plan","free"]'`)
	if got := b.text("#cohorts tr.chosen th"); got != "30 Mar" {
		t.Errorf("the chosen cohort is %q", got)
	}
	opening := d.tsv("SELECT argMin(summary, seq) FROM anomalies WHERE incident_id = '" + incident + "'")
	if got := b.text("#incidents li.chosen"); !strings.Contains(got, opening) || !strings.Contains(got, "Call the five newest stalled teams") {
		t.Errorf("the incident says %q", got)
	}
	lost := eval[string](b, `[...document.querySelectorAll("#incidents li.chosen dt")].find((e) => e.textContent === "Users fewer than expected").nextElementSibling.textContent`)
	if got := b.text("#incidents li.chosen"); !strings.Contains(got, "about "+lost+" users lost") {
		t.Errorf("%s users are lost, the sentences say %q", lost, got)
	}
	if got, want := b.count("#incidents li"), d.tsv("SELECT count() FROM incidents WHERE metric = 'activated'"); strconv.Itoa(got) != want {
		t.Errorf("%d incidents, want %s", got, want)
	}
	if got := b.text("#annotations li.annotation a"); got != "New mail provider" {
		t.Errorf("the note is %q", got)
	}
	b.shot("incident-light")
	b.do(chromedp.Evaluate[chromedp.Void](`(() => { const s = document.getElementById("choose-cohort"); s.value = ""; s.dispatchEvent(new Event("change")); })()`))
	b.until(`!location.search.includes("cohort") && document.querySelector("#cohorts tr.chosen") === null`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".brand").click()`))
	b.until(`location.search === "" && document.querySelectorAll(".tile").length === 7`)
	b.do(chromedp.Evaluate[chromedp.Void](`history.go(-2)`))
	b.until(`location.search.includes("cohort=2026-03-30") && document.querySelector("#cohorts tr.chosen th")?.textContent === "30 Mar"`)
	b.open(query("metric", "no_such_metric"))
	if got := b.text(".empty"); !strings.Contains(got, "no_such_metric") {
		t.Errorf("an unknown metric says %q", got)
	}
	b.fine()
}

// Everything that can be pointed at is reached by the Tab key, in the order of the page, and shows that it is.
func pageKeyboard(t *testing.T, _ *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open(query("metric", "first_report"))
	b.until(`document.querySelectorAll(".stage").length === 2`)
	want := eval[int](b, `[...document.querySelectorAll("a[href],button,select,input,summary,[tabindex='0']")].filter((e) => e.checkVisibility({ visibilityProperty: true })).length`)
	seen := `(() => { const e = document.activeElement; if (e === document.body) return ""; e.dataset.reached = "yes"; const s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 ? "ok" : e.outerHTML.slice(0, 120); })()`
	// Round once more where the page was renewed meanwhile: what is new was not reached yet.
	for i := 0; i < want+5 || i < 3*(want+5) && b.count("[data-reached]") < want; i++ {
		b.do(chromedp.KeyEvent(kb.Tab))
		switch how := eval[string](b, seen); how {
		case "ok":
		case "":
			continue
		default:
			t.Errorf("the focus does not show on %s", how)
		}
	}
	if got := b.count("[data-reached]"); got < want {
		t.Errorf("%d of %d reached; not %s", got, want, eval[string](b, `[...document.querySelectorAll("a[href],button,select,input,summary,[tabindex='0']")].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.dataset.reached).map((e) => e.outerHTML.slice(0, 80)).join("\n")`))
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#line .stage").focus()`), chromedp.KeyEvent(kb.End))
	if got := b.text("#line .readout"); !strings.Contains(got, "27 Apr 2026") {
		t.Errorf("the last point reads %q", got)
	}
	unnamed := eval[string](b, `[...document.querySelectorAll("a,button,select,input,section,[role='region'],[role='img'],[role='group']")].filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML.slice(0, 80)).join("\n")`)
	if unnamed != "" {
		t.Errorf("without a name:\n%s", unnamed)
	}
	if tables, charts := b.count(".panel details table"), b.count(".panel"); tables < charts-1 { // what happened may be nothing
		t.Errorf("%d data tables for %d panels", tables, charts)
	}
	b.fine()
}

var screens = map[string]string{"home": "/", "activation": query("metric", "activated"), "ttfv": query("metric", "first_report"), "adoption": query("metric", "exports"), "retention": query("metric", "weekly_return")}

// What the dark and the phone's screens show is accessible, as far as a program can tell.
func pageDark(_ *testing.T, _ *daemon, on func(look) *tab) {
	b := on(look{width: 1280, height: 900, dark: true})
	for name, path := range screens {
		b.open(path)
		b.shot(name + "-dark")
		if name == "home" || name == "activation" {
			b.accessible()
		}
	}
	b.fine()
}

// Nothing is wider than a phone.
func pagePhone(t *testing.T, _ *daemon, on func(look) *tab) {
	b := on(phone)
	for name, path := range screens {
		b.open(path)
		if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d wide on a phone of 360", name, wide)
		}
		if top := eval[float64](b, `document.querySelector("#line .stage, .tile .spark").getBoundingClientRect().top`); top > 740-60 {
			t.Errorf("the chart of %s begins at %.0f, below the first screen of 740", name, top)
		}
		b.shot(name + "-phone")
		if name == "ttfv" || name == "adoption" || name == "retention" {
			b.accessible()
		}
	}
	b.fine()
}

// The page shows what comes while it is open, and says so when nobody answers.
func pageKeepsUp(t *testing.T, d *daemon, browser context.Context) {
	b := newTab(t, browser, "http://"+d.at.HTTP, desktop)
	b.open("/")
	says := `document.querySelector('.tile[data-metric="first_report"] .says').textContent`
	before := eval[string](b, says)
	var more []string
	for i := range 40 {
		more = append(more, fmt.Sprintf(`{"event":"signed_up","userId":"late-%d","timestamp":"2026-04-27T16:%02d:00Z","properties":{"plan":"free"}}`, i, i))
	}
	other := newTab(t, browser, b.origin, desktop)
	other.open(query("metric", "first_report"))
	other.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#line .stage").focus()`), chromedp.KeyEvent(kb.Home))
	first := other.text("#line .readout")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('.tile[data-metric="first_report"] .says button').dispatchEvent(new PointerEvent("pointerover", { bubbles: true }))`))
	d.b.must("publish", "--historical", d.b.write("more.ndjson", strings.Join(more, "\n")+"\n"))
	b.until(fmt.Sprintf("%s !== %q", says, before))
	if got := b.count(`.tile[data-metric="first_report"] [role="tooltip"]:popover-open`); got != 1 {
		t.Errorf("%d explanations are open after new numbers, one was", got)
	}
	b.fine()
	other.until(fmt.Sprintf(`document.querySelector(".says").textContent.slice(0, 30) === %s.slice(0, 30)`, strconv.Quote(eval[string](b, says))))
	other.until(loaded)
	if got := eval[string](other, `document.activeElement.className + " " + document.querySelector("#line .readout").textContent`); got != "stage "+first {
		t.Errorf("after new numbers the focus is on %q, it was on the stage at %q", got, first)
	}
	other.fine()
	other.do(chromedp.Navigate("about:blank"))
	b.mu.Lock()
	b.silent = true
	b.mu.Unlock()
	value := b.text(`.tile[data-metric="first_report"] .value`)
	d.kill()
	b.until(`!document.getElementById("notice").hidden`)
	if got := b.text("#notice"); !strings.Contains(got, "cannot be read right now (Firstlight does not answer)") || !strings.Contains(got, "ago") {
		t.Errorf("the notice says %q", got)
	}
	if got := b.text(`.tile[data-metric="first_report"] .value`); got != value {
		t.Errorf("the last number %q became %q", value, got)
	}
	b.shot("away-light")
}
