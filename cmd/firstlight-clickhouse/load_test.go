package main_test

// Many clients, and many rows.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"firstlight/sinks/clickhouse/enginetest"
)

func TestParallelQueriesKeepApart(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	exec(t, conn, "CREATE TABLE t (worker UInt8, n UInt64) ENGINE = MergeTree ORDER BY (worker, n)")
	const workers, rounds, rows = 8, 5, 1000
	var group sync.WaitGroup
	for w := range uint8(workers) {
		group.Go(func() {
			for range rounds {
				batch, err := conn.PrepareBatch(context.Background(), "INSERT INTO t")
				for n := range uint64(rows) {
					err = errors.Join(err, batch.Append(w, n))
				}
				if err = errors.Join(err, batch.Send()); err != nil {
					t.Error(err)
					return
				}
				var distinct, sum uint64
				err = conn.QueryRow(context.Background(),
					"SELECT uniqExact(number), sum(number) FROM (SELECT number FROM numbers({n:UInt64}))",
					clickhouse.Named("n", uint64(w)+100000)).Scan(&distinct, &sum)
				if want := uint64(w) + 100000; err != nil || distinct != want || sum != want*(want-1)/2 {
					t.Errorf("worker %d read %d numbers, sum %d (%v)", w, distinct, sum, err)
				}
			}
		})
	}
	group.Wait()
	got := text(t, conn, "SELECT count(), sum(n), uniqExact(worker) FROM t")
	if want := fmt.Sprintf("%d\t%d\t%d", workers*rounds*rows, workers*rounds*rows*(rows-1)/2, workers); got != want {
		t.Errorf("the table holds %q, want %q", got, want)
	}
}

// TestMillionRows also says how fast it was.
func TestMillionRows(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	ctx := context.Background()
	exec(t, conn, "CREATE TABLE t (user_id String, facts String, last_seen Int64, entered_at Array(Int64)) ENGINE = MergeTree ORDER BY user_id")
	const total, size = 1_000_000, 100_000
	started := time.Now()
	for from := 0; from < total; from += size {
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO t")
		if err != nil {
			t.Fatal(err)
		}
		for i := from; i < from+size; i++ {
			if err := batch.Append(fmt.Sprintf("user-%07d", i), "facts of \n\n 32 bytes, or there about", int64(i), []int64{int64(i), 0}); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("inserted %.0f rows/s", total/time.Since(started).Seconds())
	started = time.Now()
	rows, err := conn.Query(ctx, "SELECT user_id, facts, last_seen, entered_at FROM t ORDER BY user_id")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var id, facts string
		var seen int64
		var entered []int64
		if err := rows.Scan(&id, &facts, &seen, &entered); err != nil {
			t.Fatal(err)
		}
		if seen != int64(n) || id != fmt.Sprintf("user-%07d", n) || entered[0] != seen {
			t.Fatalf("row %d is %s %d %v", n, id, seen, entered)
		}
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != total {
		t.Fatalf("read %d rows (%v)", n, err)
	}
	t.Logf("read %.0f rows/s", total/time.Since(started).Seconds())
}
