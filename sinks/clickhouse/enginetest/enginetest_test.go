package enginetest_test

import (
	"context"
	"testing"

	"firstlight/sinks/clickhouse/enginetest"
)

func TestDatabasesAreFreshAndReal(t *testing.T) {
	ctx := context.Background()
	for range 2 {
		conn, database, _ := enginetest.Database(t)
		if err := conn.Exec(ctx, "CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a"); err != nil {
			t.Fatal(err)
		}
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO t")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if err := batch.Append(int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
		var sum int64
		var name string
		if err := conn.QueryRow(ctx, "SELECT sum(a), currentDatabase() FROM t").Scan(&sum, &name); err != nil {
			t.Fatal(err)
		}
		if sum != 45 || name != database {
			t.Errorf("sum %d in %s, want 45 in %s", sum, name, database)
		}
	}
}
