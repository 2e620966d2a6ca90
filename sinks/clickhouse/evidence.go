package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
)

// What anomalies are judged by, read from the counts. Nothing here is kept between evaluations.

// Evidence returns what has been counted since a local day, or since the first day there is, by now.
func (s *Store) Evidence(ctx context.Context, c *catalog.Catalog, since calendar.Day) (*anomaly.Evidence, error) {
	generation, err := s.Generation(ctx)
	if err != nil {
		return nil, err
	}
	r := &evidenceReader{Store: s.in(generation), catalog: c, edges: map[uint16]int64{}, e: &anomaly.Evidence{From: since, Metrics: make([]anomaly.Series, len(c.Metrics))}}
	for _, step := range []struct {
		what string
		read func(context.Context) error
	}{
		{"as_of", r.asOf},
		{"from when metrics count", r.counting},
		{"the first day", r.firstDay},
		{"age edges", r.ageEdges},
		{"entries", r.entries},
		{"entries by hour", r.entering},
		{"completions", r.completions},
		{"hours", r.hours},
		{"windows", r.windows},
		{"periods", r.periods},
		{"volumes", r.volumes},
		{"annotations", r.annotations},
	} {
		if err := step.read(ctx); err != nil {
			return nil, fmt.Errorf("read what to judge by: %s: %w", step.what, err)
		}
	}
	// A rebuild that began meanwhile has taken away part of what was read: that is no silence of the product.
	switch now, err := s.Generation(ctx); {
	case err != nil:
		return nil, err
	case now != generation:
		return nil, fmt.Errorf("read what to judge by: the numbers are being rebuilt since, from generation %d to %d", generation, now)
	}
	return r.e, nil
}

type evidenceReader struct {
	*Store
	catalog *catalog.Catalog
	edges   map[uint16]int64 // upper ms by age bucket
	from    []int64          // Unix time from which users are counted who enter, by metric
	e       *anomaly.Evidence
}

func (r *evidenceReader) asOf(ctx context.Context) error {
	at, err := r.Now(ctx)
	r.e.AsOf = at.Unix()
	return err
}

func (r *evidenceReader) counting(ctx context.Context) error {
	plan, err := r.Plan(ctx)
	for i := range r.catalog.Metrics {
		r.from = append(r.from, worker.CountsFrom(r.catalog, plan.CompleteFrom[r.catalog.Metrics[i].Name])/1000)
	}
	return err
}

// Now returns as_of: the stream's time up to which all partitions are applied. It is 1970 before the first event.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	ms := int64(0)
	err := s.each(ctx, "SELECT min(as_of) FROM "+s.table("progress")+" FINAL WHERE "+s.here(), func(r driver.Rows) error { return r.Scan(&ms) })
	return time.UnixMilli(ms).UTC(), err
}

// oldest is the first cohort_start of the cells that are read: a cohort begins up to a month before its users enter.
func (r *evidenceReader) oldest() string { return dayLiteral(r.e.From - 31) }

func dayLiteral(d calendar.Day) string { return fmt.Sprintf("toDate(%d)", max(0, int(d))) }

func (r *evidenceReader) firstDay(ctx context.Context) error {
	return r.each(ctx, "SELECT min(day), count() FROM "+r.table("cells")+" WHERE segment = '' AND (kind = 'entry' AND "+r.cohortCells()+" OR kind = 'volume' AND "+r.volumeCells()+")", func(rows driver.Rows) error {
		var (
			first time.Time
			n     uint64
		)
		if err := rows.Scan(&first, &n); err != nil {
			return err
		}
		if n > 0 {
			r.e.From = max(r.e.From, calendar.FromDate(first.Year(), first.Month(), first.Day()))
		}
		return nil
	})
}

func (r *evidenceReader) ageEdges(ctx context.Context) error {
	return r.each(ctx, "SELECT age, upper_ms FROM "+r.table("age_edges")+" FINAL", func(rows driver.Rows) error {
		var (
			age   uint16
			upper uint64
		)
		err := rows.Scan(&age, &upper)
		r.edges[age] = int64(upper)
		return err
	})
}

// entries counts users by local day of entry.
func (r *evidenceReader) entries(ctx context.Context) error {
	query := `SELECT name, day, sum(n) FROM ` + r.table("cells") + ` FINAL
		WHERE ` + r.cohortCells() + ` AND kind = 'entry' AND segment = '' AND cohort_start >= ` + r.oldest() + ` AND day >= ` + dayLiteral(r.e.From) + `
		GROUP BY name, day`
	cal := calendar.New(r.catalog.Location, r.catalog.WeekStart)
	return r.each(ctx, query, func(rows driver.Rows) error {
		var (
			cohort string
			day    time.Time
			n      int64
		)
		if err := rows.Scan(&cohort, &day, &n); err != nil {
			return err
		}
		starts := cal.Start(calendar.FromDate(day.Date()))
		for i := range r.catalog.Metrics {
			if m := &r.catalog.Metrics[i]; m.Kind.Traits().ByAge && r.catalog.Cohorts[m.Cohort].Name == cohort && starts >= r.from[i] {
				r.day(i, day).Entered = n
			}
		}
		return nil
	})
}

// day is the place of a local day in a metric's series.
func (r *evidenceReader) day(metric int, day time.Time) *anomaly.Followed {
	s := &r.e.Metrics[metric]
	i := int(calendar.FromDate(day.Year(), day.Month(), day.Day()) - r.e.From)
	for len(s.Days) <= i {
		s.Days = append(s.Days, anomaly.Followed{})
	}
	return &s.Days[i]
}

const summedAges = "sumMap(mapFromArrays(ages, counts)), sumMap(mapFromArrays(ages, sums))"

// completions counts the same users by how old they were when they got there.
func (r *evidenceReader) completions(ctx context.Context) error {
	query := `SELECT name, day, ` + summedAges + ` FROM ` + r.table("cells") + ` FINAL
		WHERE ` + r.metricCells() + ` AND kind = 'reach' AND stage = 0 AND segment = '' AND cohort_start >= ` + r.oldest() + ` AND day >= ` + dayLiteral(r.e.From) + `
		GROUP BY name, day`
	return r.each(ctx, query, func(rows driver.Rows) error {
		var (
			name       string
			day        time.Time
			users, sum map[uint16]uint64
		)
		if err := rows.Scan(&name, &day, &users, &sum); err != nil {
			return err
		}
		if i := r.metric(name); i >= 0 && r.catalog.Metrics[i].Kind.Traits().ByAge {
			r.day(i, day).Reached = r.ages(users, sum)
		}
		return nil
	})
}

func (r *evidenceReader) metric(name string) int {
	for i := range r.catalog.Metrics {
		if r.catalog.Metrics[i].Name == name {
			return i
		}
	}
	return -1
}

func (r *evidenceReader) ages(users, sum map[uint16]uint64) []anomaly.Age {
	all := make([]anomaly.Age, 0, len(users))
	for _, bucket := range slices.Sorted(maps.Keys(users)) {
		if users[bucket] > 0 {
			all = append(all, anomaly.Age{UpperMs: r.edges[bucket], Users: int64(users[bucket]), SumMs: int64(sum[bucket])})
		}
	}
	return all
}

// hours counts users by hour of entry where a guardrail watches hours.
func (r *evidenceReader) hours(ctx context.Context) error {
	cal := calendar.New(r.catalog.Location, r.catalog.WeekStart)
	from := cal.Start(anomaly.HourlyFrom(r.e.From, cal.DayOf(r.e.AsOf)))
	for i := range r.catalog.Metrics {
		m := &r.catalog.Metrics[i]
		if !m.Kind.Traits().ByAge || !watchesHours(r.catalog, m) {
			continue
		}
		hours := map[int64]anomaly.Followed{}
		where := fmt.Sprintf("segment = '' AND cohort_start >= %s AND bucket >= toDateTime(%d, 'UTC')", r.oldest(), max(from, r.from[i]))
		query := `SELECT bucket, sumIf(n, kind = 'entry'), sumMapIf(mapFromArrays(ages, counts), kind = 'reach'), sumMapIf(mapFromArrays(ages, sums), kind = 'reach')
			FROM ` + r.table("cells") + ` FINAL WHERE ` + where + ` AND (kind = 'entry' AND name = ? AND ` + r.cohortCells() + ` OR kind = 'reach' AND stage = 0 AND name = ? AND ` + r.metricCells() + `) GROUP BY bucket`
		err := r.each(ctx, query, func(rows driver.Rows) error {
			var (
				at         time.Time
				n          int64
				users, sum map[uint16]uint64
			)
			if err := rows.Scan(&at, &n, &users, &sum); err != nil {
				return err
			}
			hours[at.Unix()] = anomaly.Followed{Entered: n, Reached: r.ages(users, sum)}
			return nil
		}, r.catalog.Cohorts[m.Cohort].Name, m.Name)
		if err != nil {
			return err
		}
		r.e.Metrics[i].Hours = hours
	}
	return nil
}

func watchesHours(c *catalog.Catalog, m *catalog.Metric) bool {
	for _, g := range m.Guardrails {
		for _, w := range c.Windows {
			if w.Name == g.Window && w.Kind == catalog.Hour {
				return true
			}
		}
	}
	return false
}

// windows counts the users of kinds that are counted by window, who had entered, in the windows that are watched.
func (r *evidenceReader) windows(ctx context.Context) error {
	cal := calendar.New(r.catalog.Location, r.catalog.WeekStart)
	for i := range r.catalog.Metrics {
		m := &r.catalog.Metrics[i]
		by := m.Kind.Traits()
		if by.ByWindow.View == "" {
			continue
		}
		windows := []string{"'1d'"}
		for _, g := range m.Guardrails {
			windows = append(windows, "'"+g.Window+"'")
		}
		uses := map[string][]anomaly.Use{}
		query := "SELECT `window`, window_start, sum(" + by.ByWindow.All + "), sum(" + by.ByWindow.Some + ") FROM " + r.table(by.ByWindow.View) +
			" WHERE metric = ? AND cohort_start IS NOT NULL AND `window` IN (" + strings.Join(windows, ", ") + ") AND window_start >= toDateTime(?, 'UTC')" +
			" GROUP BY `window`, window_start ORDER BY window_start"
		err := r.each(ctx, query, func(rows driver.Rows) error {
			var (
				name             string
				start            time.Time
				active, adopters uint64
			)
			err := rows.Scan(&name, &start, &active, &adopters)
			uses[name] = append(uses[name], anomaly.Use{Start: start.Unix(), Active: int64(active), Adopters: int64(adopters)})
			return err
		}, m.Name, cal.Start(r.e.From))
		if err != nil {
			return err
		}
		r.e.Metrics[i].Uses = uses
	}
	return nil
}

// periods counts the users who started on each local day, and who came back in the periods that are watched.
func (r *evidenceReader) periods(ctx context.Context) error {
	query := `SELECT name, day, sum(n), sumMap(mapFromArrays(ages, counts)) FROM ` + r.table("cells") + ` FINAL
		WHERE ` + r.metricCells() + ` AND kind = 'period' AND stage = 0 AND segment = '' AND day >= ` + dayLiteral(r.e.From) + `
		GROUP BY name, day`
	return r.each(ctx, query, func(rows driver.Rows) error {
		var (
			name     string
			day      time.Time
			started  int64
			returned map[uint16]uint64
		)
		if err := rows.Scan(&name, &day, &started, &returned); err != nil {
			return err
		}
		if i := r.metric(name); i >= 0 {
			for _, p := range anomaly.WatchedPeriods(&r.catalog.Metrics[i]) {
				r.started(i, p, day, anomaly.Returned{Started: started, Returned: int64(returned[uint16(p)])})
			}
		}
		return nil
	})
}

// started notes who started on a local day.
func (r *evidenceReader) started(metric, period int, day time.Time, users anomaly.Returned) {
	s := &r.e.Metrics[metric]
	if s.Periods == nil {
		s.Periods = map[int][]anomaly.Returned{}
	}
	i := int(calendar.FromDate(day.Date()) - r.e.From)
	for len(s.Periods[period]) <= i {
		s.Periods[period] = append(s.Periods[period], anomaly.Returned{})
	}
	s.Periods[period][i] = users
}

// volumes counts the events of each source.
func (r *evidenceReader) volumes(ctx context.Context) error {
	where := " FROM " + r.table("cells") + " FINAL WHERE " + r.volumeCells() + " AND kind = 'volume' AND day >= " + dayLiteral(r.e.From)
	sources := map[string]int{}
	source := func(name string) *anomaly.Source {
		i, ok := sources[name]
		if !ok {
			i = len(r.e.Sources)
			sources[name] = i
			r.e.Sources = append(r.e.Sources, anomaly.Source{Name: name, Hours: map[int64]int64{}, Events: map[string]map[calendar.Day]int64{}})
		}
		return &r.e.Sources[i]
	}
	err := r.each(ctx, "SELECT name, bucket, sum(n) AS events"+where+" GROUP BY name, bucket HAVING events > 0 ORDER BY name", func(rows driver.Rows) error {
		var (
			name string
			at   time.Time
			n    int64
		)
		err := rows.Scan(&name, &at, &n)
		source(name).Hours[at.Unix()] = n
		return err
	})
	if err != nil {
		return err
	}
	return r.each(ctx, "SELECT name, segment_value, day, sum(n) AS events"+where+" GROUP BY name, segment_value, day HAVING events > 0", func(rows driver.Rows) error {
		var (
			name, event string
			day         time.Time
			n           int64
		)
		err := rows.Scan(&name, &event, &day, &n)
		of := source(name).Events
		if of[event] == nil {
			of[event] = map[calendar.Day]int64{}
		}
		of[event][calendar.FromDate(day.Year(), day.Month(), day.Day())] = n
		return err
	})
}

// entering counts the users who entered each cohort by hour.
func (r *evidenceReader) entering(ctx context.Context) error {
	r.e.Cohorts = make([]anomaly.Entries, len(r.catalog.Cohorts))
	query := "SELECT name, bucket, sum(n) AS users FROM " + r.table("cells") + ` FINAL
		WHERE ` + r.cohortCells() + ` AND kind = 'entry' AND segment = '' AND cohort_start >= ` + r.oldest() + ` AND day >= ` + dayLiteral(r.e.From) + `
		GROUP BY name, bucket HAVING users > 0`
	return r.each(ctx, query, func(rows driver.Rows) error {
		var (
			name string
			at   time.Time
			n    int64
		)
		if err := rows.Scan(&name, &at, &n); err != nil {
			return err
		}
		for i := range r.catalog.Cohorts {
			if c := &r.e.Cohorts[i]; r.catalog.Cohorts[i].Name == name {
				if c.Hours == nil {
					c.Hours = map[int64]int64{}
				}
				c.Hours[at.Unix()] = n
			}
		}
		return nil
	})
}

func (r *evidenceReader) annotations(ctx context.Context) (err error) {
	cal := calendar.New(r.catalog.Location, r.catalog.WeekStart)
	r.e.Annotations, err = r.Annotations(ctx, time.Unix(cal.Start(r.e.From), 0), time.Unix(r.e.AsOf+1, 0))
	return err
}
