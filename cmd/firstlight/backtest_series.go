package main

// The volume detector over a series in a file.

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/volume"
)

// seriesFiles is where a series comes from and where its scores and the summary go.
type seriesFiles struct {
	in, out        string // in "-": stdin; out "": stdout
	stdin          io.Reader
	stdout, stderr io.Writer
}

// backtestSeries runs the detector over a file. Nothing is written unless the whole file could be read.
func backtestSeries(ctx context.Context, f seriesFiles) error {
	in, name := f.stdin, "standard input"
	if f.in != "-" {
		file, err := os.Open(f.in)
		if err != nil {
			return fmt.Errorf("read the series: %w", err)
		}
		defer file.Close()
		in, name = file, f.in
	}
	var scores bytes.Buffer
	sum, err := scoreSeries(ctx, in, &scores)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if f.out == "" {
		_, err = f.stdout.Write(scores.Bytes())
	} else {
		err = os.WriteFile(f.out, scores.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the scores: %w", err)
	}
	fmt.Fprintln(f.stderr, sum)
	return nil
}

// seriesSummary is what there is to say about a run.
type seriesSummary struct {
	points, alarms, missing, back int
	cpu                           time.Duration // reading and writing included
}

func (s seriesSummary) String() string {
	text := fmt.Sprintf("%s, %s, %.1f µs of processor time per point", count(s.points, "point"), count(s.alarms, "alarm"),
		float64(s.cpu.Nanoseconds())/1e3/float64(s.points))
	if s.missing > 0 {
		text += fmt.Sprintf("; %s missing", count(s.missing, "value"))
	}
	if s.back > 0 {
		text += fmt.Sprintf("; %s older than one above, as when a clock is changed", count(s.back, "row"))
	}
	return text
}

// scoreSeries writes a row for each row.
func scoreSeries(ctx context.Context, in io.Reader, out io.Writer) (seriesSummary, error) {
	var sum seriesSummary
	rows, err := newSeriesReader(in)
	if err != nil {
		return sum, err
	}
	w := csv.NewWriter(out)
	_ = w.Write([]string{"timestamp", "value", "anomaly_score"}) // an error stays until Flush
	detector, began := volume.New(), cputime.Used()
	for ctx.Err() == nil {
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, err
		}
		verdict := detector.Step(row.seconds, row.number)
		score := "0"
		if verdict.Alarm {
			sum.alarms++
			score = strconv.FormatFloat(verdict.Score, 'f', 6, 64)
		}
		sum.points++
		if math.IsNaN(row.number) {
			sum.missing++
		}
		_ = w.Write([]string{row.timestamp, row.value, score})
	}
	sum.back = rows.back
	w.Flush()
	sum.cpu = cputime.Used() - began
	switch {
	case ctx.Err() != nil:
		return sum, ctx.Err()
	case sum.points == 0:
		return sum, errors.New("there is no row below the header: write one row timestamp,value for each point, oldest first")
	}
	return sum, w.Error()
}

// seriesReader reads the rows of a series.
type seriesReader struct {
	csv              *csv.Reader
	timestamp, value int // columns
	newest           time.Time
	back             int // rows at which time went back a little
}

// seriesRow is a row as it is written, and what it means.
type seriesRow struct {
	timestamp, value string
	seconds          int64 // on the clock the timestamp is written in
	number           float64
}

func newSeriesReader(in io.Reader) (*seriesReader, error) {
	r := &seriesReader{csv: csv.NewReader(in)}
	r.csv.ReuseRecord = true
	header, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty: write a header timestamp,value and one row for each point, oldest first")
	}
	if err != nil {
		return nil, err
	}
	for i, name := range header {
		header[i] = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
	}
	for _, c := range []struct {
		name  string
		place *int
	}{{"timestamp", &r.timestamp}, {"value", &r.value}} {
		if *c.place = slices.Index(header, c.name); *c.place < 0 {
			return nil, fmt.Errorf("line 1: there is no column %q among %s: write the header timestamp,value", c.name, strings.Join(header, ","))
		}
	}
	return r, nil
}

// mostBack is how far times may go back: a clock that is changed, not a file that is out of order.
const mostBack = 24 * time.Hour

// next is the next row, io.EOF after the last.
func (r *seriesReader) next() (seriesRow, error) {
	fields, err := r.csv.Read()
	if errors.Is(err, csv.ErrFieldCount) {
		return seriesRow{}, r.problem(0, "there are %d fields, and %d in the header", len(fields), r.csv.FieldsPerRecord)
	}
	if err != nil {
		return seriesRow{}, err // names the line itself
	}
	row := seriesRow{timestamp: fields[r.timestamp], value: fields[r.value]}
	at, err := seriesTime(row.timestamp)
	if err != nil {
		return row, r.problem(r.timestamp, "%q is not a time: write it like 2026-03-02 09:00:00 or 2026-03-02T09:00:00Z", row.timestamp)
	}
	if r.newest.Sub(at) > mostBack {
		return row, r.problem(r.timestamp, "%s is more than a day before %s above it: sort the rows, oldest first",
			row.timestamp, r.newest.Format(time.DateTime))
	}
	if at.Before(r.newest) {
		r.back++
	} else {
		r.newest = at
	}
	_, offset := at.Zone()
	row.seconds = at.Unix() + int64(offset)
	if row.number, err = seriesNumber(row.value); err != nil {
		return row, r.problem(r.value, "%q is not a number: write it like 42 or 0.5, or leave it empty when it is missing", row.value)
	}
	return row, nil
}

// problem says in which line something is wrong.
func (r *seriesReader) problem(column int, format string, args ...any) error {
	line, _ := r.csv.FieldPos(column)
	return fmt.Errorf("line %d: "+format, append([]any{line}, args...)...)
}

// seriesTime reads a time; fractions of a second are read too.
func seriesTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if at, err := time.Parse(time.DateTime, text); err == nil {
		return at, nil
	}
	return time.Parse(time.RFC3339, text)
}

// seriesNumber reads a value, NaN when it is missing.
func seriesNumber(text string) (float64, error) {
	if text = strings.TrimSpace(text); text == "" {
		return math.NaN(), nil
	}
	return strconv.ParseFloat(text, 64)
}
