package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"

	"firstlight/schemas"
)

// TestViewsDescribeThemselves checks what BI tools see of the views before they read a row.
func TestViewsDescribeThemselves(t *testing.T) {
	s := newScript(t)
	for _, query := range []string{
		"SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' AND comment = ''",
		"SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = '' AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View')",
		"SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' AND NOT create_table_query LIKE '%DEFINER = % SQL SECURITY DEFINER%'",
	} {
		if got := s.text(query); got != "" {
			t.Errorf("%s\n%s", query, got)
		}
	}
	views, err := schemas.Views(s.database)
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		declared := s.text(fmt.Sprintf("SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '%s' ORDER BY position", view.Name))
		var selected strings.Builder
		for line := range strings.Lines(s.text("DESCRIBE (SELECT * FROM " + view.Name + ")")) {
			fields := strings.Split(line, "\t")
			fmt.Fprintf(&selected, "%s\t%s\n", fields[0], fields[1])
		}
		if declared != selected.String() {
			t.Errorf("%s is declared as\n%sbut selects\n%s", view.Name, declared, selected.String())
		}
		checkContract(t, view.Name, declared)
	}
}

// contract lists the columns of every view in order, as the public contract does.
var contract = map[string]string{
	"activation_by_cohort":       "cohort_start, entered, eligible, activated, rate, rate_low, rate_high, activated_to_date, rate_to_date, km_rate, is_mature, as_of",
	"activation_by_entry_window": "window, window_start, window_end, entered, eligible, activated, rate, rate_low, rate_high, activated_to_date, is_settled, is_final",
	"activation_by_window":       "cohort_start, window, window_start, window_end, entered, activated_in_window, activated_to_date, rate_to_date, is_settled, is_final",
	"activation_steps":           "cohort_start, step, step_name, eligible, reached, rate, rate_low, rate_high, p50_seconds, from_previous_rate, from_previous_low, from_previous_high, p50_from_previous_seconds",
	"ttfv_by_cohort":             "cohort_start, entered, reached, mean_seconds, p25_seconds, p50_seconds, p75_seconds, p90_seconds, km_p25_seconds, km_p50_seconds, km_p50_low, km_p50_high, km_p75_seconds, as_of",
	"ttfv_by_entry_window":       "window, window_start, window_end, entered, reached, km_p50_seconds, km_p50_low, km_p50_high, is_settled, is_final",
	"ttfv_by_window":             "cohort_start, window, window_start, window_end, reached_in_window, reached_to_date, mean_seconds, p50_seconds, is_settled, is_final",
	"progress_by_age":            "cohort_start, age_seconds, eligible, reached, rate, rate_low, rate_high, at_risk, km_rate, km_low, km_high, is_mature",
	"adoption_by_cohort":         "cohort_start, entered, eligible, adopted, rate, rate_low, rate_high, adopted_to_date, p50_seconds",
	"adoption_by_window":         "cohort_start, window, window_start, window_end, active_users, adopters, new_adopters, events, rate, rate_low, rate_high, is_settled, is_final",
	"retention_by_cohort":        "cohort_start, period, period_days, started, eligible, returned, rate, rate_low, rate_high, returned_since, rate_since, is_mature, as_of",
	"retention_by_split":         "split, cohort_start, period, activated_eligible, activated_returned, activated_rate, other_eligible, other_returned, other_rate, difference, difference_low, difference_high",
	"user_progress":              "user_id, cohort_start, segments, entered_at, kind, reached_at, seconds, steps_done, next_step",
	"stalled_users":              "user_id, cohort_start, segments, entered_at, last_seen_at, steps_done, next_step, expires_at",
	"voices":                     "voice, user_id, at, text, metric, cohort_start, segments, steps_done, next_step",
	"event_volume":               "source, event, window, window_start, window_end, events, is_settled",
	"metric_status":              "metric, kind, value, low, high, n, as_of, previous_value, change, change_low, change_high, target_value, target_by, pace, owner, review_by, review_overdue, open_incidents",
	"metric_prediction":          "predicts, period, activated_eligible, activated_returned, activated_rate, other_eligible, other_returned, other_rate, difference, difference_low, difference_high, least, verdict, as_of",
	"experiment_by_day":          "experiment, metric, variant, exposed_on, is_over, users, eligible, reached, left_out, eligible_to_date, reached_to_date, value, difference, difference_low, difference_high, as_of",
	"experiment_results":         "experiment, metric, variant, users, eligible, value, low, high, difference, difference_low, difference_high, fixed_low, fixed_high, srm_p, verdict, as_of, left_out",
	"action_effects":             "source, id, at, title, incident, expects, age_seconds, period, before_eligible, before_reached, before_rate, after_entered, after_eligible, after_reached, after_rate, difference, difference_low, difference_high, mix_effect, mix_segment, season_effect, usual_change, others, incidents, explained_by, verdict, known_from, as_of",
	"metric_catalog":             "owner, objective, indicator, direction, action, runbook, description, labels, target_value, target_by, review_by, stage, period, periods, target_period, guardrails, formula, definition_hash, active_since, complete_from, state, progress",
	"pipeline_progress":          "partition, applied_seq, stream_seq, lag, arrival_clock, watermark, received, applied, ignored, missed, clamped, dead, worker, updated_at",
	"annotations":                "time, until, kind, source, title, url, metric, text, author, id, expects, incident",
	"anomalies":                  "incident_id, seq, at, state, reason, severity, metric, cohort, window, window_start, window_end, age_seconds, k, n, value, expected, expected_low, expected_high, users_lost, method, summary, message",
	"incidents":                  "incident_id, seq, at, state, reason, severity, metric, cohort, window, window_start, window_end, age_seconds, k, n, value, expected, expected_low, expected_high, users_lost, method, summary, message",
}

// withoutMetric are the views whose rows do not start with metric and cohort.
const withoutMetric = " experiment_by_day experiment_results event_volume metric_status pipeline_progress annotations anomalies incidents voices "

func checkContract(t *testing.T, view, declared string) {
	t.Helper()
	whole, twin := strings.CutSuffix(view, "_segments")
	want := contract[whole]
	switch {
	case twin:
		want = "metric, cohort, segment, segment_value, " + want
	case !strings.Contains(withoutMetric, " "+view+" "):
		want = "metric, cohort, " + want
	}
	var names []string
	if strings.Contains(want, "window_start") {
		want += ", day"
	}
	for line := range strings.Lines(declared) {
		name, kind, _ := strings.Cut(strings.TrimSpace(line), "\t")
		kind = strings.ReplaceAll(kind, `\'`, "'")
		names = append(names, name)
		expected := map[bool]string{true: "Bool"}[strings.HasPrefix(name, "is_")]
		switch {
		case strings.HasPrefix(name, "rate") || strings.HasPrefix(name, "km_") || strings.HasSuffix(name, "_seconds") && name != "age_seconds":
			expected = "Nullable(Float64)"
		case strings.HasPrefix(name, "from_previous_"), strings.HasPrefix(name, "change"), strings.HasPrefix(name, "difference"), strings.HasSuffix(name, "_rate"):
			expected = "Nullable(Float64)"
		case name == "day":
			expected = "Date"
		case strings.HasPrefix(name, "window_"):
			expected = "DateTime('UTC')"
		case strings.Contains(" entered eligible activated reached adopted started returned returned_since activated_eligible activated_returned other_eligible other_returned at_risk active_users adopters events age_seconds n k steps_done ", " "+name+" "):
			expected = "UInt64"
		}
		if expected != "" && kind != expected {
			t.Errorf("%s.%s is %s, want %s", view, name, kind, expected)
		}
	}
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("%s has the columns\n%s\nwant\n%s", view, got, want)
	}
}
