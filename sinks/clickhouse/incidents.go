package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
)

// The log of what was said about incidents. Its rows are what is sent: a message is in the log before it leaves.

const incidentColumns = "incident_id, seq, at, state, reason, severity, metric, cohort, window, window_start, window_end, age_seconds, k, n, " +
	"value, expected, expected_low, expected_high, users_lost, method, summary, message"

// WriteMessages appends messages to the log. Writing one again changes nothing.
func (s *Store) WriteMessages(ctx context.Context, messages []anomaly.Message) error {
	return s.insert(ctx, "incident_log", incidentColumns, func(b driver.Batch) error {
		for i := range messages {
			m := &messages[i]
			text, err := json.Marshal(m)
			if err != nil {
				return fmt.Errorf("message %s: %w", m.ID(), err)
			}
			err = b.Append(m.Incident, m.Seq, m.At, string(m.State), string(m.Reason), string(m.Severity), m.Metric.Name, m.Metric.Cohort,
				m.Window, m.WindowStart, m.WindowEnd, m.AgeSeconds, m.K, m.N, m.Value, m.Expected, m.ExpectedLow, m.ExpectedHigh, m.UsersLost,
				m.Method, m.Summary, string(text))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// NewestMessages returns the newest message of every incident that is open, or was said after a time.
func (s *Store) NewestMessages(ctx context.Context, after time.Time) ([]anomaly.Message, error) {
	return s.messages(ctx, "SELECT message FROM (SELECT message, state, at FROM "+s.table("incident_log")+
		" FINAL ORDER BY incident_id, seq DESC LIMIT 1 BY incident_id) WHERE state != 'resolved' OR at > ?", after)
}

// MessagesSince returns, in order, the messages of every incident that is open, or named, or of which something was put into the
// log after a time.
func (s *Store) MessagesSince(ctx context.Context, after time.Time, named []string) ([]anomaly.Message, error) {
	return s.messages(ctx, "SELECT message FROM "+s.table("incident_log")+` FINAL
		WHERE incident_id IN (SELECT incident_id FROM `+s.table("incident_log")+`
			GROUP BY incident_id HAVING argMax(state, seq) != 'resolved' OR max(said_at) > ? OR has(?, incident_id))
		ORDER BY incident_id, seq`, after, append([]string{}, named...))
}

// MessagesOf returns the messages of an incident, in order.
func (s *Store) MessagesOf(ctx context.Context, incident string) ([]anomaly.Message, error) {
	return s.messages(ctx, "SELECT message FROM "+s.table("incident_log")+" FINAL WHERE incident_id = ? ORDER BY seq", incident)
}

func (s *Store) messages(ctx context.Context, query string, args ...any) ([]anomaly.Message, error) {
	var all []anomaly.Message
	err := s.each(ctx, query, func(r driver.Rows) error {
		var (
			text string
			m    anomaly.Message
		)
		if err := r.Scan(&text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return fmt.Errorf("a stored message: %w", err)
		}
		all = append(all, m)
		return nil
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read the incident log: %w", err)
	}
	return all, nil
}

// Judged returns the stream's time of the last evaluation, and the first local day that the next one has to judge; 1970 when
// there was none.
func (s *Store) Judged(ctx context.Context) (at time.Time, from calendar.Day, err error) {
	err = s.each(ctx, "SELECT max(as_of), argMax(judge_from, as_of) FROM "+s.table("evaluations"), func(r driver.Rows) error {
		var day time.Time
		if err := r.Scan(&at, &day); err != nil {
			return err
		}
		from = calendar.FromDate(day.Year(), day.Month(), day.Day())
		return nil
	})
	if err != nil {
		return at, 0, fmt.Errorf("read when incidents were judged: %w", err)
	}
	return at, from, nil
}

// SetJudged stores the stream's time of an evaluation whose messages are all in the log, and the first local day that the next
// one has to judge.
func (s *Store) SetJudged(ctx context.Context, asOf time.Time, from calendar.Day) error {
	return s.insert(ctx, "evaluations", "as_of, judge_from", func(b driver.Batch) error { return b.Append(asOf, from.Time()) })
}
