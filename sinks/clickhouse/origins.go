package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

// Plan returns how the store's generation comes by its numbers, as it was begun.
func (s *Store) Plan(ctx context.Context) (plan worker.Plan, err error) {
	query := "SELECT origins, joins, partitions, complete_from FROM " + s.table("definitions") + " FINAL WHERE " + s.here()
	err = s.each(ctx, query, func(r driver.Rows) error {
		origins := map[string]uint32{}
		plan.CompleteFrom = map[string]int64{}
		err := r.Scan(&origins, &plan.Joins, &plan.Partitions, &plan.CompleteFrom)
		plan.Origins = origins
		return err
	})
	if err != nil {
		return worker.Plan{}, fmt.Errorf("read the plan of a generation: %w", err)
	}
	return plan, nil
}

func numbersOf(generations []uint32) string {
	texts := make([]string, len(generations))
	for i, g := range generations {
		texts[i] = fmt.Sprint(g)
	}
	return strings.Join(texts, ", ")
}

// cellsOf is the condition on generations under which cells of the store's generation may stand, by its plan.
func (s *Store) cellsOf(ctx context.Context) (string, error) {
	plan, err := s.Plan(ctx)
	if err != nil {
		return "", err
	}
	all := append(slices.Collect(maps.Values(plan.Origins)), s.generation)
	slices.Sort(all)
	return "generation IN (" + numbersOf(slices.Compact(all)) + ")", nil
}

// The conditions on the cells of what is in force: each stands under the generation in which its definition was taken up.
func (s *Store) metricCells() string { return s.originsIn("metric", "cells") }

func (s *Store) cohortCells() string { return s.originsIn("cohort", "cohort_cells") }

func (s *Store) originsIn(name, origin string) string {
	return fmt.Sprintf("(generation, name) IN (SELECT if(%s = 0, (SELECT assumeNotNull(max(generation)) FROM %s), %s), %s FROM %s WHERE %s)",
		origin, s.table("generations"), origin, name, s.table("metrics"), s.inCatalog())
}

func (s *Store) volumeCells() string {
	return fmt.Sprintf("generation = (SELECT if(argMax(volumes, catalog_version) = 0, (SELECT max(generation) FROM %s), argMax(volumes, catalog_version)) FROM %s WHERE %s)",
		s.table("generations"), s.table("catalogs"), s.here())
}

// stale is the condition on cells of earlier generations than the store's that do not count in it, nor in others that are named.
func (s *Store) stale(ctx context.Context, others ...uint32) (string, error) {
	counts := map[uint32]map[string][]string{} // by generation and part: names
	for _, g := range append(others, s.generation) {
		plan, err := s.in(g).Plan(ctx)
		if err != nil {
			return "", err
		}
		for what, origin := range plan.Origins {
			part, name, _ := strings.Cut(what, " ")
			if counts[origin] == nil {
				counts[origin] = map[string][]string{}
			}
			counts[origin][part] = append(counts[origin][part], "'"+literal.Replace(name)+"'")
		}
	}
	conditions := []string{fmt.Sprintf("generation < %d", s.generation)}
	for _, origin := range slices.Sorted(maps.Keys(counts)) {
		parts := []string{}
		for part, names := range counts[origin] {
			slices.Sort(names)
			list := strings.Join(slices.Compact(names), ", ")
			switch part {
			case worker.VolumesOrigin:
				parts = append(parts, "kind = 'volume'")
			case strings.TrimSpace(worker.CohortOrigin("")):
				parts = append(parts, "kind = 'entry' AND name IN ("+list+")")
			default:
				parts = append(parts, "kind NOT IN ('entry', 'volume') AND name IN ("+list+")")
			}
		}
		slices.Sort(parts)
		conditions = append(conditions, fmt.Sprintf("NOT (generation = %d AND (%s))", origin, strings.Join(parts, " OR ")))
	}
	return strings.Join(conditions, " AND "), nil
}
