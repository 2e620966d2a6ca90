package clickhouse_test

import (
	"testing"

	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// TestInsertsKnowTheirColumns: over a connection that takes columns the second insert into a table asks the server nothing before, and when a column has another type by then, an
// insert works on its second attempt at the latest.
func TestInsertsKnowTheirColumns(t *testing.T) {
	conn, database := migratedtest.Database(t)
	numbers := clickhouse.NewStore(rowByRow{conn}, database).In(7)
	write := func() error { return numbers.WriteUsers(t.Context(), crowd(0, 3, 1)) }
	queries := func() (n uint64) {
		rows, err := conn.Query(t.Context(), "SELECT value FROM system.events WHERE event = 'Query'")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	var took [2]uint64
	for i := range took {
		before := queries()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		took[i] = queries() - before
	}
	if took[1] >= took[0] {
		t.Errorf("the first insert took %d queries and the second %d, want fewer", took[0], took[1])
	}
	if err := conn.Exec(t.Context(), "ALTER TABLE `"+database+"`.users MODIFY COLUMN last_seen String SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	if first := write(); first != nil {
		if err := write(); err != nil {
			t.Errorf("the insert fails, and fails again: %v; %v", first, err)
		}
	}
}
