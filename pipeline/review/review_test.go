package review_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/review"
)

var update = flag.Bool("update", false, "write the golden files anew")

const growth = "growth@acme.example"

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func day(text string) *time.Time {
	t := at(text + "T00:00:00Z")
	return &t
}

func n(v float64) *float64 { return &v }

// rate is a metric whose share went from one value to another, with half the width of its interval.
func rate(name string, before, now, half float64) review.Metric {
	return review.Metric{
		Name: name, Owner: growth, Stage: "growth", N: 2714, Value: n(now), Previous: n(before),
		Change: n(now - before), ChangeLow: n(now - before - half), ChangeHigh: n(now - before + half),
	}
}

// busy is a week in which much happened.
func busy() *review.Facts {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	activated := rate("activated", 0.415, 0.381, 0.012)
	activated.Target, activated.Pace, activated.TargetBy = n(0.4), n(0.9525), day("2027-03-31")
	report := rate("first_report", 8040, 6300, 600)
	report.IsTime, report.Down, report.Stage = true, true, "early"
	report.Target, report.Pace, report.TargetBy = n(7200), n(1.14), day("2026-06-30")
	exports := rate("exports", 0.2, 0.21, 0.02)
	exports.Overdue, exports.ReviewBy = true, day("2026-04-01")
	stay := rate("weekly_return", 0.3, 0.32, 0.0195) // alone it would be news, among five it is chance
	young := review.Metric{Name: "invited", Owner: growth, Stage: "growth", Target: n(0.3), TargetBy: day("2026-04-15")}
	other := rate("uptime", 0.9, 0.5, 0.01)
	other.Owner = "ops@acme.example"
	return &review.Facts{
		Product: "acme", Zone: zone, AsOf: at("2026-04-12T22:30:00Z"), Metrics: []review.Metric{activated, report, exports, stay, young, other},
		Incidents: []review.Incident{{
			ID: "i1", Metric: "activated", Severity: "critical", Since: at("2026-04-01T22:00:00Z"),
			Summary: "Activation within 1 h (activated) of users who entered signup on 2 April is 17 % (10 of 60), below the limit of 35 %",
		}, {ID: "i2", Metric: "uptime", Severity: "warning", Summary: "not ours"}, {
			ID: "i3", Metric: "cohort_entries", Severity: "warning", Since: at("2026-04-09T22:00:00Z"), Summary: "40 users entered signup on 10 April, expected 90 (70–110)",
		}},
		Actions: []review.Action{
			{Title: "Shorter form", Metric: "activated", At: at("2026-03-05T09:00:00Z"), KnownFrom: at("2026-04-09T09:10:00Z"), Verdict: "less than expected", Expects: n(0.1), Before: n(0.3), After: n(0.34), Difference: n(0.04), Low: n(0.01), High: n(0.07)},
			{Title: "Guide", Metric: "exports", At: at("2026-03-05T09:00:00Z"), KnownFrom: at("2026-04-09T09:10:00Z"), Verdict: "something else explains it", Before: n(0.2), After: n(0.25), Difference: n(0.05), Low: n(0.01), High: n(0.09), ExplainedBy: []string{"mix of plan", "campaign: Spring sale"}},
			{Title: "Video", Metric: "exports", At: at("2026-03-05T09:00:00Z"), KnownFrom: at("2026-04-09T09:10:00Z"), Verdict: "no effect seen", Before: n(0.2), After: n(0.205), Difference: n(0.005), Low: n(-0.02), High: n(0.03)},
			{Title: "Long ago", Metric: "exports", At: at("2025-03-05T09:00:00Z"), KnownFrom: at("2025-04-09T09:10:00Z"), Verdict: "worse"},
			{Title: "Mend the invite mail", Metric: "activated", At: at("2026-04-04T09:00:00Z"), KnownFrom: at("2026-05-09T09:10:00Z"), Verdict: "not known yet"},
			{Title: "Theirs", Metric: "uptime", At: at("2026-04-04T09:00:00Z"), KnownFrom: at("2026-05-09T09:10:00Z"), Verdict: "not known yet"},
		},
		Predictions: []review.Prediction{
			{Metric: "activated", Predicts: "weekly_return", Verdict: "predicts", Rate: n(0.5), Other: n(0.2)},
			{Metric: "exports", Predicts: "weekly_return", Verdict: "does not", Rate: n(0.31), Other: n(0.32)},
		},
		Experiments: []review.Experiment{
			{Name: "short_form", Metric: "activated", Variant: "B", Verdict: "better", Difference: n(0.031), Low: n(0.008), High: n(0.054)},
			{Name: "new_colours", Metric: "activated", Variant: "B", Verdict: "running"},
			{Name: "theirs", Metric: "activated", Variant: "B", Verdict: "worse", Owner: "ops@acme.example"},
			{Name: "of_who_has_no_metric", Metric: "activated", Variant: "C", Verdict: "no difference worth having", Owner: "lab@acme.example"},
		},
		Voices: []review.Voice{
			{Voice: "cancel_reason", Who: "ann", Metric: "activated", Text: "The invite mail\nnever came.  <b>Twice!</b>", Next: "Invited somebody", At: at("2026-04-10T09:00:00Z")},
			{Voice: "cancel_reason", Who: "ann", Metric: "exports", Text: "The invite mail\nnever came.  <b>Twice!</b>", Next: "export_run", At: at("2026-04-10T09:00:00Z")},
			{Voice: "cancel_reason", Who: "bob", Metric: "uptime", Text: "not ours", At: at("2026-04-10T08:00:00Z")},
			{Voice: "cancel_reason", Who: "bob", Metric: "activated", Text: "Too dear *for us*", At: at("2026-04-10T07:00:00Z")},
			{Voice: "feedback", Who: "cid", Metric: "exports", Text: strings.Repeat("How do I export? ", 40), At: at("2026-04-09T07:00:00Z")},
			{Voice: "feedback", Who: "dan", Metric: "exports", Text: "the fourth is not quoted", At: at("2026-04-08T07:00:00Z")},
		},
	}
}

// quiet is a week in which nothing happened.
func quiet() *review.Facts {
	f := busy()
	f.Metrics = []review.Metric{rate("activated", 0.41, 0.405, 0.02), rate("exports", 0.2, 0.21, 0.02)}
	f.Incidents, f.Actions, f.Predictions, f.Experiments, f.Voices = nil, nil, nil, nil, nil
	return f
}

// TestReviews holds reviews against files that are read aloud before they are committed.
func TestReviews(t *testing.T) {
	first := quiet()
	first.Metrics = []review.Metric{{Name: "activated", Owner: growth}}
	for name, r := range map[string]*review.Review{
		"busy": busy().Of(growth, ""), "quiet": quiet().Of(growth, ""), "first": first.Of(growth, ""), "early": busy().Of(growth, "early"),
	} {
		html, err := r.HTML()
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{"txt": r.Text(), "md": r.Markdown(), "html": html, "json": string(data) + "\n"}
		if name != "busy" {
			texts = map[string]string{"txt": r.Text()}
		}
		for format, got := range texts {
			golden(t, name+"."+format, got)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestChanceIsNoNews: what is news of one metric is none where so many are looked at that one moves so far by chance.
func TestChanceIsNoNews(t *testing.T) {
	moved := rate("activated", 0.30, 0.32, 0.0195)
	for others, news := range map[int]bool{0: true, 1: false, 11: false} {
		f := quiet()
		f.Metrics = []review.Metric{moved}
		for range others {
			f.Metrics = append(f.Metrics, rate("still", 0.2, 0.2, 0.01))
		}
		if got := strings.Contains(f.Of(growth, "").Text(), "Activated rose"); got != news {
			t.Errorf("beside %d others it is news: %v, want %v", others, got, news)
		}
	}
}

func TestOwners(t *testing.T) {
	if diff := cmp.Diff([]string{growth, "ops@acme.example"}, busy().Owners("")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{growth}, busy().Owners("early")); diff != "" {
		t.Error(diff)
	}
}

// A review is of the product's day, which may be another than that of UTC.
func TestDate(t *testing.T) {
	if got := busy().Of(growth, "").Date(); got != "2026-04-13" {
		t.Errorf("half past midnight in Berlin is on %s", got)
	}
}

// What can be compared alone is what is named, wherever it stands among the owner's metrics.
func TestTheOneThatIsCompared(t *testing.T) {
	f := &review.Facts{Product: "acme", AsOf: at("2026-04-13T06:00:00Z"), Zone: time.UTC, Metrics: []review.Metric{{Name: "uses", Owner: growth, Value: n(0.5)}, rate("activated", 0.4, 0.4, 0.01)}}
	if r := f.Of(growth, ""); !strings.Contains(strings.Join(strings.Fields(r.Text()), " "), "Nothing moved beyond chance: Activated is as it was four weeks ago.") {
		t.Errorf("of two metrics, one of which can be compared, it says\n%s", r.Text())
	}
}

// What people write is no Markdown.
func TestQuotesAreNoMarkdown(t *testing.T) {
	for quote, want := range map[string]string{"---": `> \---`, "- no": `> \- no`, "+1": `> \+1`, "1. price": `> 1\. price`, "2) price": `> 2\) price`, "=": `> \=`, "~~~": `> \~~~`, "12 seats": "> 12 seats", "# a": `> \# a`} {
		r := review.Review{Sections: []review.Section{{Title: "Voices", Items: []review.Item{{Quote: quote, Text: "Somebody"}}}}}
		if got := r.Markdown(); !strings.Contains(got, want+"\n") {
			t.Errorf("%q is written as %s", quote, got)
		}
	}
}
