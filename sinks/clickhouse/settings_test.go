package clickhouse_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"firstlight/schemas"
)

// settingsOfReaders are settings that change what a query means, or how much of it is read, each with a value that is not the
// default. Under each of them a view gives the rows it gives without, or refuses in one line. Those of one group are set together:
// a view that gives its rows then does so under each. Where it does not, each is tried alone.
var settingsOfReaders = [][]string{
	{
		"join_use_nulls = 1", "transform_null_in = 1", "group_by_use_nulls = 1", "aggregate_functions_null_for_empty = 1",
		"empty_result_for_aggregation_by_empty_set = 1", "cast_keep_nullable = 1", "prefer_column_name_to_alias = 1",
		"union_default_mode = 'DISTINCT'", "any_join_distinct_right_table_keys = 1", "join_any_take_last_row = 1", "final = 1",
		"join_algorithm = 'partial_merge'", "max_rows_in_distinct = 1, distinct_overflow_mode = 'break'",
	},
	{
		"single_join_prefer_left_table = 0", "enable_positional_arguments = 0", "least_greatest_legacy_null_behavior = 1",
		"totals_mode = 'before_having'", "date_time_overflow_behavior = 'throw'", "session_timezone = 'Asia/Tokyo'",
		"distributed_product_mode = 'deny'", "data_type_default_nullable = 1", "short_circuit_function_evaluation = 'disable'",
		"join_algorithm = 'full_sorting_merge'", "join_default_strictness = 'ANY'", "max_rows_to_transfer = 1, transfer_overflow_mode = 'break'",
	},
	{
		"session_timezone = 'America/New_York'", "max_threads = 1", "optimize_move_to_prewhere = 0", "max_block_size = 1",
		"do_not_merge_across_partitions_select_final = 1", "max_bytes_before_external_group_by = 1", "optimize_read_in_order = 0",
		"optimize_aggregation_in_order = 1", "query_plan_convert_outer_join_to_inner_join = 0", "cross_to_inner_join_rewrite = 0",
		"short_circuit_function_evaluation = 'force_enable'", "query_plan_join_swap_table = 'true'",
		"join_algorithm = 'grace_hash'", "join_default_strictness = ''",
	},
	{"join_algorithm = 'direct'", "compatibility = '24.3'"},
	{
		"compatibility = '25.3'",
		// Filters on what lies under the views.
		"additional_table_filters = {'DATABASE.cells': 'kind = \\'entry\\'', 'DATABASE.users': '0', 'DATABASE.said': '0', 'DATABASE.forgotten': '0', 'DATABASE.voices_keep': '0', 'DATABASE.calendar': '0', 'DATABASE.window_days': '0', " +
			"'DATABASE.metrics': '0', 'DATABASE.catalogs': '0', 'DATABASE.names': '0', 'DATABASE.checkpoints': '0', " +
			"'DATABASE.incident_log': 'seq = 1', 'DATABASE.annotation_log': '0', 'DATABASE.progress': '0', 'DATABASE.age_edges': '0'}",
	},
	// Limits that cut instead of refusing.
	{"max_rows_to_read = 1, read_overflow_mode = 'break'"},
	{"max_rows_to_read_leaf = 1, read_overflow_mode_leaf = 'break'"},
	{"max_rows_to_group_by = 1, group_by_overflow_mode = 'any'"},
	{"max_rows_to_sort = 1, sort_overflow_mode = 'break'"},
	{"max_rows_in_set = 1, set_overflow_mode = 'break'"},
	{"max_rows_in_join = 1, join_overflow_mode = 'break'"},
	// The old analyzer, by its names and by what implies it.
	{"enable_analyzer = 0"},
	{"allow_experimental_analyzer = 0"},
	{"compatibility = '24.2'"},
	{"compatibility = '21.3'"},
}

// TestViewsUnderOtherSettings holds that views mean the same whatever a reader's session has set, or refuse.
func TestViewsUnderOtherSettings(t *testing.T) {
	s := newScript(t)
	s.run("testdata/settings.txt")
	s.flush()
	s.load()
	views, err := schemas.Views(s.database)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, view := range views {
		if want[view.Name] = sortedLines(s.text("SELECT * FROM " + view.Name)); want[view.Name] == "" {
			t.Errorf("%s has no rows to compare", view.Name)
		}
	}
	for _, group := range settingsOfReaders {
		t.Run(group[0], func(t *testing.T) {
			for _, view := range views {
				all := answerWith(t, s, view.Name, want[view.Name], strings.Join(group, ", "))
				if all == theSame || all == refusal && len(group) == 1 {
					continue
				}
				for _, setting := range group {
					if answerWith(t, s, view.Name, want[view.Name], setting) == another {
						t.Errorf("%s is another with %s", view.Name, setting)
					}
				}
				if all == another {
					t.Errorf("%s is another with %s", view.Name, group)
				}
			}
		})
	}
}

// answer is what a view does under settings.
type answer int

const (
	theSame answer = iota
	refusal        // in one line
	another
)

// answerWith compares what a view gives under settings with the rows wanted.
func answerWith(t *testing.T, s *script, view, want, settings string) answer {
	// The bounds are for a view that is not held up, that it cannot take the machine with it.
	const bounds = ", max_memory_usage = 2000000000, max_execution_time = 300"
	query := "SELECT * FROM " + view + " SETTINGS " + strings.ReplaceAll(settings, "DATABASE", s.database) + bounds
	got, err := s.query(query)
	switch {
	case err != nil:
		checkOneLine(t, view+" with "+settings, strings.TrimPrefix(err.Error(), query+"\n"))
		return refusal
	case sortedLines(got) == want:
		return theSame
	default:
		return another
	}
}

func sortedLines(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

// checkOneLine holds that a refusal is one line, and names the analyzer where that is why.
func checkOneLine(t *testing.T, what, message string) {
	t.Helper()
	message = strings.TrimSpace(message)
	if strings.Contains(message, "\n") || !strings.HasPrefix(message, "Code: ") {
		t.Errorf("%s is refused by\n%s", what, message)
	}
	if regexp.MustCompile(`analyzer = 0|compatibility = '(21|24.2)`).MatchString(what) && !strings.Contains(message, "analyzer") {
		t.Errorf("%s is refused by %q, which does not say that the old analyzer is why", what, message)
	}
}

// TestFiltersOfReaders holds that filters on a view's own name, as Grafana's ad-hoc filters are, go on working.
func TestFiltersOfReaders(t *testing.T) {
	s := newScript(t)
	s.run("testdata/settings.txt")
	s.flush()
	s.load()
	for _, view := range []string{"activation_by_cohort", "ttfv_by_entry_window", "adoption_by_window_segments", "metric_status", "user_progress", "incidents"} {
		for _, name := range []string{view, s.database + "." + view} {
			want := s.text("SELECT count() FROM " + view + " WHERE metric = 'activated' OR metric = 'exports'")
			got := s.text(fmt.Sprintf(`SELECT count() FROM %s SETTINGS additional_table_filters = {'%s': 'metric = \'activated\' OR metric = \'exports\''}`, view, name))
			if got != want {
				t.Errorf("%s filtered by the name %s: %s, want %s", view, name, got, want)
			}
		}
	}
}
