package page

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"firstlight/pipeline/calendar"
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
	if _, _, err := v.day("cohort", v.Cohort, 0, zone); err != nil {
		return nil, err
	}
	var err error
	if v.From, v.Start, err = v.day("from", q.Get("from"), 0, zone); err != nil {
		return nil, err
	}
	if v.Until, v.End, err = v.day("until", q.Get("until"), 1, zone); err != nil {
		return nil, err
	}
	return v, nil
}

// day reads a date and returns the one so many days on, with the first instant of that local day, UTC. Empty when there is none.
func (v *values) day(name, text string, on calendar.Day, zone *time.Location) (date, instant string, err error) {
	if text == "" {
		return "", "", nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1971 || t.Year() > 2148 { // what ClickHouse's Date holds
		return "", "", fmt.Errorf("%s is %q: write a day as 2027-03-31", name, text)
	}
	day := calendar.FromDate(t.Date()) + on
	start := time.Unix(calendar.New(zone, time.Monday).Start(day), 0).UTC() // midnight need not exist
	return day.Time().Format(time.DateOnly), start.Format(time.DateTime), nil
}

// escapes are the characters that end or alter a text in ClickHouse's SQL.
var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// quote writes any text as a literal of ClickHouse's SQL.
func quote(text string) string { return "'" + escapes.Replace(text) + "'" }
