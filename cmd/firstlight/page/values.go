package page

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// values are what a query may depend on. Empty ones are not asked for.
type values struct {
	Metric, Window string
	Cohort         string // a cohort_start
	Segment, Value string // both or none; Value may be empty text
	User           string
	Experiment     string
	Step, Word     string // of voices: the step that was missed, * for any; a part of the text
	From, Until    string // first local day, and the day after the last
	Start, End     string // their first instants, UTC
}

var (
	metricName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)
	windowName = regexp.MustCompile(`^(1h|1d|1w|1mo|[1-9][0-9]?d/1d)$`)
)

const maxText = 400 // bytes; segment values have at most 200

// read checks the values of a request. Days are those of the catalog's time zone, until is the last one.
func read(q url.Values, zone *time.Location) (*values, error) {
	for name := range q {
		if !slices.Contains([]string{"metric", "window", "cohort", "segment", "value", "from", "until", "user", "experiment", "step", "word"}, name) {
			return nil, fmt.Errorf("%q is not expected", name)
		}
	}
	v := &values{
		Metric: q.Get("metric"), Window: q.Get("window"), Cohort: q.Get("cohort"), Segment: q.Get("segment"), Value: q.Get("value"), User: q.Get("user"),
		Experiment: q.Get("experiment"),
		Step:       q.Get("step"), Word: q.Get("word"),
	}
	if v.Metric != "" && !metricName.MatchString(v.Metric) {
		return nil, fmt.Errorf("metric is %q: write a name as the catalog has it", v.Metric)
	}
	if v.Experiment != "" && !metricName.MatchString(v.Experiment) {
		return nil, fmt.Errorf("experiment is %q: write a name as the catalog has it", v.Experiment)
	}
	if v.Window != "" && !windowName.MatchString(v.Window) {
		return nil, fmt.Errorf("window is %q: write 1h, 1d, 1w, 1mo, or trailing days such as 7d/1d", v.Window)
	}
	for _, text := range []string{v.Segment, v.Value, v.User, v.Step, v.Word} {
		if len(text) > maxText || !utf8.ValidString(text) {
			return nil, fmt.Errorf("a segment, a user, a step or a word is not longer than %d bytes of UTF-8", maxText)
		}
	}
	if _, err := v.day("cohort", v.Cohort, 0, zone); err != nil {
		return nil, err
	}
	from, err := v.day("from", q.Get("from"), 0, zone)
	if err != nil {
		return nil, err
	}
	until, err := v.day("until", q.Get("until"), 1, zone)
	if err != nil {
		return nil, err
	}
	v.From, v.Start = dayAndInstant(from)
	v.Until, v.End = dayAndInstant(until)
	return v, nil
}

// day reads a local day and goes so many days on. Zero when there is none.
func (v *values) day(name, text string, on int, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil || t.Year() < 1971 || t.Year() > 2148 { // what ClickHouse's Date holds
		return time.Time{}, fmt.Errorf("%s is %q: write a day as 2027-03-31", name, text)
	}
	return t.AddDate(0, 0, on), nil
}

func dayAndInstant(t time.Time) (day, instant string) {
	if t.IsZero() {
		return "", ""
	}
	return t.Format(time.DateOnly), t.UTC().Format(time.DateTime)
}

// escapes are the characters that end or alter a text in ClickHouse's SQL.
var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// quote writes any text as a literal of ClickHouse's SQL.
func quote(text string) string { return "'" + escapes.Replace(text) + "'" }
