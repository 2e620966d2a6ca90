package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
)

// SaveCatalog makes a catalog the one in force, as of now, unless it is already: the newest version counts.
func (s *Store) SaveCatalog(ctx context.Context, c *catalog.Catalog, now time.Time) error {
	since, err := s.activeSince(ctx)
	if err != nil {
		return err
	}
	version := uint64(now.UnixMilli())
	err = s.insert(ctx, "metrics", metricColumns, func(b driver.Batch) error {
		for i := range c.Metrics {
			if err := appendMetric(b, c, i, version, since, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The catalog's own row comes last: the views read metrics of the newest catalog only.
	return s.insert(ctx, "catalogs", "catalog_version, product, timezone, week_start, lateness_seconds, settle_seconds, windows, cohorts, definition_hash, definition", func(b driver.Batch) error {
		windows, cohorts := make([]string, 0, len(c.Windows)), make([]string, 0, len(c.Cohorts))
		for _, w := range c.Windows {
			windows = append(windows, w.Name)
		}
		for i := range c.Cohorts {
			cohorts = append(cohorts, c.Cohorts[i].Name)
		}
		week := map[time.Weekday]string{time.Monday: "monday", time.Sunday: "sunday"}[c.WeekStart]
		return b.Append(version, c.Product, c.Timezone, week, uint64(c.AllowedLateness.Seconds()), uint64(c.Settle.Seconds()),
			windows, cohorts, c.Hash(), string(c.Definition()))
	})
}

const metricColumns = `catalog_version, position, metric, kind, cohort, cohort_position, grain, within_seconds, sequence, steps, segments,
	owner, objective, indicator, direction, action, runbook, description, labels, target_value, target_by, review_by, guardrails, formula,
	definition_hash, active_since`

func appendMetric(b driver.Batch, c *catalog.Catalog, i int, version uint64, since map[string]time.Time, now time.Time) error {
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
		return fmt.Errorf("guardrails of %s: %w", m.Name, err)
	}
	active, known := since[c.MetricHash(i)]
	if !known {
		active = now.UTC()
	}
	var target *float64
	var by *time.Time
	if m.Target != nil {
		target, by = &m.Target.Value, date(m.Target.By)
	}
	labels := m.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return b.Append(version, uint16(i+1), m.Name, kindNames[m.Kind], co.Name, uint16(m.Cohort+1), grainNames[co.Grain],
		uint64(m.Within.Seconds()), m.Sequence, steps, segments, m.Owner, m.Objective, m.Indicator, m.Direction, m.Action, m.Runbook,
		m.Description, labels, target, by, date(m.ReviewBy), string(guardrails), c.Formula(i), c.MetricHash(i), active)
}

var (
	kindNames  = map[catalog.Kind]string{catalog.Activation: "activation", catalog.TTFV: "ttfv", catalog.Adoption: "adoption"}
	grainNames = map[catalog.Grain]string{catalog.GrainDay: "day", catalog.GrainWeek: "week", catalog.GrainMonth: "month"}
)

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
	return catalog.Changed([]byte(stored), c.Definition()), nil
}
