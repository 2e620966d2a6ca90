package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
)

// SaveCatalog makes a catalog the one in force, as of now, unless it is already: the newest version counts.
func (s *Store) SaveCatalog(ctx context.Context, c *catalog.Catalog, now time.Time) error {
	hash, err := contentHash(c)
	if err != nil {
		return err
	}
	if in, err := s.inForce(ctx); err != nil || in == hash {
		return err
	}
	since, err := s.activeSince(ctx)
	if err != nil {
		return err
	}
	version := uint64(now.UnixMilli())
	err = s.insert(ctx, "metrics", metricColumns, func(b driver.Batch) error {
		for i := range c.Metrics {
			row, err := metricRow(c, i)
			if err != nil {
				return err
			}
			active, known := since[c.MetricHash(i)]
			if !known {
				active = now.UTC()
			}
			if err := b.Append(append(row, version, active)...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The catalog's own row comes last: the views read metrics of the newest catalog only.
	return s.insert(ctx, "catalogs", "catalog_version, product, timezone, week_start, lateness_seconds, settle_seconds, windows, cohorts, definition_hash, definition, content_hash", func(b driver.Batch) error {
		windows, cohorts := make([]string, 0, len(c.Windows)), make([]string, 0, len(c.Cohorts))
		for _, w := range c.Windows {
			windows = append(windows, w.Name)
		}
		for i := range c.Cohorts {
			cohorts = append(cohorts, c.Cohorts[i].Name)
		}
		return b.Append(version, c.Product, c.Timezone, c.WeekStartName(), uint64(c.AllowedLateness.Seconds()), uint64(c.Settle.Seconds()),
			windows, cohorts, c.Hash(), string(c.Definition()), hash)
	})
}

// inForce returns the content hash of the catalog in force, empty when it is not stored as a whole.
func (s *Store) inForce(ctx context.Context) (hash string, err error) {
	err = s.each(ctx, "SELECT if(catalog_version IN (SELECT catalog_version FROM "+s.table("metrics")+"), content_hash, '') FROM "+s.table("catalogs")+" ORDER BY catalog_version DESC LIMIT 1", func(r driver.Rows) error { return r.Scan(&hash) })
	if err != nil {
		return "", fmt.Errorf("read the catalog in force: %w", err)
	}
	return hash, nil
}

// contentHash is of all that SaveCatalog stores of a catalog, times aside.
func contentHash(c *catalog.Catalog) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %d %q %s\n", metricColumns, c.Product, c.Timezone, c.Settle, c.Hash(), c.Definition())
	for i := range c.Metrics {
		row, err := metricRow(c, i)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(row)
		if err != nil {
			return "", fmt.Errorf("describe the metric %s: %w", c.Metrics[i].Name, err)
		}
		fmt.Fprintf(h, "%s %q\n", text, c.Metrics[i].Labels)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

const metricColumns = `position, metric, kind, cohort, cohort_position, grain, within_seconds, sequence, steps, segments,
	owner, objective, indicator, direction, action, runbook, description, labels, target_value, target_by, review_by, guardrails, formula,
	definition_hash, period, periods, after_metric, split_metric, target_period,
	predicts_metric, predicts_period, predicts_least, catalog_version, active_since`

// metricRow returns what the columns hold, up to the version and since when the metric is active.
func metricRow(c *catalog.Catalog, i int) ([]any, error) {
	m := &c.Metrics[i]
	co := &c.Cohorts[m.Cohort]
	steps, segments := make([]string, 0, len(m.Steps)), make([]string, 0, len(co.Segments))
	for _, s := range m.Steps {
		steps = append(steps, s.Name)
	}
	for _, s := range co.Segments {
		segments = append(segments, s.Name)
	}
	guardrails, err := json.Marshal(append([]catalog.Guardrail{}, m.Guardrails...)) // [] when there are none
	if err != nil {
		return nil, fmt.Errorf("guardrails of %s: %w", m.Name, err)
	}
	var target *float64
	var by *time.Time
	if m.Target != nil {
		target, by = &m.Target.Value, date(m.Target.By)
	}
	period := ""
	if m.Periods.Last > 0 {
		period = m.Periods.Unit.String()
	}
	predicts, predictsPeriod, least := "", 0, 0.0
	if p := m.Predicts; p != nil {
		predicts, predictsPeriod, least = c.Metrics[p.Metric].Name, p.Period, p.Least
	}
	return []any{
		uint16(i + 1), m.Name, m.Kind.String(), co.Name, uint16(m.Cohort + 1), co.Grain.String(),
		uint64(m.Within.Seconds()), m.Sequence, steps, segments, m.Owner, m.Objective, m.Indicator, m.Direction, m.Action, m.Runbook,
		m.Description, sortedMap(m.Labels), target, by, date(m.ReviewBy), string(guardrails), c.Formula(i), c.MetricHash(i),
		period, uint16(m.Periods.Last), c.NameOf(m.Periods.After, m), c.NameOf(m.Periods.Split, m), uint16(m.TargetPeriod()),
		predicts, uint16(predictsPeriod), least,
	}, nil
}

// date reads a checked YYYY-MM-DD; nil when there is none.
func date(text string) *time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil
	}
	return &t
}

// activeSince returns since when each metric definition is in force, by its hash.
func (s *Store) activeSince(ctx context.Context) (map[string]time.Time, error) {
	out := make(map[string]time.Time)
	err := s.each(ctx, "SELECT definition_hash, min(active_since) FROM "+s.table("metrics")+" GROUP BY definition_hash", func(r driver.Rows) error {
		var (
			hash string
			at   time.Time
		)
		if err := r.Scan(&hash, &at); err != nil {
			return err
		}
		out[hash] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read since when metrics are active: %w", err)
	}
	return out, nil
}

// ChangedDefinitions names what a catalog defines otherwise than the stored numbers.
func (s *Store) ChangedDefinitions(ctx context.Context, c *catalog.Catalog) ([]string, error) {
	stored := ""
	err := s.each(ctx, "SELECT definition FROM "+s.table("catalogs")+" ORDER BY catalog_version DESC LIMIT 1", func(r driver.Rows) error {
		return r.Scan(&stored)
	})
	if err != nil {
		return nil, fmt.Errorf("read the stored catalog: %w", err)
	}
	return c.Changed([]byte(stored)), nil
}
