package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/review"
)

// Towards says, of each metric in force, which way the share of users who get there is to go: 1 up, -1 down. Of a time that is to get
// shorter it is up.
func (s *Store) Towards(ctx context.Context) (map[string]float64, error) {
	times := kind.With(func(t catalog.Traits) bool { return t.Time != "" })
	towards := map[string]float64{}
	query := "SELECT metric, kind, direction FROM " + s.table("metrics") + " FINAL WHERE " + s.inCatalog()
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

// Outcome is an action about an incident of which it is known what it did.
type Outcome struct {
	review.Action
	Source, ID, Incident string
}

// Outcomes returns the actions about incidents of which it is known what they did. Where there is none, nothing else is read.
func (s *Store) Outcomes(ctx context.Context) (known []Outcome, err error) {
	actions := uint64(0)
	err = s.each(ctx, "SELECT count() FROM "+s.table("annotations")+" WHERE kind = 'action' AND incident != ''", func(r driver.Rows) error { return r.Scan(&actions) })
	if err != nil || actions == 0 {
		return nil, err
	}
	query := "SELECT " + effectColumns + ", source, id, incident FROM " + s.table("action_effects") + " WHERE incident != '' AND verdict != 'not known yet' ORDER BY at, source, id"
	err = s.each(ctx, query, func(r driver.Rows) error {
		var o Outcome
		err := r.Scan(append(effect(&o.Action), &o.Source, &o.ID, &o.Incident)...)
		known = append(known, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what actions did: %w", err)
	}
	return known, nil
}

// effectColumns are the columns of action_effects that effect takes in.
const effectColumns = "title, metric, verdict, explained_by, at, known_from, expects, before_rate, after_rate, difference, difference_low, difference_high"

func effect(a *review.Action) []any {
	return []any{&a.Title, &a.Metric, &a.Verdict, &a.ExplainedBy, &a.At, &a.KnownFrom, &a.Expects, &a.Before, &a.After, &a.Difference, &a.Low, &a.High}
}
