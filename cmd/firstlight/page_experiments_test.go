package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What an experiment says, and how it came about, is what the views say.
func pageExperiments(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open("/")
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("experiments").click()`))
	b.until(`location.search === "?experiment=" && (document.querySelector('[data-experiment="checklist"] .next')?.textContent ?? "").startsWith("Go on: ")`)
	b.shot("experiments-light")
	b.accessible()
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-experiment="checklist"] a').click()`))
	b.until(`location.search === "?experiment=checklist" && (document.querySelector(".now .next")?.textContent ?? "").includes(" at this pace")`)
	b.until(loaded)
	results := ask(t, d, "experiments", url.Values{"experiment": {"checklist"}})
	days := ask(t, d, "experiment_days", url.Values{"experiment": {"checklist"}, "metric": {"activated"}})
	compared := days.count("difference")
	if got := b.points("difference", 3, false); got < compared*9/10 || got > compared || compared < 40 {
		t.Errorf("%d points of the sequence are painted, the view has %d", got, compared) // the first may be beyond the edge
	}
	if got, want := b.count("#metrics .dot"), results.count("difference"); got != want || want != 2 {
		t.Errorf("%d differences are shown, the view has %d", got, want)
	}
	if got := results.column("difference")[1]; !near(got, days.column("difference")[len(days.Rows)-1]) {
		t.Errorf("the difference is %v, and %v with the users of all days", got, days.column("difference")[len(days.Rows)-1])
	}
	for i, variant := range results.column("variant")[:2] {
		if got, want := b.text(fmt.Sprintf("#deal tbody tr:nth-child(%d)", i+1)), fmt.Sprintf("%v%s", variant, withCommas(int(results.column("users")[i].(float64)))); !strings.HasPrefix(got, want) {
			t.Errorf("dealt: %q, want %q", got, want)
		}
	}
	if got := b.text("#deal .says"); got != "Nothing speaks against it." {
		t.Errorf("the sample ratio says %q", got)
	}
	if got := b.text(".experiment .description"); got != "A checklist for the first week lets more teams get going" {
		t.Errorf("the hypothesis is %q", got)
	}
	b.shot("experiment-light")
	b.accessible()
	b.open("/?experiment=no_such")
	if got := b.text(".empty"); !strings.Contains(got, "no_such") {
		t.Errorf("an unknown experiment says %q", got)
	}
	pageConclusions(t, b)
	b.fine()

	b = on(look{width: 1280, height: 900, dark: true})
	b.open("/?experiment=checklist")
	b.shot("experiment-dark")
	b.accessible()
	b = on(phone)
	for name, path := range map[string]string{"experiments": "/?experiment=", "experiment": "/?experiment=checklist"} {
		b.open(path)
		if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d wide on a phone of 360", name, wide)
		}
		b.shot(name + "-phone")
	}
	b.accessible()
	b.fine()
}

func near(a, b any) bool {
	x, ok := a.(float64)
	y, also := b.(float64)
	return ok && also && x-y < 1e-12 && y-x < 1e-12
}

// pageConclusions has the page say what can come of an experiment of two variants, and what to do.
func pageConclusions(t *testing.T, b *tab) {
	conclude := func(deciding, guard, until string, difference float64, young int, third string) string {
		js := fmt.Sprintf(`import("/assets/js/verdict.js").then(({ conclude }) => {
			const row = (metric, variant, verdict, difference) => ({ metric, variant, verdict, difference, eligible: 1000, users: variant === "A" ? 1000 : 1200, left_out: variant === "A" ? 0 : 200 - %d, as_of: "2026-05-02T10:00:00.000Z",
				difference_low: difference === null ? null : difference - 0.04, difference_high: difference === null ? null : difference + 0.04 });
			const rows = [row("activated", "A", "running", null), row("activated", "B", %q, %g), row("reports", "A", "running", null), row("reports", "B", %q, -0.06)];
			const variants = [{ name: "A", share: 0.5 }, { name: "B", share: 0.5 }];
			if (%[6]q) { rows.push(row("activated", "C", %[6]q, 0.001)); variants.push({ name: "C", share: 0.5 }); }
			const said = conclude({ metrics: ["activated", "reports"], variants, least_effect: 0.02, until: %[5]q }, rows, 100);
			window.said = [said.mark, said.says, said.next].join(" | "); })`, young, deciding, difference, guard, until, third)
		b.do(chromedp.Evaluate[chromedp.Void](`delete window.said; ` + js))
		b.until(`window.said !== undefined`)
		return strings.NewReplacer("\u202f", " ", "\u2212", "-").Replace(eval[string](b, "window.said"))
	}
	for _, c := range []struct {
		deciding, guard, until string
		difference             float64
		young                  int    // users of B whose time is not over
		third                  string // the verdict of C; empty: there is none
		want                   string
	}{
		{"better", "running", "", 0.05, 0, "", "B is better | Activated is +5.0 points, between +1.0 and +9.0, with B. | Stop and take B."},
		{"better", "worse", "", 0.05, 0, "", "B is better, a guard is worse | Activated is +5.0 points, between +1.0 and +9.0, with B. | Do not take B yet: Reports is worse (-6.0 points, between -10.0 and -2.0). Weigh the two."},
		{"worse", "running", "", -0.05, 0, "", "Worse | B: -5.0 points, between -9.0 and -1.0. | Stop and keep A."},
		{"no difference worth having", "running", "", 0, 0, "", "No difference worth having | B: 0.0 points, between -4.0 and +4.0. | Stop: they differ by less than 2.0 points. Keep what is simpler."},
		// The interval must become half as wide, with four times the users.
		{"running", "running", "", 0.02, 0, "", "Running | Not decided: Activated is +2.0 points, between -2.0 and +6.0, with B. | Go on: about 6,000 more users, 60 days at this pace, if the difference stays where it is."},
		{"running", "running", "2026-05-01", 0.02, 0, "", "Running | Not decided: Activated is +2.0 points, between -2.0 and +6.0, with B. | Nobody has entered since 1 May 2026: take what is simpler, or ask again with more users."},
		{"running", "running", "2026-05-01", 0.02, 50, "", "Running | Not decided: Activated is +2.0 points, between -2.0 and +6.0, with B. | Wait: nobody new enters since 1 May 2026, but the time of 50 users is not over."},
		{"worse", "running", "", -0.05, 0, "no difference worth having", "None is better | B: -5.0 points, between -9.0 and -1.0; C: +0.1 points, between -3.9 and +4.1. | Stop and drop B. A and C differ by less than 2.0 points: keep what is simpler."},
		{"broken: sample ratio", "running", "", 0.02, 0, "", "Broken: look at the assignment | Users are not dealt as was meant: 1,000 saw A (45.5 %, meant 50.0 %), 1,200 saw B (54.5 %, meant 50.0 %). | Believe none of these differences. Look at the assignment, at what is sent as exposure and at what loses events, and begin anew under another name."},
	} {
		if got := conclude(c.deciding, c.guard, c.until, c.difference, c.young, c.third); got != c.want {
			t.Errorf("%s, guard %s, until %q:\n%s\nwant\n%s", c.deciding, c.guard, c.until, got, c.want)
		}
	}
}
