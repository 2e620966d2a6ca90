// Package migratedtest gives tests databases with Firstlight's tables and views, in the engine of enginetest. Making those takes
// longer than most tests, so a test takes over the database of one that has ended.
package migratedtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	client "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

var (
	mutex sync.Mutex
	made  int
	free  []migrated // databases that no test uses
)

// migrated is a database, and the shape in which its migration left it.
type migrated struct{ name, shape string }

// Database returns a database for this test alone, as a migration leaves it, and a connection to it.
func Database(t testing.TB) (conn driver.Conn, database string) {
	t.Helper()
	taken, fresh := take()
	database = taken.name
	keeper := open(t, "default") // the test's own is closed before the database is emptied
	if fresh {
		if err := clickhouse.Migrate(context.Background(), keeper, database); err != nil {
			t.Fatal(err)
		}
		var err error
		if taken.shape, err = shape(context.Background(), keeper, database); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		whole, err := empty(context.Background(), keeper, database, taken.shape)
		if err != nil {
			t.Errorf("empty the test's database: %v", err)
		}
		if whole {
			mutex.Lock()
			defer mutex.Unlock()
			free = append(free, taken)
		}
	})
	return open(t, database), database
}

// open connects to a database: names without one are of it.
func open(t testing.TB, database string) driver.Conn {
	t.Helper()
	options, err := client.ParseDSN(enginetest.Start(t) + "/" + database)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := client.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// take returns a free database, or one that is to be made.
func take() (database migrated, fresh bool) {
	mutex.Lock()
	defer mutex.Unlock()
	if n := len(free); n > 0 {
		database, free = free[n-1], free[:n-1]
		return database, false
	}
	made++
	return migrated{name: fmt.Sprintf("migrated_%d", made)}, true
}

// shape is a text that tells whether a database has the tables, columns, views and version that a migration leaves.
func shape(ctx context.Context, conn driver.Conn, database string) (text string, err error) {
	const query = "SELECT concat(toString(count()), ' ', hex(groupBitXor(cityHash64(name, create_table_query))), ' ', toString((SELECT max(version) FROM `%s`.schema_migrations))) FROM system.tables WHERE database = ?"
	return text, conn.QueryRow(ctx, fmt.Sprintf(query, database), database).Scan(&text)
}

// empty leaves in a database what a migration does. whole is false when a test changed its tables or views.
func empty(ctx context.Context, conn driver.Conn, database, migrated string) (whole bool, err error) {
	if now, err := shape(ctx, conn, database); err != nil || now != migrated {
		return false, nil //nolint:nilerr // the table of versions is gone
	}
	rows, err := conn.Query(ctx, "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree' AND name NOT LIKE 'schema_%' AND total_rows > 0", database)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return false, err
		}
		if err := conn.Exec(ctx, fmt.Sprintf("TRUNCATE TABLE `%s`.`%s` SYNC", database, table)); err != nil {
			return false, err
		}
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return true, conn.Exec(ctx, "INSERT INTO `"+database+"`.generations (generation, began) SELECT 1, toDateTime64(0, 3, 'UTC')")
}
