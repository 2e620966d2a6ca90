package scenario

// Values and rows compared with the tolerances that the contract allows.

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// Keys are the columns that tell the rows of a view apart.
var Keys = []string{
	"metric", "cohort", "segment", "segment_value", "cohort_start", "window", "window_start", "window_end", "step",
	"age_seconds", "period", "split", "user_id", "source", "event", "partition", "id", "experiment", "variant", "exposed_on", "voice", "at", "text",
}

// CompareRows returns how the rows of a view differ from those wanted, in all columns of those wanted; nil when
// they do not. Rows are paired by what identifies them. Numbers are held to the contract:
//
//   - quantiles and Kaplan–Meier quantiles: 1 %, at least 1 s;
//   - Kaplan–Meier rates: 1e-6. The estimate depends on the order of ages only, so that coarse ages change it
//     only where an event and a censoring lie within one age bucket: a test with random times gives the oracle the
//     pipeline's buckets (oracle.Options);
//   - all else is exact but for the rounding of floats (1e-9).
func CompareRows(view string, want, got []Row) []string {
	var problems []string
	left := map[string]Row{}
	for _, row := range got {
		key := identity(row)
		if other, twice := left[key]; twice {
			if !mayRepeat(view) || len(rowDifferences(view, row, other)) > 0 {
				problems = append(problems, fmt.Sprintf("%s: the row %s is there twice", view, key))
			}
			key = again(left, key)
		}
		left[key] = row
	}
	wanted := map[string]Row{}
	for _, row := range want {
		key := again(wanted, identity(row))
		wanted[key] = row
		other, found := left[key]
		delete(left, key)
		if !found {
			problems = append(problems, fmt.Sprintf("%s: no row %s; want %s", view, key, showRow(row)))
			continue
		}
		for _, d := range rowDifferences(view, row, other) {
			problems = append(problems, fmt.Sprintf("%s: row %s: %s", view, key, d))
		}
	}
	for key, row := range left {
		problems = append(problems, fmt.Sprintf("%s: unwanted row %s: %s", view, key, showRow(row)))
	}
	sort.Strings(problems)
	return problems
}

// mayRepeat reports whether rows of a view may be alike: what the stream stores twice is said twice.
func mayRepeat(view string) bool { return view == "voices" }

// again is the key of one more row beside those that are there.
func again(rows map[string]Row, key string) string {
	for n, first := 2, key; ; n++ {
		if _, there := rows[key]; !there {
			return key
		}
		key = fmt.Sprint(first, " again ", n)
	}
}

func identity(row Row) string {
	var parts []string
	for _, k := range Keys {
		if v, ok := row[k]; ok {
			parts = append(parts, k+"="+show(plain(v)))
		}
	}
	return strings.Join(parts, " ")
}

func rowDifferences(view string, want, got Row) []string {
	var all []string
	for column, v := range want {
		other, exists := got[column]
		a, b := plain(v), plain(other)
		if !exists {
			all = append(all, "no column "+column)
		} else if !same(a, b, tolerance(view, column, want)) {
			all = append(all, fmt.Sprintf("%s is %s, want %s", column, show(b), show(a)))
		}
	}
	return all
}

// same compares plain values.
func same(want, got any, within tolerated) bool {
	switch want := want.(type) {
	case float64:
		got, ok := got.(float64)
		return ok && within.equal(want, got)
	case time.Time:
		got, ok := got.(time.Time)
		return ok && want.Equal(got)
	}
	return reflect.DeepEqual(want, got)
}

// tolerated is how far two numbers may lie apart.
type tolerated struct{ relative, absolute float64 }

func (t tolerated) equal(want, got float64) bool {
	return math.Abs(want-got) <= max(t.absolute, t.relative*math.Abs(want))
}

var (
	quantileColumn = regexp.MustCompile(`^(km_)?p\d\d_(from_previous_)?(seconds|low|high)$`)
	rateColumn     = regexp.MustCompile(`^km_(rate|low|high)$`)
)

// times are the kinds of metrics whose value is a time.
var times = kind.With(func(t catalog.Traits) bool { return t.Time != "" })

func tolerance(view, column string, row Row) tolerated {
	secondsOfStatus := view == "metric_status" && slices.Contains(times, fmt.Sprint(row["kind"]))
	switch {
	case secondsOfStatus && strings.HasPrefix(column, "change"):
		return tolerated{absolute: 2 + 0.02*largest(row)}
	case quantileColumn.MatchString(column), secondsOfStatus:
		return tolerated{relative: 0.01, absolute: 1}
	case rateColumn.MatchString(column):
		return tolerated{relative: 1e-6, absolute: 1e-6}
	}
	return tolerated{relative: 1e-9, absolute: 1e-12}
}

// largest is the largest number of a row: the differences of a row's times are as exact as the times.
func largest(row Row) (most float64) {
	for _, v := range row {
		if f, ok := plain(v).(float64); ok {
			most = max(most, math.Abs(f))
		}
	}
	return most
}

// plain turns what drivers return into nil, string, bool, int64, float64, time.Time or map[string]string.
func plain(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.UTC()
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Pointer:
		if r.IsNil() {
			return nil
		}
		return plain(r.Elem().Interface())
	case reflect.String:
		return r.String()
	case reflect.Bool:
		return r.Bool()
	case reflect.Float32, reflect.Float64:
		return r.Float()
	case reflect.Map:
		m := map[string]string{}
		for _, k := range r.MapKeys() {
			m[k.String()] = show(plain(r.MapIndex(k).Interface()))
		}
		return m
	}
	if all, ok := v.([]string); ok {
		return strings.Join(all, ",")
	}
	if r.CanInt() {
		return r.Int()
	}
	if r.CanUint() {
		return int64(r.Uint())
	}
	return v
}

// total adds up the rows of pipeline_progress: counts, dead letters by reason, and the latest clocks.
func total(rows []Row) Row {
	counts, dead, clocks := map[string]int64{}, map[string]int64{}, map[string]time.Time{}
	for _, row := range rows {
		for column, v := range row {
			switch v := plain(v).(type) {
			case int64:
				counts[column] += v
			case time.Time:
				if v.After(clocks[column]) {
					clocks[column] = v
				}
			case map[string]string:
				for reason, n := range v {
					count, err := strconv.ParseInt(n, 10, 64)
					if err != nil {
						panic("BUG: dead letters are counts: " + err.Error())
					}
					dead[reason] += count
				}
			}
		}
	}
	maps.DeleteFunc(dead, func(_ string, n int64) bool { return n == 0 })
	sum := Row{"dead": dead}
	for column, n := range counts {
		sum[column] = n
	}
	for column, at := range clocks {
		sum[column] = at
	}
	delete(sum, "partition")
	return sum
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case map[string]string:
		var pairs []string
		for key, value := range v {
			pairs = append(pairs, key+"="+value)
		}
		sort.Strings(pairs)
		return "{" + strings.Join(pairs, ",") + "}"
	}
	return fmt.Sprint(v)
}

func showRow(row Row) string {
	var pairs []string
	for column, v := range row {
		pairs = append(pairs, column+"="+show(plain(v)))
	}
	sort.Strings(pairs)
	return strings.Join(pairs, " ")
}
