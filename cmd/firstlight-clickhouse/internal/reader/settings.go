package reader

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"firstlight/cmd/firstlight-clickhouse/internal/statement"
)

// rule tells whether a value of a setting is let through.
type rule func(value string) bool

var number = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)

func upTo(most float64) rule { return between(0, most) }

func between(least, most float64) rule {
	return func(value string) bool {
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && decimal.MatchString(value) && n >= least && n <= most
	}
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})(\.[0-9]{1,9})?$`)

func boolean(value string) bool {
	return slices.Contains([]string{"0", "1", "true", "false"}, strings.ToLower(value))
}

func oneOf(values ...string) rule {
	return func(value string) bool { return slices.Contains(values, value) }
}

func matches(pattern string) rule { return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString }

// The most a reader may ask for.
const (
	MaxSeconds = 300
	maxRows    = math.MaxInt64
)

// rules are the settings open to readers: how results look, how far a query may go, and nothing that names a file, a
// schema, a disk or an address, or that changes what views mean.
var rules = map[string]rule{
	"max_execution_time": between(0, MaxSeconds), "max_estimated_execution_time": upTo(MaxSeconds), "timeout_before_checking_execution_speed": upTo(MaxSeconds),
	"max_result_rows": upTo(maxRows), "max_result_bytes": upTo(maxRows), "result_overflow_mode": oneOf("throw", "break"),
	"max_rows_to_read": upTo(maxRows), "max_bytes_to_read": upTo(maxRows),
	"max_block_size": between(1, 1<<20), "max_threads": between(1, 8), "extremes": boolean,
	"session_timezone": matches(`[A-Za-z0-9_+\-/]{0,64}`), "join_use_nulls": boolean,
	"date_time_input_format": oneOf("basic", "best_effort", "best_effort_us"), "date_time_output_format": oneOf("simple", "iso", "unix_timestamp"),
	"date_time_64_output_format_cut_trailing_zeros_align_to_groups_of_thousands": boolean,
	"describe_include_subcolumns": boolean, "describe_compact_output": boolean, "show_table_uuid_in_table_create_query_if_not_nil": boolean,
	"low_cardinality_allow_in_native_format": boolean, "cast_string_to_dynamic_use_inference": boolean,
	"format_csv_delimiter": matches(`[^\x00-\x08\x0a-\x1f\\'"]`), "format_csv_null_representation": matches(`[^\x00-\x1f]{0,32}`),
	"format_tsv_null_representation": matches(`[^\x00-\x1f]{0,32}`),

	"output_format_float_precision": upTo(32), "output_format_msgpack_uuid_representation": oneOf("bin", "str", "ext"),
	"output_format_arrow_compression_method":   oneOf("none", "lz4_frame", "zstd"),
	"output_format_parquet_compression_method": oneOf("none", "snappy", "lz4", "brotli", "zstd", "gzip"),
	"output_format_parquet_version":            oneOf("1.0", "2.4", "2.6", "2.latest"), "output_format_parquet_row_group_size": between(1, 1<<20),
	"output_format_pretty_max_rows": upTo(1e6), "output_format_pretty_max_column_pad_width": upTo(1000), "output_format_pretty_max_value_width": upTo(1e6),
	"output_format_pretty_max_value_width_apply_for_single_value": upTo(1), "output_format_pretty_color": oneOf("0", "1", "auto"),
	"output_format_pretty_grid_charset": oneOf("UTF-8", "ASCII"), "output_format_pretty_single_large_number_tip_threshold": upTo(maxRows),
	"output_format_pretty_fallback_to_vertical_max_rows_per_chunk": upTo(1000), "output_format_pretty_display_footer_column_names": upTo(1),
	"output_format_pretty_display_footer_column_names_min_rows": upTo(1e6), "output_format_pretty_squash_consecutive_ms": upTo(1000),
	"output_format_sql_insert_max_batch_size": between(1, 1e6), "output_format_sql_insert_table_name": matches(`[A-Za-z0-9_.]{1,64}`),

	// Answered, without an effect here.
	"readonly": oneOf("0", "1", "2"), "enable_analyzer": newAnalyzer, "allow_experimental_analyzer": newAnalyzer,
	"max_memory_usage": matches(`[0-9]{1,19}`), "select_sequential_consistency": boolean, "async_insert": boolean, "wait_for_async_insert": boolean,
	"max_insert_block_size": upTo(maxRows), "insert_deduplicate": boolean, "connect_timeout": upTo(3600), "receive_timeout": upTo(3600), "send_timeout": upTo(3600),
	"priority": upTo(1e9), "allow_experimental_json_type": boolean, "enable_json_type": boolean, "max_query_size": upTo(maxRows), "use_query_cache": boolean,
	"format_display_secrets_in_show_and_select": oneOf("0", "false"), "log_queries": boolean, "send_logs_level": matches("[a-z]{1,16}"),
}

func newAnalyzer(value string) bool { return value == "1" || strings.EqualFold(value, "true") }

// answerOnly are the settings that are answered and change nothing.
var answerOnly = map[string]bool{
	"readonly": true, "enable_analyzer": true, "allow_experimental_analyzer": true, "max_memory_usage": true, "select_sequential_consistency": true,
	"async_insert": true, "wait_for_async_insert": true, "max_insert_block_size": true, "insert_deduplicate": true, "connect_timeout": true,
	"receive_timeout": true, "send_timeout": true, "priority": true, "allow_experimental_json_type": true, "enable_json_type": true,
	"max_query_size": true, "use_query_cache": true, "format_display_secrets_in_show_and_select": true, "log_queries": true, "send_logs_level": true,
}

// outputFlags are the output settings that are on or off, without output_format_.
var outputFlags = strings.Fields(`always_write_decimal_point_in_float_and_decimal arrow_date_as_uint16 arrow_fixed_string_as_fixed_byte_array
	arrow_low_cardinality_as_dictionary arrow_string_as_string arrow_unsupported_types_as_binary arrow_use_64_bit_indexes_for_dictionary
	arrow_use_signed_indexes_for_dictionary arrow_uuid_as_fixed_byte_array binary_encode_types_in_binary_format binary_write_json_as_string
	csv_crlf_end_of_line csv_header_serialize_tuple_into_separate_columns csv_serialize_tuple_into_separate_columns decimal_trailing_zeros
	json_array_of_rows json_escape_forward_slashes json_map_as_array_of_tuples json_named_tuples_as_objects json_pretty_print json_quote_64bit_floats
	json_quote_64bit_integers json_quote_decimals json_quote_denormals json_skip_null_value_in_named_tuples json_validate_utf8 markdown_escape_special_characters
	native_encode_types_in_binary_format native_use_flattened_dynamic_and_json_serialization native_write_json_as_string parallel_formatting
	parquet_compliant_nested_types parquet_date_as_uint16 parquet_datetime_as_uint32 parquet_enum_as_byte_array parquet_fixed_string_as_fixed_byte_array
	parquet_string_as_string parquet_write_page_index pretty_fallback_to_vertical pretty_highlight_digit_groups pretty_highlight_trailing_spaces
	pretty_multiline_fields pretty_named_tuples_as_json pretty_row_numbers pretty_use_nbsp_for_padding sql_insert_include_column_names
	sql_insert_quote_names trim_fixed_string tsv_crlf_end_of_line values_escape_quote_with_quote write_statistics`)

func init() {
	for _, name := range outputFlags {
		rules["output_format_"+name] = boolean
	}
}

const tableFilters = "additional_table_filters"

// AnswerOnly tells whether a setting is answered and changes nothing.
func AnswerOnly(name string) bool { return answerOnly[name] }

// CheckSetting refuses a setting that is not open to readers, or a value out of its bounds. Of the filters that a
// setting adds to tables it returns those that are to be inspected.
func CheckSetting(name, value string) ([]Filter, error) {
	if name == tableFilters {
		return filtersOf(value)
	}
	allowed, found := rules[name]
	switch {
	case !found:
		return nil, refuse(CodeSetting, "Setting %s is not open to readers", name)
	case allowed(value):
		return nil, nil
	case name == "enable_analyzer" || name == "allow_experimental_analyzer":
		return nil, refuse(CodeSetting, "Setting %s must stay 1: the old analyzer misreads the views and cannot be stopped; leave the setting out", name)
	}
	return nil, refuse(CodeSetting, "Setting %s cannot be %.100q for readers: it is out of its bounds", name, value)
}

// Statement is a filter as a statement that is to be inspected: it is let through where this is, and its table is open.
func (f Filter) Statement() (*Statement, error) {
	s, err := Read("SELECT (" + f.Expression + "\n)")
	if err == nil && (s.Kind != Select || s.Format != "" || s.clauses > 0 || len(s.Filters) > 0) {
		err = denied("The condition in %s must be one expression", tableFilters)
	}
	return s, err
}

// filtersOf reads a map of table names and expressions, as Grafana's ad-hoc filters are sent.
func filtersOf(value string) ([]Filter, error) {
	wrong := refuse(CodeSetting, "Setting %s must be a map of a view and a condition: {'view': 'column = 1'}", tableFilters)
	tokens, whole := statement.Tokens(value)
	if n := len(tokens); !whole || n < 2 || tokens[0].Text != "{" || tokens[n-1].Text != "}" || n > 2 && n%4 != 1 {
		return nil, wrong
	}
	var all []Filter
	for i := 1; i+2 < len(tokens); i += 4 {
		if tokens[i].Kind != statement.Text || tokens[i+1].Text != ":" || tokens[i+2].Kind != statement.Text || !strings.Contains(",}", tokens[i+3].Text) {
			return nil, wrong
		}
		table, plain := untext(tokens[i].Text)
		condition, plainToo := untext(tokens[i+2].Text)
		if tokens[i].Text[0] != '\'' || tokens[i+2].Text[0] != '\'' || !plain || !plainToo {
			return nil, wrong
		}
		all = append(all, Filter{table, condition})
	}
	return all, nil
}
