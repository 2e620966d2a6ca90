package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/review"
)

// ReviewFacts reads what reviews are made of, from the views. People's words are read only where quoting is asked for.
func (s *Store) ReviewFacts(ctx context.Context, quoting bool) (*review.Facts, error) {
	r := &reviewReader{Store: s, facts: &review.Facts{}}
	steps := []struct {
		view string // a section whose view is not there is left out
		read func(context.Context) error
	}{
		{"metric_status", r.product},
		{"metric_status", r.metrics},
		{"incidents", r.incidents},
		{"action_effects", r.actions},
		{"metric_prediction", r.predictions},
		{"experiment_results", r.experiments},
		{"voices", r.voices},
	}
	there, err := s.viewsThere(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		if !slices.Contains(there, step.view) || step.view == "voices" && !quoting {
			continue
		}
		if err := step.read(ctx); err != nil {
			return nil, fmt.Errorf("read what reviews say of %s: %w", step.view, err)
		}
	}
	return r.facts, nil
}

func (s *Store) viewsThere(ctx context.Context) (names []string, err error) {
	err = s.each(ctx, "SELECT name FROM system.tables WHERE database = ?", func(r driver.Rows) error {
		var name string
		err := r.Scan(&name)
		names = append(names, name)
		return err
	}, s.database)
	if err != nil {
		return nil, fmt.Errorf("look for the views: %w", err)
	}
	return names, nil
}

type reviewReader struct {
	*Store
	facts *review.Facts
}

func (r *reviewReader) product(ctx context.Context) error {
	query := "SELECT product, timezone FROM " + r.table("catalogs") + " WHERE " + r.here() + " ORDER BY catalog_version DESC LIMIT 1"
	return r.each(ctx, query, func(rows driver.Rows) (err error) {
		zone := ""
		if err := rows.Scan(&r.facts.Product, &zone); err != nil {
			return err
		}
		r.facts.Zone, err = time.LoadLocation(zone)
		return err
	})
}

func (r *reviewReader) metrics(ctx context.Context) error {
	times := kind.With(func(t catalog.Traits) bool { return t.Time != "" })
	uses := kind.With(func(t catalog.Traits) bool { return t.ByWindow.View != "" })
	query := `SELECT s.metric, s.kind, s.owner, c.stage, c.direction = 'down', s.n, s.value, s.previous_value, s.change, s.change_low, s.change_high,
			s.target_value, s.pace, s.target_by, s.review_by, s.review_overdue, s.as_of, d.within_seconds = 0
		FROM ` + r.table("metric_status") + " AS s INNER JOIN (SELECT metric, stage, direction FROM " + r.table("metric_catalog") + `) AS c ON c.metric = s.metric
		INNER JOIN (SELECT metric, within_seconds, position FROM ` + r.table("metrics") + " FINAL WHERE " + r.inCatalog() + ") AS d ON d.metric = s.metric ORDER BY d.position"
	return r.each(ctx, query, func(rows driver.Rows) error {
		var (
			m    review.Metric
			kind string
			down uint8
			ever uint8 // there is no limit to the time in which users count
		)
		err := rows.Scan(&m.Name, &kind, &m.Owner, &m.Stage, &down, &m.N, &m.Value, &m.Previous, &m.Change, &m.ChangeLow, &m.ChangeHigh,
			&m.Target, &m.Pace, &m.TargetBy, &m.ReviewBy, &m.Overdue, &r.facts.AsOf, &ever)
		if ever != 0 && slices.Contains(uses, kind) { // users of before had longer
			m.Previous, m.Change, m.ChangeLow, m.ChangeHigh = nil, nil, nil, nil
		}
		m.IsTime, m.Down = slices.Contains(times, kind), down != 0
		r.facts.Metrics = append(r.facts.Metrics, m)
		return err
	})
}

func (r *reviewReader) incidents(ctx context.Context) error {
	query := `SELECT incident_id, any(metric), argMax(severity, seq), argMax(summary, seq), min(window_start) AS since FROM ` + r.table("anomalies") + `
		GROUP BY incident_id HAVING argMax(state, seq) != 'resolved' ORDER BY since DESC, incident_id`
	return r.each(ctx, query, func(rows driver.Rows) error {
		var i review.Incident
		err := rows.Scan(&i.ID, &i.Metric, &i.Severity, &i.Summary, &i.Since)
		r.facts.Incidents = append(r.facts.Incidents, i)
		return err
	})
}

func (r *reviewReader) actions(ctx context.Context) error {
	query := "SELECT " + effectColumns + " FROM " + r.table("action_effects") + " ORDER BY at, source, id"
	return r.each(ctx, query, func(rows driver.Rows) error {
		var a review.Action
		err := rows.Scan(effect(&a)...)
		r.facts.Actions = append(r.facts.Actions, a)
		return err
	})
}

func (r *reviewReader) predictions(ctx context.Context) error {
	query := "SELECT metric, predicts, verdict, activated_rate, other_rate FROM " + r.table("metric_prediction")
	return r.each(ctx, query, func(rows driver.Rows) error {
		var p review.Prediction
		err := rows.Scan(&p.Metric, &p.Predicts, &p.Verdict, &p.Rate, &p.Other)
		r.facts.Predictions = append(r.facts.Predictions, p)
		return err
	})
}

// experiments are read of the variants that are held against a control, by the metric that decides.
func (r *reviewReader) experiments(ctx context.Context) error {
	query := `SELECT r.experiment, r.metric, r.variant, r.verdict, r.difference, r.difference_low, r.difference_high, d.owner
		FROM ` + r.table("experiment_results") + ` AS r
		INNER JOIN
		(
			SELECT experiment, metric, owner, position FROM ` + r.table("experiments") + ` FINAL
			WHERE metric_position = 1 AND ` + r.inCatalog() + `
		) AS d ON d.experiment = r.experiment AND d.metric = r.metric
		WHERE r.difference IS NOT NULL OR startsWith(r.verdict, 'broken')
		ORDER BY d.position, r.variant`
	return r.each(ctx, query, func(rows driver.Rows) error {
		var e review.Experiment
		err := rows.Scan(&e.Name, &e.Metric, &e.Variant, &e.Verdict, &e.Difference, &e.Low, &e.High, &e.Owner)
		r.facts.Experiments = append(r.facts.Experiments, e)
		return err
	})
}

// newestVoices is how many people's newest texts are read, of all metrics.
const newestVoices = 1000

func (r *reviewReader) voices(ctx context.Context) error {
	query := fmt.Sprintf("SELECT voice, user_id, metric, text, next_step, at FROM %s ORDER BY at DESC, text, user_id, metric LIMIT 1 BY user_id, metric LIMIT %d",
		r.table("voices"), newestVoices)
	return r.each(ctx, query, func(rows driver.Rows) error {
		var v review.Voice
		err := rows.Scan(&v.Voice, &v.Who, &v.Metric, &v.Text, &v.Next, &v.At)
		r.facts.Voices = append(r.facts.Voices, v)
		return err
	})
}

// EightWeeks returns the value of each metric over the newest four weeks and over the four before, where there is one.
func (s *Store) EightWeeks(ctx context.Context) (map[string][]float64, error) {
	values := map[string][]float64{}
	query := "SELECT metric, arrayMap(v -> assumeNotNull(v), arrayFilter(v -> v IS NOT NULL, [value, previous_value])) FROM " + s.table("metric_status")
	err := s.each(ctx, query, func(r driver.Rows) error {
		var (
			metric string
			of     []float64
		)
		err := r.Scan(&metric, &of)
		values[metric] = of
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the values of eight weeks: %w", err)
	}
	return values, nil
}
