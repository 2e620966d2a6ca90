package page

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"golang.org/x/sync/singleflight"
)

const (
	// maxRunning leaves connections, and ClickHouse, to the worker.
	maxRunning = 4
	// patience bounds a query, waiting for its turn included.
	patience = 20 * time.Second
	// fresh is how long everybody who asks the same gets the same answer.
	fresh = time.Second
)

// queries runs SQL: a few at a time, and once for all who ask the same at the same time.
type queries struct {
	conn    Conn
	now     func() time.Time
	running chan struct{}
	flights singleflight.Group
	mu      sync.Mutex
	answers map[string]answer // by SQL
}

func newQueries(conn Conn) *queries {
	return &queries{conn: conn, now: time.Now, running: make(chan struct{}, maxRunning), answers: map[string]answer{}}
}

type answer struct {
	table *table
	at    time.Time
}

// run returns what SQL results in, at most `fresh` ago.
func (q *queries) run(ctx context.Context, sql string) (*table, error) {
	if t := q.recent(sql); t != nil {
		return t, nil
	}
	// Who asked first may leave while others wait.
	done := q.flights.DoChan(sql, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return q.ask(ctx, sql)
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, explain(r.Err)
		}
		return r.Val.(*table), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *queries) ask(ctx context.Context, sql string) (*table, error) {
	select {
	case q.running <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-q.running }()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": int(patience.Seconds()), "readonly": 2, // it reads, and sets no more than settings
	}))
	t, err := q.read(ctx, sql)
	if err == nil && len(t.Rows) == 0 {
		t.Columns, err = q.columns(ctx, sql)
	}
	if err != nil {
		return nil, err
	}
	q.keep(sql, t)
	return t, nil
}

func (q *queries) read(ctx context.Context, sql string) (*table, error) {
	rows, err := q.conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return readTable(rows)
}

// columns names the columns of a result without rows: over HTTP it comes without them.
func (q *queries) columns(ctx context.Context, sql string) (names []string, err error) {
	described, err := q.read(ctx, "DESCRIBE TABLE ("+sql+")")
	if err != nil {
		return nil, err
	}
	for _, row := range described.Rows {
		names = append(names, fmt.Sprint(row[0]))
	}
	return names, nil
}

// recent returns an answer that is still fresh.
func (q *queries) recent(sql string) *table {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a, found := q.answers[sql]; found && q.now().Sub(a.at) < fresh {
		return a.table
	}
	return nil
}

// keep stores an answer and forgets those that are old.
func (q *queries) keep(sql string, t *table) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for other, a := range q.answers {
		if now.Sub(a.at) >= fresh {
			delete(q.answers, other)
		}
	}
	q.answers[sql] = answer{t, now}
}

// refused is an answer of ClickHouse that is no result: it is there, but the query is not as it wants it.
type refused struct{ error }

// explain says in one line why there are no rows.
func explain(err error) error {
	var exception *proto.Exception
	switch {
	case errors.As(err, &exception):
		line, _, _ := strings.Cut(exception.Message, "\n")
		return refused{fmt.Errorf("ClickHouse: %s", line)}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("ClickHouse did not answer within %s", patience)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("ClickHouse cannot be reached: %s", line)
}
