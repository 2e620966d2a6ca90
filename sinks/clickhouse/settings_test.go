package clickhouse_test

import (
	"fmt"
	"testing"

	"firstlight/schemas"
)

// TestViewsUnderOtherSettings holds that views mean the same whatever a BI tool's session has set.
func TestViewsUnderOtherSettings(t *testing.T) {
	s := newScript(t)
	s.run("testdata/views/status.txt")
	views, err := schemas.Views(s.database)
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		query := "SELECT * FROM " + view.Name + " ORDER BY ALL"
		want := s.text(query)
		for _, setting := range []string{
			"join_use_nulls = 1, transform_null_in = 1, group_by_use_nulls = 1, aggregate_functions_null_for_empty = 1, union_default_mode = 'DISTINCT'",
			"prefer_column_name_to_alias = 1, any_join_distinct_right_table_keys = 1, short_circuit_function_evaluation = 'disable'",
			"final = 1, session_timezone = 'Asia/Tokyo', max_threads = 1, join_algorithm = 'full_sorting_merge,hash'",
		} {
			got, err := s.query(fmt.Sprintf("%s SETTINGS %s", query, setting))
			if err != nil {
				t.Error(err)
			} else if got != want {
				t.Errorf("%s with %s:\n%s\nwant\n%s", view.Name, setting, got, want)
			}
		}
	}
}
