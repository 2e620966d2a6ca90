package clickhouse_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/cohort"
)

// bucket is the time a cell stands for.
type bucket struct {
	start, end int64 // Unix seconds
	day        calendar.Day
}

// cell writes the row that one line describes.
func (s *script) cell(words []string) {
	plain, o := options(words)
	kind, name := plain[0], plain[1]
	name, segment, _ := strings.Cut(name, "/")
	segment, value, _ := strings.Cut(segment, "=")
	name, stage, _ := strings.Cut(name, "#")
	start, window := "1970-01-01", ""
	var in bucket
	var ages, periods []string
	switch kind {
	case "entry":
		start, in = plain[2], s.bucket(plain[3])
	case "reach", "done", "between":
		start, in, ages = plain[2], s.bucket(plain[3]), plain[4:]
		o["n"] = or(o["n"], fmt.Sprint(len(ages)))
	case "window", "trailing":
		if plain[2] != "-" {
			start = plain[2]
		}
		window = plain[3]
		in = s.windowOf(window, plain[4])
	case "period":
		start, in, periods = plain[2], s.bucket(plain[3]), plain[4:]
	case "volume":
		value, in = plain[2], s.bucket(plain[3])
	default:
		s.t.Fatalf("unknown line %q", words)
	}
	s.version++
	indexes, counts, sums := s.ages(ages)
	if kind == "period" {
		indexes, counts, sums = s.periods(periods)
	}
	s.pending = append(s.pending, fmt.Sprintf("('%s', '%s', '%s', '%s', '%s', '%s', %s, %d, %s, %d, '%s', %s, %s, %s, %s, [%s], [%s], [%s], %d)",
		kind, name, segment, value, start, window, or(stage, "0"), in.start, or(o["p"], "0"), in.end,
		in.day.Time().Format(time.DateOnly), or(o["n"], "0"), or(o["active"], "0"), or(o["adopters"], "0"), or(o["new"], "0"),
		indexes, counts, sums, s.version))
}

// flush writes the cells described so far.
func (s *script) flush() {
	if len(s.pending) == 0 {
		return
	}
	s.exec(`INSERT INTO %s.cells (kind, name, segment, segment_value, cohort_start, window, stage, bucket, partition, bucket_end, day,
		n, active, adopters, new_adopters, ages, counts, sums, version) VALUES %s`, s.database, strings.Join(s.pending, ", "))
	s.pending = nil
}

// bucket reads an hour, 2024-03-04T10, or a local day, 2024-03-04.
func (s *script) bucket(text string) bucket {
	if strings.Contains(text, "T") {
		at := s.time(text).Unix()
		return s.cover(bucket{at, at + 3600, s.days().DayOf(at)})
	}
	day := s.day(text)
	return s.cover(bucket{s.days().Start(day), s.days().Start(day + 1), day})
}

func (s *script) day(text string) calendar.Day {
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		s.t.Fatal(err)
	}
	return calendar.FromDate(date.Date())
}

// windowOf is the window of a kind that starts at, or for a trailing window ends with, the day or hour given.
func (s *script) windowOf(kind, text string) bucket {
	if kind == "1h" || kind == "1d" || strings.HasSuffix(kind, "/1d") {
		return s.bucket(text)
	}
	first := s.day(text)
	next := first + 7
	if kind == "1mo" {
		_, next = s.days().Month(first)
	}
	return s.cover(bucket{s.days().Start(first), s.days().Start(next), first})
}

func (s *script) cover(b bucket) bucket {
	if s.lastDay == 0 {
		s.firstDay, s.lastDay = b.day, b.day
	}
	s.firstDay, s.lastDay = min(s.firstDay, b.day), max(s.lastDay, b.day)
	return b
}

// ages sorts users' ages into age buckets and returns the three lists of a cell.
func (s *script) ages(words []string) (indexes, counts, sums string) {
	var ages []int64
	for _, w := range words {
		ages = append(ages, s.duration(w).Milliseconds())
	}
	slices.Sort(ages)
	var index []uint16
	var count, sum []int64
	for _, ms := range ages {
		age := cohort.AgeBucket(ms)
		if len(index) == 0 || index[len(index)-1] != age {
			index, count, sum = append(index, age), append(count, 0), append(sum, 0)
		}
		count[len(count)-1]++
		sum[len(sum)-1] += ms
	}
	return list(index), list(count), list(sum)
}

// periods returns the three lists of a cell of retention: of words such as 3:5:2, in period 3 five users came back, and two of them for the
// last time.
func (s *script) periods(words []string) (indexes, counts, sums string) {
	var index []uint16
	var count, last []int64
	for _, w := range words {
		var k uint16
		var n, of int64
		if _, err := fmt.Sscanf(w, "%d:%d:%d", &k, &n, &of); err != nil {
			s.t.Fatalf("%q is not like 3:5:2: %v", w, err)
		}
		index, count, last = append(index, k), append(count, n), append(last, of)
	}
	return list(index), list(count), list(last)
}

func list[T any](values []T) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(values)), ", "), "[]")
}
