package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
)

const experimentColumns = `position, experiment, metric_position, metric, hypothesis, owner, variants, shares, control, least_effect, until, better_up,
	cohort, cell, kind, within_seconds, period, period_number, catalog_version, cells`

// saveExperiments stores what a catalog's experiments ask, beside its metrics.
func (s *Store) saveExperiments(ctx context.Context, c *catalog.Catalog, origins worker.Origins, generation uint32, version uint64) error {
	rows, under := experimentRows(c), []uint32{}
	for i := range c.Experiments {
		for j := range c.Experiments[i].Metrics {
			under = append(under, origins.Of(worker.MetricOrigin(c.Experiments[i].Metrics[j].Name), generation))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.insert(ctx, "experiments", experimentColumns, func(b driver.Batch) error {
		for i, row := range rows {
			if err := b.Append(append(row, version, under[i])...); err != nil {
				return err
			}
		}
		return nil
	})
}

// experimentRows returns what the columns hold, up to the version: a row for each metric of each experiment.
func experimentRows(c *catalog.Catalog) (rows [][]any) {
	for i := range c.Experiments {
		e := &c.Experiments[i]
		names, shares := make([]string, len(e.Variants)), make([]float64, len(e.Variants))
		for v := range e.Variants {
			names[v], shares[v] = e.Variants[v].Name, e.Variants[v].Share
		}
		until := ""
		if date(e.Until) != nil {
			until = e.Until
		}
		for j := range e.Metrics {
			m := &e.Metrics[j]
			period := ""
			if m.Periods.Last > 0 {
				period = m.Periods.Unit.String()
			}
			rows = append(rows, []any{
				uint16(i + 1), e.Name, uint16(j + 1), m.Trial.Of, e.Hypothesis, e.Owner, names, shares, e.Control, e.Least, until, m.Better(),
				e.Cohort.Name, m.Name, m.Kind.String(), uint64(m.Within.Seconds()), period, uint16(m.Trial.Period),
			})
		}
	}
	return rows
}
