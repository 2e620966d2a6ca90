package clickhouse

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
)

// SaveCatalog makes a catalog the one that shows the store's generation, as of now, unless it is already: the newest version counts.
func (s *Store) SaveCatalog(ctx context.Context, c *catalog.Catalog, now time.Time) error {
	plan, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	return s.saveCatalog(ctx, c, &plan, now)
}

func (s *Store) saveCatalog(ctx context.Context, c *catalog.Catalog, plan *worker.Plan, now time.Time) error {
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
	force, err := s.Generation(ctx)
	if err != nil {
		return err
	}
	of := cmp.Or(s.generation, force) // rows name the generation whose cells they show
	version, err := s.nextVersion(ctx, now)
	if err != nil {
		return err
	}
	err = s.insert(ctx, "metrics", metricColumns+", cells, cohort_cells, complete_from, counts_from", func(b driver.Batch) error {
		for i := range c.Metrics {
			row, err := metricRow(c, i)
			if err != nil {
				return err
			}
			active, known := since[c.MetricHash(i)]
			if !known && of == force {
				active = now.UTC() // else it takes effect with its generation, whose beginning says when
			}
			cells := plan.Origins.Of(worker.MetricOrigin(c.Metrics[i].Name), of)
			entries := plan.Origins.Of(worker.CohortOrigin(c.Cohorts[c.Metrics[i].Cohort].Name), of)
			complete := plan.CompleteFrom[c.Metrics[i].Name]
			if err := b.Append(append(row, version, active, cells, entries, complete, uint32(worker.CountsFrom(c, complete)/1000))...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.saveExperiments(ctx, c, plan.Origins, of, version); err != nil {
		return err
	}
	// The catalog's own row comes last: the views read metrics of the newest catalog only.
	return s.insert(ctx, "catalogs", "catalog_version, product, timezone, week_start, lateness_seconds, settle_seconds, windows, cohorts, definition_hash, definition, content_hash, generation, volumes, voices", func(b driver.Batch) error {
		windows, cohorts, voices := make([]string, 0, len(c.Windows)), make([]string, 0, len(c.Cohorts)), make([]string, 0, len(c.Voices))
		for _, w := range c.Windows {
			windows = append(windows, w.Name)
		}
		for i := range c.Cohorts {
			cohorts = append(cohorts, c.Cohorts[i].Name)
		}
		for i := range c.Voices {
			voices = append(voices, c.VoiceHash(i))
		}
		return b.Append(version, c.Product, c.Timezone, c.WeekStartName(), uint64(c.AllowedLateness.Seconds()), uint64(c.Settle.Seconds()),
			windows, cohorts, c.Hash(), string(c.Definition()), hash, of, plan.Origins.Of(worker.VolumesOrigin, of), voices)
	})
}

// IsShownBy reports whether a catalog is the one that shows the store's generation.
func (s *Store) IsShownBy(ctx context.Context, c *catalog.Catalog) (bool, error) {
	hash, err := contentHash(c)
	if err != nil {
		return false, err
	}
	in, err := s.inForce(ctx)
	return in == hash, err
}

// nextVersion returns the version of a catalog that is stored now: no other has it.
func (s *Store) nextVersion(ctx context.Context, now time.Time) (version uint64, err error) {
	err = s.each(ctx, "SELECT max(catalog_version) + 1 FROM "+s.table("catalogs"), func(r driver.Rows) error { return r.Scan(&version) })
	if err != nil {
		return 0, fmt.Errorf("read the newest version of the catalog: %w", err)
	}
	return max(version, uint64(now.UnixMilli())), nil
}

// inForce returns the content hash of the catalog that shows the store's generation, empty when it is not stored as a whole.
func (s *Store) inForce(ctx context.Context) (hash string, err error) {
	err = s.each(ctx, "SELECT if(catalog_version IN (SELECT catalog_version FROM "+s.table("metrics")+"), content_hash, '') FROM "+s.table("catalogs")+" WHERE "+s.here()+" ORDER BY catalog_version DESC LIMIT 1", func(r driver.Rows) error { return r.Scan(&hash) })
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
	for _, row := range experimentRows(c) {
		fmt.Fprintf(h, "%q %v\n", experimentColumns, row)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

const metricColumns = `position, metric, kind, cohort, cohort_position, grain, within_seconds, sequence, steps, segments,
	owner, objective, indicator, direction, action, runbook, description, labels, target_value, target_by, review_by, guardrails, formula,
	definition_hash, period, periods, after_metric, split_metric, target_period,
	predicts_metric, predicts_period, predicts_least, stage, catalog_version, active_since`

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
		uint16(m.Place + 1), m.Name, m.Kind.String(), co.Name, uint16(m.Cohort + 1), co.Grain.String(),
		uint64(m.Within.Seconds()), m.Sequence, steps, segments, m.Owner, m.Objective, m.Indicator, m.Direction, m.Action, m.Runbook,
		m.Description, sortedMap(m.Labels), target, by, date(m.ReviewBy), string(guardrails), c.Formula(i), c.MetricHash(i),
		period, uint16(m.Periods.Last), c.NameOf(m.Periods.After, m), c.NameOf(m.Periods.Split, m), uint16(m.TargetPeriod()),
		predicts, uint16(predictsPeriod), least, m.Stage,
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

// activeSince returns since when each metric definition of the last catalog in force is, by its hash: one that was computed beside took
// effect when its generation did, and one that left and comes back is new.
func (s *Store) activeSince(ctx context.Context) (map[string]time.Time, error) {
	out := make(map[string]time.Time)
	query := "SELECT definition_hash, min(since) FROM (SELECT m.definition_hash AS definition_hash, if(toUnixTimestamp64Milli(m.active_since) > 0, m.active_since, g.began) AS since" +
		" FROM " + s.table("metrics") + " AS m INNER JOIN " + s.table("catalogs") + " AS c ON c.catalog_version = m.catalog_version" +
		" LEFT JOIN " + s.table("generations") + " AS g ON g.generation = c.generation" +
		" WHERE m.catalog_version = (SELECT argMax(catalog_version, (generation, catalog_version)) FROM " + s.table("catalogs") + " WHERE generation IN (SELECT generation FROM " + s.table("generations") + "))" +
		" AND (toUnixTimestamp64Milli(m.active_since) > 0 OR g.generation > 0)) GROUP BY definition_hash"
	err := s.each(ctx, query, func(r driver.Rows) error {
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

// ChangedDefinitions names what a catalog defines otherwise than the one in force.
func (s *Store) ChangedDefinitions(ctx context.Context, c *catalog.Catalog) ([]string, error) {
	stored, err := s.Definition(ctx)
	if err != nil {
		return nil, err
	}
	return c.Changed([]byte(stored)), nil
}

// Definition returns the definition of the catalog that shows the store's generation, empty when none is stored.
func (s *Store) Definition(ctx context.Context) (stored string, err error) {
	err = s.each(ctx, "SELECT definition FROM "+s.table("catalogs")+" WHERE "+s.here()+" ORDER BY catalog_version DESC LIMIT 1", func(r driver.Rows) error {
		return r.Scan(&stored)
	})
	if err != nil {
		return "", fmt.Errorf("read the stored catalog: %w", err)
	}
	return stored, nil
}

// Shows reports whether the metrics of a catalog that the store's generation has are defined as it has them.
func (s *Store) Shows(ctx context.Context, c *catalog.Catalog) (bool, error) {
	hashes := map[string]string{}
	query := "SELECT metric, definition_hash FROM " + s.table("metrics") + " FINAL WHERE " + s.inCatalog()
	err := s.each(ctx, query, func(r driver.Rows) error {
		var metric, hash string
		err := r.Scan(&metric, &hash)
		hashes[metric] = hash
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read what is in force: %w", err)
	}
	for i := range c.Metrics {
		if hash := hashes[c.Metrics[i].Name]; hash != "" && hash != c.MetricHash(i) {
			return false, nil
		}
	}
	return true, nil
}
