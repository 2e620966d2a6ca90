package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

// TestMigrateAgain holds that a second start changes nothing, and that a view whose text differs is replaced.
func TestMigrateAgain(t *testing.T) {
	s := newScript(t)
	const uuids = "SELECT name, uuid FROM system.tables WHERE database = currentDatabase() ORDER BY name"
	before := s.text(uuids)
	migrate := func() {
		t.Helper()
		if err := clickhouse.Migrate(context.Background(), s.conn, s.database); err != nil {
			t.Fatal(err)
		}
	}
	migrate()
	if after := s.text(uuids); after != before {
		t.Errorf("migrating again made\n%s\ninto\n%s", before, after)
	}
	s.exec("CREATE OR REPLACE VIEW %s.ttfv_by_cohort AS SELECT 1", s.database)
	s.exec("INSERT INTO %s.schema_views (name, hash) VALUES ('ttfv_by_cohort', 'of another release')", s.database)
	s.exec("DROP VIEW %s.incidents", s.database)
	migrate()
	if got := s.text("SELECT count() FROM ttfv_by_cohort WHERE entered > 0 UNION ALL SELECT count() FROM incidents"); got != "0\n0\n" {
		t.Errorf("views were not replaced: %q", got)
	}
}

// TestMigrateFillsWindowDays holds that days which an earlier version stored lie in windows after it is migrated.
func TestMigrateFillsWindowDays(t *testing.T) {
	s := newScript(t)
	for _, line := range []string{"windows 1d 1w 3d/1d", "metric activated activation signup", "as_of 2024-03-20T00:00:00", "entry signup 2024-03-04 2024-03-04T10 n=3"} {
		s.line(strings.Fields(line))
	}
	s.load()
	const rows = "SELECT * FROM window_days FINAL ORDER BY ALL"
	before := s.text(rows)
	s.exec("DROP TABLE %s.window_days", s.database)
	s.exec("TRUNCATE TABLE %s.schema_migrations", s.database)
	if err := clickhouse.Migrate(context.Background(), s.conn, s.database); err != nil {
		t.Fatal(err)
	}
	if after := s.text(rows); after != before || !strings.Contains(before, "\t3d/1d\t") {
		t.Errorf("migrating made\n%s\ninto\n%s", before, after)
	}
}

// TestMigrateNamesOrigins holds that rows which an earlier version stored say after a migration under which generation their cells stand,
// also when it runs again, and that what they said themselves stays.
func TestMigrateNamesOrigins(t *testing.T) {
	s := newScript(t)
	s.exec("INSERT INTO %s.generations (generation, began) VALUES (7, now())", s.database)
	s.exec("INSERT INTO %s.catalogs (catalog_version, windows, generation, volumes) VALUES (1, ['1d'], 0, 0), (2, ['1w'], 7, 0), (3, ['1h'], 7, 4)", s.database)
	s.exec("INSERT INTO %s.metrics (catalog_version, position, metric, cells, cohort_cells) VALUES (1, 1, 'a', 0, 0), (2, 1, 'a', 5, 0), (3, 1, 'a', 5, 6)", s.database)
	s.exec("INSERT INTO %s.experiments (catalog_version, position, metric_position, metric, cells) VALUES (1, 1, 1, 'a', 0), (3, 1, 1, 'a', 5)", s.database)
	for range 2 {
		s.exec("ALTER TABLE %s.schema_migrations DELETE WHERE version = 30 SETTINGS mutations_sync = 2", s.database)
		if err := clickhouse.Migrate(context.Background(), s.conn, s.database); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"SELECT catalog_version, windows, generation, volumes FROM catalogs FINAL ORDER BY ALL": "1\t['1d']\t7\t7\n2\t['1w']\t7\t7\n3\t['1h']\t7\t4\n",
			"SELECT catalog_version, metric, cells, cohort_cells FROM metrics FINAL ORDER BY ALL":   "1\ta\t7\t7\n2\ta\t5\t7\n3\ta\t5\t6\n",
			"SELECT catalog_version, metric, cells FROM experiments FINAL ORDER BY ALL":             "1\ta\t7\n3\ta\t5\n",
		} {
			if got := s.text(query); got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", query, got, want)
			}
		}
	}
}

func TestMigrateRefusesNewerSchema(t *testing.T) {
	s := newScript(t)
	s.exec("INSERT INTO %s.schema_migrations (version, name) VALUES (99, '0099_future.sql')", s.database)
	migrations, err := schemas.Migrations(s.database)
	if err != nil {
		t.Fatal(err)
	}
	err = clickhouse.Migrate(context.Background(), s.conn, s.database)
	want := fmt.Sprintf("migrate database %s: its schema has version 99, this firstlight knows %d: use a newer firstlight", s.database, migrations[len(migrations)-1].Version)
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMigrateCreatesTheDatabase(t *testing.T) {
	ctx := context.Background()
	conn, err := clickhouse.Open(ctx, enginetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const database = "Made_by_migrate"
	defer func() { _ = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+database) }()
	if err := clickhouse.Migrate(ctx, conn, database); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, "SELECT * FROM "+database+".activation_by_cohort")
	if err != nil {
		t.Fatal(err)
	}
	rows.Close()
}

func TestCheckDatabase(t *testing.T) {
	for name, fits := range map[string]bool{
		"firstlight": true, "_x9": true, "default": true, "": false, "9x": false, "a-b": false, "a`b": false, "a.b": false,
		"system": false, "information_schema": false, strings.Repeat("x", 65): false,
	} {
		if err := clickhouse.CheckDatabase(name); (err == nil) != fits {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// meanwhile is a connection on which somebody else does something, once, after the tables were listed.
type meanwhile struct {
	clickhouse.Conn
	others func()
}

func (m *meanwhile) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	rows, err := m.Conn.Query(ctx, query, args...)
	if strings.HasSuffix(query, "FROM system.tables WHERE database = ?") && m.others != nil {
		m.others()
		m.others = nil
	}
	return rows, err
}

// TestMigrateBesideOthers: a table that another worker's migration drops, whose record comes a moment later, is not lost; one that
// stays away is.
func TestMigrateBesideOthers(t *testing.T) {
	s := newScript(t)
	record := func(versions string) {
		s.exec("INSERT INTO %s.schema_migrations (version, name) SELECT arrayJoin([%s]), ''", s.database, versions)
	}
	s.exec("TRUNCATE TABLE %s.schema_migrations", s.database)
	record("1, 2") // the second made the table notes, which the third has dropped
	conn := &meanwhile{s.conn, func() { record("3") }}
	if err := clickhouse.Migrate(t.Context(), conn, s.database); err != nil {
		t.Fatal(err)
	}
	s.exec("DROP TABLE %s.names SYNC", s.database)
	var lost *clickhouse.MissingTables
	if err := clickhouse.Migrate(t.Context(), s.conn, s.database); !errors.As(err, &lost) || !slices.Equal(lost.Tables, []string{"names"}) {
		t.Errorf("without the table names: %v", err)
	}
}

func TestMigrateManyAtOnce(t *testing.T) {
	conn, database, dsn := enginetest.Database(t)
	ctx := context.Background()
	var group sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		group.Go(func() {
			own, err := clickhouse.Open(ctx, dsn)
			if err == nil {
				defer own.Close()
				err = clickhouse.Migrate(ctx, own, database)
			}
			errs <- err
		})
	}
	group.Wait()
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	views, err := schemas.Views(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		rows, err := conn.Query(ctx, "SELECT * FROM "+schemas.Quote(database)+"."+view.Name)
		if err != nil {
			t.Errorf("%s: %v", view.Name, err)
			continue
		}
		for rows.Next() {
			if !strings.HasPrefix(view.Name, "pipeline") {
				t.Errorf("%s has a row before anything was written", view.Name)
			}
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: %v", view.Name, err)
		}
	}
}
