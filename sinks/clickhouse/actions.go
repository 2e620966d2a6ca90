package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// Towards says, of each metric in force, which way the share of users who get there is to go: 1 up, -1 down. Of a time that is to get
// shorter it is up.
func (s *Store) Towards(ctx context.Context) (map[string]float64, error) {
	times := kind.With(func(t catalog.Traits) bool { return t.Time != "" })
	towards := map[string]float64{}
	query := "SELECT metric, kind, direction FROM " + s.table("metrics") + " FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM " + s.table("catalogs") +
		" WHERE generation IN (0, (SELECT max(generation) FROM " + s.table("generations") + ")))"
	err := s.each(ctx, query, func(r driver.Rows) error {
		var metric, kind, direction string
		err := r.Scan(&metric, &kind, &direction)
		towards[metric] = 1
		if (direction == "down") != slices.Contains(times, kind) {
			towards[metric] = -1
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	return towards, nil
}

// Incidents returns the ids of the newest incidents, newest first.
func (s *Store) Incidents(ctx context.Context, most int) (ids []string, err error) {
	query := fmt.Sprintf("SELECT incident_id FROM %s GROUP BY incident_id ORDER BY max(at) DESC, incident_id LIMIT %d", s.table("incident_log"), most)
	err = s.each(ctx, query, func(r driver.Rows) error {
		var id string
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the incidents: %w", err)
	}
	return ids, nil
}
