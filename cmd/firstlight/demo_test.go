package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestDemo(t *testing.T) {
	b := newBox(t)
	out := b.must("demo", "--for", "2s", "--every", "1s", "--rate", "100")
	last := out[strings.LastIndex(out, "as of "):]
	for _, want := range []string{"activated", "first_report", "exports", "weekly_return", "invite mail broken"} {
		if !strings.Contains(last, want) {
			t.Errorf("the last table lacks %q:\n%s", want, out)
		}
	}
	compareDemo(t, last)
	compareExperiments(t, last)
	again := b.must("demo", "--for", "1s", "--every", "1s")
	if !strings.Contains(again, "The product goes on") {
		t.Errorf("a second demo says:\n%s", again)
	}
	compareDemo(t, again[strings.LastIndex(again, "as of "):])
	other := newOther(b)
	other.must("publish", other.write("events.ndjson", funnel))
	other.env["FIRSTLIGHT_CATALOG"] = ""
	r := other.firstlight("demo", "--for", "2s")
	if r.code != 2 || !strings.Contains(r.stderr, "not the demo's") {
		t.Errorf("a demo on another stream: exit %d\n%s", r.code, r.stderr)
	}
}

// compareDemo expects that every rate is what the simulator counted.
func compareDemo(t *testing.T, table string) {
	t.Helper()
	rates := 0
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 11 || f[0] != "activated" && f[0] != "exports" && f[0] != "weekly_return" {
			continue
		}
		rates++
		if value, counted := f[3], f[10]; value != counted { // metric week users value % low % - high % counted
			t.Errorf("the view says %s %%, the simulator counted %s %%: %s", value, counted, line)
		}
	}
	if rates < 9 {
		t.Errorf("only %d rates in the table:\n%s", rates, table)
	}
}

// compareExperiments expects that every share is what the simulator counted, and that the experiment with a difference is told from that without.
func compareExperiments(t *testing.T, table string) {
	t.Helper()
	variants := 0
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != "templates" && f[0] != "checklist" {
			continue
		}
		variants++
		if value, counted := f[4], f[6]; value != counted { // experiment metric variant users value % counted % truth %
			t.Errorf("the view says %s %%, the simulator counted %s %%: %s", value, counted, line)
		}
		if want := map[string]string{"templates": "better", "checklist": "no difference worth having"}[f[0]]; len(f) > 11 && !strings.HasSuffix(strings.TrimSpace(line), want) {
			t.Errorf("want %s: %s", want, line)
		}
	}
	if variants != 4 {
		t.Errorf("%d variants in the table:\n%s", variants, table)
	}
}

// TestDemoTellsItsIncident: whoever starts a demo is told the outage that it exists to show, and nothing else, and is not paged: also
// where its history comes slowly, so that much of it is there while it is judged for the first time.
func TestDemoTellsItsIncident(t *testing.T) {
	for name, flags := range map[string][]string{"at once": nil, "slowly": {"--past-rate", "6000"}} {
		t.Run(name, func(t *testing.T) {
			b := newMigratedBox(t)
			b.env["FIRSTLIGHT_COLLECT_ADDR"] = "127.0.0.1:0"
			d := b.start(append([]string{"demo", "--every", "1s"}, flags...)...)
			if flags != nil {
				b.eventually("the page says that an import runs", d.importing)
			}
			told := func() string {
				return d.tsv("SELECT metric, severity, groupArray(state) FROM (SELECT * FROM anomalies ORDER BY incident_id, seq) GROUP BY incident_id, metric, severity ORDER BY metric, severity")
			}
			b.eventually("the outage is told", func() bool { return told() != "" })
			b.eventually("the page says that no import runs", func() bool { return !d.importing() })
			if got := told(); !strings.HasPrefix(got, "activated\twarning\t['opened'") || !strings.HasSuffix(got, "'resolved']") || strings.Contains(got, "\n") {
				t.Errorf("the demo says\n%s\nwant its outage alone, from its opening to its end", got)
			}
			if flags == nil {
				d.answersEveryQuestion(t)
				d.isFoundFromNextDoor(t)
				d.sendsAnEvent(t)
			}
		})
	}
}

// isFoundFromNextDoor: who runs a command in the folder where the demo was started, without a setting, is told about the demo by the
// demo's catalog. Events of others are kept out of it.
func (d *daemon) isFoundFromNextDoor(t *testing.T) {
	o := newOther(d.b)
	folder := filepath.Join(o.dir, "data")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(d.b.env["FIRSTLIGHT_DATA_DIR"], filepath.Join(folder, "demo")); err != nil { // as if it had been started here
		t.Fatal(err)
	}
	o.env["FIRSTLIGHT_DATA_DIR"], o.env["FIRSTLIGHT_CATALOG"] = "", ""
	for command, want := range map[string]string{
		"backtest": "Activation within", "status": "partition", "query SELECT count() FROM metric_catalog": "10", "notify test": "anomalies.critical.firstlight_test",
	} {
		name, argument, _ := strings.Cut(command, " ")
		args := []string{name}
		if argument != "" {
			args = append(args, argument)
		}
		if r := o.firstlight(args...); !strings.Contains(r.stdout, want) || !strings.Contains(r.stderr, "this is about the demo that runs") {
			t.Errorf("%s: exit %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
	}
	r := o.firstlight("publish", o.write("events.ndjson", funnel))
	if r.code != 2 || !strings.Contains(r.stderr, "stop the demo first") {
		t.Errorf("publish into a demo: exit %d\n%s", r.code, r.stderr)
	}
}

// sendsAnEvent fills in the form of the demo's page, as somebody does who tries Firstlight, and sees his event arrive.
func (d *daemon) sendsAnEvent(t *testing.T) {
	b := newTab(t, browser(t), "http://"+d.at.HTTP, desktop)
	b.also = "http://" + d.at.Collect
	b.open("/")
	d.showsOneStage(b)
	b.until(`document.querySelector(".try form") !== null`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".try select").value = "signed_up"; document.querySelector(".try button").click()`))
	b.until(`document.querySelector(".try .said").textContent.includes(" was counted ")`)
	if got := b.text(".try .stands"); !strings.Contains(got, "Activated") || !strings.Contains(got, "next: ") {
		t.Errorf("the user stands at %q", got)
	}
	b.until(`document.getElementById("health").textContent.includes("1 event stored")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".try").scrollIntoView()`))
	b.shot("demo-try")
	b.accessible()
	b.fine()
}

// showsOneStage chooses a stage of the product, whose metrics are shown then, and none, and all again.
func (d *daemon) showsOneStage(b *tab) {
	b.t.Helper()
	tiles := `[...document.querySelectorAll(".tile")].map((tile) => tile.dataset.metric).sort().join(" ")`
	all := d.tsv("SELECT arrayStringConcat(arraySort(groupArray(metric)), ' ') FROM metric_catalog")
	growth := d.tsv("SELECT arrayStringConcat(arraySort(groupArray(metric)), ' ') FROM metric_catalog WHERE stage = 'growth'")
	b.until(fmt.Sprintf("%s === %q", tiles, all))
	b.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".stages a")].find((a) => a.textContent === "Growth").click()`))
	b.until(fmt.Sprintf("location.search === '?stage=growth' && %s === %q", tiles, growth))
	b.until(loaded)
	if got := b.text(`.stages a[aria-current="page"]`); got != "Growth" {
		b.t.Errorf("the stage that is shown is said to be %q", got)
	}
	b.accessible()
	b.open("/?stage=old")
	if got := b.text(".home .empty"); got != "No metric belongs to the stage “old”." {
		b.t.Errorf("a stage that there is not: %q", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".stages a").click()`))
	b.until(fmt.Sprintf("location.search === '' && %s === %q", tiles, all))
}

// importing reports whether the page is told that an import runs.
func (d *daemon) importing() bool {
	d.b.t.Helper()
	answer, err := http.Get("http://" + d.at.HTTP + "/api/product")
	if err != nil {
		d.b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		d.b.t.Fatal(err)
	}
	var p struct{ Importing bool }
	if err := json.Unmarshal(body, &p); err != nil {
		d.b.t.Fatalf("%v: %s", err, body)
	}
	return p.Importing
}

// answersEveryQuestion asks the demo what docs/bi.md asks: every question has an answer there.
func (d *daemon) answersEveryQuestion(t *testing.T) {
	text, err := os.ReadFile("../../docs/bi.md")
	if err != nil {
		t.Fatal(err)
	}
	d.b.eventually("what happened is noted", func() bool { return d.tsv("SELECT count() FROM annotations") == "2" })
	if got := d.tsv("SELECT verdict FROM action_effects"); got != "something else explains it" && got != "no effect seen" {
		t.Errorf("an action that did nothing, with the outage in its weeks, is said to be %q", got)
	}
	for _, sql := range blocks(string(text), "sql") {
		if got := d.b.tsv(sql); got == "" || strings.Contains(got, "nan") {
			t.Errorf("the demo answers %q to\n%s", got, sql)
		}
	}
}
