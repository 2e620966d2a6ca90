package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What a team would do instead: keep the raw events in a table of the same engine, and ask that. Both are asked for the activation of
// each cohort by day, and must answer with the same rows.

// rawTable is ordered as funnels read it. A payload's fields are columns, as a team would have them by then.
const rawTable = `CREATE TABLE {{db}}.raw_events
(
    event LowCardinality(String),
    user_id String,
    at DateTime64(3, 'UTC'),
    role LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (user_id, at)`

// comparisons ask a view, and the raw events for the same.
var comparisons = []struct{ what, view, raw string }{
	{
		"a sequence by entry day: windowFunnel",
		`SELECT day, entered, activated_to_date FROM {{db}}.activation_by_entry_window
WHERE metric = 'onboarded' AND window = '1d' ORDER BY day`,
		`SELECT toDate(entered_at) AS day, count() AS entered, countIf(level = 4) AS activated
FROM
(
    SELECT minIf(at, event = 'signed_up') AS entered_at,
        windowFunnel(14 * 86400000)(toUInt64(toUnixTimestamp64Milli(at)), event = 'signed_up', event = 'tour_started',
            event IN ('file_imported', 'integration_connected'), event = 'report_shared') AS level
    FROM {{db}}.raw_events
    WHERE event IN ('signed_up', 'tour_started', 'file_imported', 'integration_connected', 'report_shared')
    GROUP BY user_id
)
WHERE level > 0
GROUP BY day ORDER BY day`,
	},
	{
		"any order, by cohort and day: a join",
		`SELECT cohort_start, day, activated_in_window FROM {{db}}.activation_by_window
WHERE metric = 'activated' AND window = '1d' ORDER BY cohort_start, day`,
		`SELECT toStartOfWeek(entered, 1) AS cohort_start, toDate(done_at) AS day, count() AS activated
FROM
(
    SELECT any(s.entered_at) AS entered, greatest(minIf(at, event = 'project_created'), arraySort(groupArrayIf(at, event = 'invite_sent'))[2]) AS done_at
    FROM {{db}}.raw_events AS r
    INNER JOIN (SELECT user_id, min(at) AS entered_at FROM {{db}}.raw_events WHERE event = 'signed_up' GROUP BY user_id) AS s ON s.user_id = r.user_id
    WHERE (event = 'project_created' OR event = 'invite_sent' AND role != 'guest') AND at >= s.entered_at AND at <= s.entered_at + INTERVAL 7 DAY
    GROUP BY r.user_id
    HAVING countIf(event = 'project_created') >= 1 AND countIf(event = 'invite_sent') >= 2
)
GROUP BY cohort_start, day ORDER BY cohort_start, day`,
	},
}

// compared is how long one question takes, and how many rows it reads.
type compared struct {
	view, raw         time.Duration
	viewRows, rawRows uint64
}

// compare asks the views and the raw events, which it has loaded (load).
func (s *servers) compare(ctx context.Context) (all []compared, err error) {
	for _, c := range comparisons {
		var r compared
		var view, raw string
		if view, r.viewRows, r.view, err = s.ask(ctx, c.view); err != nil {
			return nil, err
		}
		if raw, r.rawRows, r.raw, err = s.ask(ctx, c.raw); err != nil {
			return nil, err
		}
		if view == "" || view != raw {
			return nil, fmt.Errorf("%s: the view and the raw events differ:\n%.2000s\n%.2000s", c.what, view, raw)
		}
		all = append(all, r)
	}
	return all, nil
}

// asks is how often each question is asked; the median counts.
const asks = 7

// ask runs a query and returns its rows as text, the rows it read as the engine counts them, and the median time.
func (s *servers) ask(ctx context.Context, query string) (text string, read uint64, median time.Duration, err error) {
	query = strings.ReplaceAll(query, "{{db}}", database)
	var took []time.Duration
	for range asks {
		began := time.Now()
		if text, read, err = s.post(ctx, query); err != nil {
			return "", 0, 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return text, read, took[asks/2], nil
}

func (s *servers) post(ctx context.Context, query string) (text string, read uint64, err error) {
	address, err := url.Parse(s.engine.DSN(""))
	if err != nil {
		return "", 0, fmt.Errorf("BUG: the engine's address: %w", err)
	}
	address.Path = "/"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(query))
	if err != nil {
		return "", 0, fmt.Errorf("BUG: a request: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", 0, fmt.Errorf("ask the engine: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", 0, errors.Join(err, fmt.Errorf("the engine answers %s: %.1000s", answer.Status, body))
	}
	var summary struct {
		ReadRows uint64 `json:"read_rows,string"`
	}
	if err := json.Unmarshal([]byte(answer.Header.Get("X-ClickHouse-Summary")), &summary); err != nil {
		return "", 0, fmt.Errorf("read what the engine counted: %w", err)
	}
	return string(body), summary.ReadRows, nil
}

// loadBatch is how many raw events are inserted at a time.
const loadBatch = 100_000

// load puts the first events of the stream into the table of raw events.
func (s *servers) load(ctx context.Context, events int) error {
	if err := s.db.Exec(ctx, strings.ReplaceAll(rawTable, "{{db}}", database)); err != nil {
		return fmt.Errorf("create the table of raw events: %w", err)
	}
	consumer, err := s.js.OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("create a consumer: %w", err)
	}
	read := make(chan []byte, 4096)
	var n atomic.Int64
	consume, err := consumer.Consume(func(m jetstream.Msg) {
		switch i := n.Add(1); {
		case i > int64(events):
		case i == int64(events):
			read <- m.Data()
			close(read)
		default:
			read <- m.Data()
		}
	}, jetstream.PullMaxMessages(4096))
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	defer consume.Stop()
	for open := true; open; {
		if open, err = s.insertRaw(ctx, read); err != nil {
			return err
		}
	}
	return nil
}

// insertRaw inserts one batch of what is read, and tells whether more may come.
func (s *servers) insertRaw(ctx context.Context, read <-chan []byte) (more bool, err error) {
	batch, err := s.db.PrepareBatch(ctx, "INSERT INTO `"+database+"`.raw_events (event, user_id, at, role)")
	if err != nil {
		return false, fmt.Errorf("prepare raw events: %w", err)
	}
	for range loadBatch {
		var data []byte
		select {
		case data, more = <-read:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if !more {
			break
		}
		var e struct {
			Event, UserID string
			Timestamp     time.Time
			Properties    struct{ Role string }
		}
		if err := json.Unmarshal(data, &e); err != nil {
			return false, fmt.Errorf("BUG: an event of the bench: %w", err)
		}
		if err := batch.Append(e.Event, e.UserID, e.Timestamp, e.Properties.Role); err != nil {
			return false, fmt.Errorf("fill raw events: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return false, fmt.Errorf("write raw events: %w", err)
	}
	return more, nil
}

// written is what the engine was sent.
type written struct{ rows, bytes uint64 }

// written returns what was inserted since the engine started: rows, and their bytes as they are in memory.
func (s *servers) written(ctx context.Context) (w written, err error) {
	rows, err := s.db.Query(ctx, "SELECT sumIf(value, event = 'InsertedRows'), sumIf(value, event = 'InsertedBytes') FROM system.events")
	if err != nil {
		return w, fmt.Errorf("read what was inserted: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&w.rows, &w.bytes); err != nil {
			return w, fmt.Errorf("read what was inserted: %w", err)
		}
	}
	return w, rows.Err()
}
