package scenario

// A part "expect VIEW column=value…" is a table: the first line names columns, every further line is a row. The
// rows of the view that have the given values must be exactly these, in any order; columns not named may hold
// anything. A single word "none" says that there are no such rows. A cell is
//
//	NULL, true, false, text, "text with spaces", 12, 0.25
//	2/3                    a fraction
//	~0.342                 a number rounded to the digits written
//	90s, 1h30m, 2d         a duration, where the column holds seconds
//	2026-03-01             a date
//	2026-03-01T10:00Z      a time
//	plan=pro,country=DE    a map; {} is the empty one

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

type expectation struct {
	view   string
	filter []cell
	rows   [][]cell
}

// cell is a column and what it should hold.
type cell struct{ column, text string }

func parseExpectation(name string, lines []string) (expectation, error) {
	words := strings.Fields(name)
	e := expectation{view: words[0]}
	for _, w := range words[1:] {
		column, value, ok := strings.Cut(w, "=")
		if !ok {
			return e, fmt.Errorf("%q: write column=value", w)
		}
		e.filter = append(e.filter, cell{column, value})
	}
	if len(lines) == 1 && lines[0] == "none" {
		return e, nil
	}
	if len(lines) < 2 {
		return e, fmt.Errorf("write a line of columns and rows, or none")
	}
	columns := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		texts, err := split(line)
		if err != nil {
			return e, fmt.Errorf("%q: %w", line, err)
		}
		if len(texts) != len(columns) {
			return e, fmt.Errorf("%q has %d cells for %d columns", line, len(texts), len(columns))
		}
		var row []cell
		for i, text := range texts {
			row = append(row, cell{columns[i], text})
		}
		e.rows = append(e.rows, row)
	}
	return e, nil
}

// split splits a line into cells; a cell in double quotes keeps its spaces.
func split(line string) ([]string, error) {
	var cells []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, err
			}
			line = line[len(quoted):]
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			cells = append(cells, text)
			continue
		}
		var word string
		word, line = cut(line)
		cells = append(cells, word)
	}
	return cells, nil
}

// compare pairs every expected row with an equal one; what is left over on either side is a problem.
func (e expectation) compare(got []Row) []string {
	var left []Row
	for _, row := range got {
		if differences(e.view, e.filter, row) == nil {
			left = append(left, row)
		}
	}
	var unmet [][]cell
	for _, want := range e.rows {
		i := match(e.view, want, left)
		if i < 0 {
			unmet = append(unmet, want)
			continue
		}
		left = append(left[:i], left[i+1:]...)
	}
	var problems []string
	for _, want := range unmet {
		problems = append(problems, e.describe(want, left))
	}
	if extra := len(left) - len(unmet); extra > 0 {
		problems = append(problems, fmt.Sprintf("%s %v: %d rows too many, unmatched are %v", e.view, e.filter, extra, left))
	}
	return problems
}

func match(view string, want []cell, rows []Row) int {
	for i, row := range rows {
		if differences(view, want, row) == nil {
			return i
		}
	}
	return -1
}

// describe says what the nearest of the unmatched rows has instead.
func (e expectation) describe(want []cell, rows []Row) string {
	best := []string{"there is no such row"}
	fewest := math.MaxInt
	for _, row := range rows {
		if d := differences(e.view, want, row); len(d) < fewest {
			best, fewest = d, len(d)
		}
	}
	return fmt.Sprintf("%s %v: want %v: %s", e.view, e.filter, want, strings.Join(best, ", "))
}

func (c cell) String() string { return c.column + "=" + c.text }

func differences(view string, want []cell, row Row) []string {
	var all []string
	for _, c := range want {
		got, exists := row[c.column]
		got = plain(got)
		switch {
		case !exists:
			all = append(all, "no column "+c.column)
		case !holds(c.text, got, tolerance(view, c.column, row)):
			all = append(all, fmt.Sprintf("%s is %s", c.column, show(got)))
		}
	}
	return all
}

// holds reports whether a plain value is what a cell says.
func holds(text string, got any, within tolerated) bool {
	switch got := got.(type) {
	case nil:
		return text == "NULL"
	case string:
		return got == text
	case bool:
		return strconv.FormatBool(got) == text
	case int64:
		want, err := number(text)
		return err == nil && want.value == float64(got)
	case float64:
		want, err := number(text)
		return err == nil && (within.equal(want.value, got) || math.Abs(want.value-got) <= want.half)
	case time.Time:
		want, err := timeOrDate(text)
		return err == nil && want.Equal(got)
	case map[string]string:
		return show(got) == show(parseMap(text))
	}
	return false
}

func timeOrDate(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return parseTime(text)
}

func parseMap(text string) map[string]string {
	m := map[string]string{}
	if text == "{}" {
		return m
	}
	for _, pair := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(pair, "=")
		m[key] = value
	}
	return m
}

// rounded is a number and half a unit of its last digit when it was written as rounded.
type rounded struct{ value, half float64 }

func number(text string) (rounded, error) {
	digits, approximate := strings.CutPrefix(text, "~")
	if over, under, ok := strings.Cut(digits, "/"); ok {
		a, errA := strconv.ParseFloat(over, 64)
		b, errB := strconv.ParseFloat(under, 64)
		if errA != nil || errB != nil {
			return rounded{}, fmt.Errorf("%q is no fraction", text)
		}
		return rounded{value: a / b}, nil
	}
	if value, err := strconv.ParseFloat(digits, 64); err == nil {
		r := rounded{value: value}
		if approximate {
			_, decimals, _ := strings.Cut(digits, ".")
			r.half = 0.5000001 * math.Pow10(-len(decimals))
		}
		return r, nil
	}
	seconds, err := duration(digits)
	return rounded{value: seconds}, err
}

// duration reads 1d12h, 90s or 250ms as seconds.
func duration(text string) (float64, error) {
	seconds := 0.0
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return 0, err
		}
		seconds, text = float64(n)*86400, rest
	}
	if text == "" {
		return seconds, nil
	}
	d, err := time.ParseDuration(text)
	return seconds + d.Seconds(), err
}
