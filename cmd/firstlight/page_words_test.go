package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// leastUsers is the default of FIRSTLIGHT_LEAST_USERS.
const leastUsers = 30

// few counts the values of few users, beside them those of windows that are not over, and the others.
func (a answered) few() (few, running, others int) {
	var settled []any
	if slices.Contains(a.Columns, "is_settled") {
		settled = a.column("is_settled")
	}
	for i, v := range a.column("value") {
		switch {
		case v == nil:
		case a.column("n")[i].(float64) < leastUsers:
			few++
		case settled != nil && settled[i] == false:
			running++
		default:
			others++
		}
	}
	return few, running, others
}

// What few users did, and what is not over, does not look like a drop: it is faded, and no line goes there.
func pageFew(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	b.open(query("metric", "activated", "segment", "country", "value", "GB"))
	group := url.Values{"metric": {"activated"}, "from": {"2026-03-02"}, "segment": {"country"}, "value": {"GB"}}
	few, _, _ := ask(t, d, "progress", group).few()
	if got := b.count("#triangle td.few"); got != few || few == 0 {
		t.Errorf("%d cells are without colour, %d have few users", got, few)
	}
	if got := b.count(`#triangle td.few[style]`); got != 0 {
		t.Errorf("%d cells of few users have a colour", got)
	}
	group.Set("window", "1d")
	few, running, others := ask(t, d, "activation_line", group).few()
	if got := b.points("line", 5, false); got != few+running || few == 0 {
		t.Errorf("%d faded points are painted; the view has %d of few users and %d of windows that are not over", got, few, running)
	}
	joined := eval[int](b, `((c) => c.data[0].filter((_, i) => c.data[3][i] !== null || c.data[4][i] !== null).length)(document.querySelector("#line .stage").chart)`)
	if joined != others {
		t.Errorf("%d points are joined to the line, %d have enough users and are over", joined, others)
	}
	b.shot("few-light")

	b.open(query("metric", "exports"))
	_, running, _ = ask(t, d, "adoption_line", url.Values{"metric": {"exports"}, "from": {"2026-03-02"}, "window": {"1d"}}).few()
	if got := b.points("line", 5, false); got < running || running == 0 {
		t.Errorf("%d faded points are painted, %d days are not over", got, running)
	}

	b.open("/")
	b.until(`document.querySelectorAll(".tile .spark svg[role]").length === 7`)
	if got := b.count(".tile .spark path.open"); got == 0 {
		t.Error("no tile has a dashed part")
	}
	if got := eval[int](b, `[...document.querySelectorAll(".tile .spark")].filter((s) => s.querySelector("svg[role] path.open, svg[role] circle.few") && !s.querySelector(".legend")).length`); got != 0 {
		t.Errorf("%d tiles have dashes or faded dots without a legend", got)
	}
	b.fine()
}

// The number at the top is that of the users chosen, and says whose it is.
func pageSelection(t *testing.T, d *daemon, on func(look) *tab) {
	b := on(desktop)
	whole := url.Values{"from": {"2026-03-02"}}
	for _, c := range []struct {
		metric, query     string
		cohort, plan, who string
	}{
		{metric: "activated", who: "Everybody who joined in the newest 28 days and has had 7 days"},
		{metric: "exports", who: "Everybody who joined in the newest 28 days: who used it at least once within 28 days of joining"},
		{metric: "activated", query: "activation_cohorts", cohort: "2026-03-16", who: "Users of the week of 16 Mar 2026. Everybody of"},
		{metric: "activated", query: "activation_segments", plan: "free", who: "Users who joined since 2 Mar 2026 with plan free. Everybody of"},
		{metric: "exports", query: "adoption_segments", cohort: "2026-03-16", plan: "free", who: "Users of the week of 16 Mar 2026 with plan free. Everybody of"},
		{metric: "first_report", query: "ttfv_segments", cohort: "2026-03-16", plan: "free", who: "Users of the week of 16 Mar 2026 with plan free. Everybody of"},
	} {
		values := url.Values{"metric": {c.metric}}
		if c.cohort != "" {
			values.Set("cohort", c.cohort)
		}
		if c.plan != "" {
			values.Set("segment", "plan")
			values.Set("value", c.plan)
		}
		b.open("/?" + values.Encode())
		if c.cohort == "" {
			values.Set("from", whole.Get("from"))
		}
		var value, n float64
		if c.query == "" {
			all := ask(t, d, "status", nil)
			for i, name := range all.column("metric") {
				if name == c.metric {
					value, n = all.column("value")[i].(float64), all.column("n")[i].(float64)
				}
			}
		} else {
			a := ask(t, d, c.query, values)
			if len(a.Rows) != 1 {
				t.Fatalf("%d rows for %v from %s", len(a.Rows), values, c.query)
			}
			value, n = a.column("value")[0].(float64), a.column("n")[0].(float64)
		}
		want := fmt.Sprintf("%.1f\u202f%%", 100*value)
		if c.metric == "first_report" {
			want = fmt.Sprintf("%.1f days", value/86400)
		}
		if got := b.text(".now .value"); !strings.HasPrefix(got, want) {
			t.Errorf("%v: the number is %s, the view has %s", values, got, want)
		}
		if got := b.text(".now .says"); !strings.Contains(got, withCommas(int(n))+" users") {
			t.Errorf("%v: it says %q, the view has %v users", values, got, n)
		}
		if got := b.text(".now .whom"); !strings.HasPrefix(got, c.who) {
			t.Errorf("%v: the number is of %q, want %q", values, got, c.who)
		}
	}
	b.open(query("metric", "activated", "segment", "plan", "value", "free"))
	b.shot("selection-light")
	if got := eval[string](b, `document.querySelector(".controls .quiet").innerText`); !strings.Contains(got, "two segments cannot") {
		t.Errorf("of two segments at once it says %q", got)
	}
	if got := b.text("#steps .all"); !strings.Contains(got, "All steps") {
		t.Errorf("the last bar is %q", got)
	}
	if got := b.text("#steps .lead"); !strings.Contains(got, "each is counted for itself") {
		t.Errorf("where users stop says %q", got)
	}
	if got := b.text(".now .target"); !strings.Contains(got, "from ") || strings.Contains(got, "of the way") {
		t.Errorf("the target does not say where the value comes from: %q", got)
	}
	b.open(query("metric", "exports"))
	if got := b.text("#line .lead"); !strings.Contains(got, "The number at the top is another: it counts who joined") {
		t.Errorf("the line does not say how it differs from the number: %q", got)
	}
	b.fine()
}
