package clickhouse

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stats"
)

// What explains an incident: how segments did, and who is affected.

// Splits answers a question about segments.
func (s *Store) Splits(ctx context.Context, c *catalog.Catalog, q anomaly.Question) ([]anomaly.Split, error) {
	query, args := s.splitsByAge(c, q)
	if by := c.Metrics[q.Metric].Kind.Traits(); q.Returns != nil {
		query, args = s.splitsByPeriod(c.Metrics[q.Metric].Name, *q.Returns, q)
	} else if !by.ByAge {
		query, args = s.splitsByWindow(c.Metrics[q.Metric].Name, by.ByWindow, q)
	}
	var all []anomaly.Split
	err := s.each(ctx, query, func(rows driver.Rows) error {
		var (
			split          anomaly.Split
			k0, n0, k1, n1 int64
		)
		if err := rows.Scan(&split.Segment, &split.Value, &k0, &n0, &k1, &n1); err != nil {
			return err
		}
		split.Before, split.After = stats.Count{K: int(k0), N: int(n0)}, stats.Count{K: int(k1), N: int(n1)}
		all = append(all, split)
		return nil
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read how the segments of %s did: %w", c.Metrics[q.Metric].Name, err)
	}
	return all, nil
}

func (s *Store) splitsByAge(c *catalog.Catalog, q anomaly.Question) (string, []any) {
	m := &c.Metrics[q.Metric]
	in := func(p anomaly.Period) string {
		return fmt.Sprintf("(bucket >= toDateTime(%d, 'UTC') AND bucket < toDateTime(%d, 'UTC'))", p.Start, p.End)
	}
	reached := fmt.Sprintf("toInt64(arraySum((age, users) -> if(age IN (SELECT age FROM %s WHERE upper_ms <= %d), users, 0), ages, counts))", s.table("age_edges"), q.AgeMs)
	return `SELECT segment, segment_value, sumIf(reached, before AND kind = 'reach'), sumIf(n, before AND kind = 'entry'),
			sumIf(reached, now AND kind = 'reach'), sumIf(n, now AND kind = 'entry')
		FROM (SELECT kind, segment, segment_value, n, ` + reached + ` AS reached, ` + in(q.Before) + ` AS before, ` + in(q.Now) + ` AS now
			FROM ` + s.table("cells") + ` FINAL
			WHERE segment != '' AND (kind = 'entry' AND name = ? AND ` + s.cohortCells() + ` OR kind = 'reach' AND stage = 0 AND name = ? AND ` + s.metricCells() + `) AND (before OR now))
		GROUP BY segment, segment_value ORDER BY segment, segment_value`, []any{c.Cohorts[m.Cohort].Name, m.Name}
}

func (s *Store) splitsByPeriod(metric string, period int, q anomaly.Question) (string, []any) {
	in := func(p anomaly.Period) string {
		return fmt.Sprintf("(bucket >= toDateTime(%d, 'UTC') AND bucket < toDateTime(%d, 'UTC'))", p.Start, p.End)
	}
	return `SELECT segment, segment_value, sumIf(k, before), sumIf(n, before), sumIf(k, now), sumIf(n, now)
		FROM (SELECT segment, segment_value, n, toInt64(arraySum((p, users) -> if(p = ` + strconv.Itoa(period) + `, users, 0), ages, counts)) AS k, ` + in(q.Before) + ` AS before, ` + in(q.Now) + ` AS now
			FROM ` + s.table("cells") + ` FINAL
			WHERE ` + s.metricCells() + ` AND kind = 'period' AND stage = 0 AND segment != '' AND name = ? AND (before OR now))
		GROUP BY segment, segment_value ORDER BY segment, segment_value`, []any{metric}
}

func (s *Store) splitsByWindow(metric string, by catalog.Counts, q anomaly.Question) (string, []any) {
	in := func(p anomaly.Period) string {
		return fmt.Sprintf("(window_start >= toDateTime(%d, 'UTC') AND window_end <= toDateTime(%d, 'UTC'))", p.Start, p.End)
	}
	return `SELECT segment, segment_value, toInt64(sumIf(k, before)), toInt64(sumIf(n, before)), toInt64(sumIf(k, now)), toInt64(sumIf(n, now))
		FROM (SELECT segment, segment_value, ` + by.Some + ` AS k, ` + by.All + ` AS n, ` + in(q.Before) + ` AS before, ` + in(q.Now) + ` AS now
			FROM ` + s.table(by.View+"_segments") + ` WHERE metric = ? AND ` + "`window`" + ` = ?)
		WHERE before OR now
		GROUP BY segment, segment_value ORDER BY segment, segment_value`, []any{metric, q.Window}
}

// Examples returns the newest users of a window who have not got there by the age that was judged, as many as the catalog allows.
// Kinds whose users are not followed one by one have none.
func (s *Store) Examples(ctx context.Context, c *catalog.Catalog, q anomaly.Question) ([]string, error) {
	m := &c.Metrics[q.Metric]
	if !m.Kind.Traits().ByAge || c.ExampleUsers == 0 {
		return nil, nil
	}
	query := fmt.Sprintf(`SELECT user_id FROM %s WHERE metric = ? AND entered_at >= toDateTime64(%d, 3, 'UTC') AND entered_at < toDateTime64(%d, 3, 'UTC')
			AND (reached_at IS NULL OR dateDiff('millisecond', entered_at, reached_at) > %d)
		ORDER BY entered_at DESC, user_id LIMIT %d`, s.table("user_progress"), q.Now.Start, q.Now.End, q.AgeMs, c.ExampleUsers)
	var users []string
	err := s.each(ctx, query, func(r driver.Rows) error {
		var user string
		err := r.Scan(&user)
		users = append(users, user)
		return err
	}, m.Name)
	if err != nil {
		return nil, fmt.Errorf("read whom an incident of %s is about: %w", m.Name, err)
	}
	return users, nil
}
