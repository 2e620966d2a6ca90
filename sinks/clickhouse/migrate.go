package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"firstlight/schemas"
)

// CheckDatabase reports why a name cannot be that of Firstlight's database.
func CheckDatabase(name string) error {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`).MatchString(name) {
		return fmt.Errorf("database name %q: write up to 64 letters, digits and _, not starting with a digit", name)
	}
	if slices.Contains([]string{"system", "information_schema", "INFORMATION_SCHEMA"}, name) {
		return fmt.Errorf("database name %q belongs to ClickHouse: choose another", name)
	}
	return nil
}

// Migrate brings a database to this release's schema: it creates the database, runs the migrations that have
// not run, replaces the views whose text has changed, and makes the roles that read them where it may. Several
// workers may migrate at once, and a migration that was interrupted is run again. A database of a newer schema is
// left alone and is an error; one that has lost tables is MissingTables. Over a connection with a Cluster, all of that is on its servers.
func Migrate(ctx context.Context, conn Conn, database string) error {
	return migrator{conn: conn, database: database, cluster: clusterOf(conn)}.run(ctx)
}

// Restore is Migrate for one who computes everything again: tables that are missing are made again, empty.
func Restore(ctx context.Context, conn Conn, database string) error {
	return migrator{conn: conn, database: database, cluster: clusterOf(conn), restore: true}.run(ctx)
}

func (m migrator) run(ctx context.Context) error {
	database := m.database
	if err := CheckDatabase(database); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{m.checkCluster, m.createDatabase, m.checkReplicated, m.migrate, m.createViews, m.createRoles} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("migrate database %s: %w", database, err)
		}
	}
	return nil
}

type migrator struct {
	conn     Conn
	database string
	cluster  string // over whose servers tables are replicated; empty: none
	restore  bool   // tables that are missing are made again
	changed  bool   // views were replaced
}

func (m *migrator) table(name string) string { return schemas.Quote(m.database) + "." + name }

// createDatabase asks first, because a user who may not create databases may well use one.
func (m *migrator) createDatabase(ctx context.Context) error {
	found, err := m.strings(ctx, "SELECT name FROM system.databases WHERE name = ?", m.database)
	if err != nil || len(found) > 0 {
		return err
	}
	return m.define(ctx, "CREATE DATABASE IF NOT EXISTS "+schemas.Quote(m.database))
}

// migrate runs every migration that is not recorded. Statements may run again, so two workers, or one
// that was interrupted before its record, do no harm.
func (m *migrator) migrate(ctx context.Context) error {
	migrations, err := schemas.Migrations(m.database)
	if err != nil {
		return err
	}
	create := "CREATE TABLE IF NOT EXISTS " + m.table("schema_migrations") + ` (
		version UInt32, name String, applied_at DateTime('UTC') DEFAULT now()
	) ENGINE = ReplacingMergeTree ORDER BY version`
	if err := m.createTable(ctx, "schema_migrations", create); err != nil {
		return err
	}
	ran, missing, err := m.state(ctx, migrations)
	if err != nil {
		return err
	}
	known := uint32(migrations[len(migrations)-1].Version)
	if newest := slices.Max(append(ran, 0)); newest > known {
		return fmt.Errorf("its schema has version %d, this firstlight knows %d: use a newer firstlight", newest, known)
	}
	for _, migration := range missing {
		for _, statement := range migration.Statements {
			if err := m.define(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", migration.Name, err)
			}
		}
		record := "INSERT INTO " + m.table("schema_migrations") + " (version, name) SELECT ?, ?"
		if err := m.exec(ctx, record, migration.Version, migration.Name); err != nil {
			return fmt.Errorf("record %s: %w", migration.Name, err)
		}
	}
	return nil
}

// othersMigrate is how long tables may be missing between a migration of another worker that drops them and its record.
const othersMigrate = 10 * time.Second

// state returns the versions of the migrations that have run, and the migrations that have not. Where others migrate at the same time,
// tables may go that there were in the version which was read: they are lost only if the version stays.
func (m *migrator) state(ctx context.Context, migrations []schemas.Migration) (ran []uint32, missing []schemas.Migration, err error) {
	for began := time.Now(); ; {
		if ran, err = m.ran(ctx); err != nil {
			return nil, nil, err
		}
		var before []schemas.Migration
		missing = nil
		for _, migration := range migrations {
			if slices.Contains(ran, uint32(migration.Version)) {
				before = append(before, migration)
			} else {
				missing = append(missing, migration)
			}
		}
		err = m.complete(ctx, before)
		var lost *MissingTables
		if !errors.As(err, &lost) || len(missing) == 0 || time.Since(began) > othersMigrate {
			return ran, missing, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// MissingTables says that tables are gone that a database of its version has.
type MissingTables struct{ Tables []string }

func (e *MissingTables) Error() string {
	return fmt.Sprintf("it has lost the tables %s: `firstlight run --rebuild` makes them again and computes what they held", strings.Join(e.Tables, ", "))
}

// made finds the tables that a statement makes or drops.
var made = regexp.MustCompile("(?m)^(CREATE TABLE IF NOT EXISTS|DROP TABLE IF EXISTS) `?[A-Za-z0-9_]+`?\\.`?([a-z_]+)`?")

// tablesOf lists the tables that there are after some migrations.
func tablesOf(ran []schemas.Migration) (tables []string) {
	for _, migration := range ran {
		for _, statement := range migration.Statements {
			found := made.FindStringSubmatch(statement)
			switch {
			case found == nil:
			case strings.HasPrefix(found[1], "DROP"):
				tables = slices.DeleteFunc(tables, func(t string) bool { return t == found[2] })
			case !slices.Contains(tables, found[2]):
				tables = append(tables, found[2])
			}
		}
	}
	return tables
}

// complete returns MissingTables unless all tables of migrations that have run exist.
func (m *migrator) complete(ctx context.Context, ran []schemas.Migration) error {
	tables := tablesOf(ran)
	there, err := m.strings(ctx, "SELECT name FROM system.tables WHERE database = ?", m.database)
	if err != nil {
		return fmt.Errorf("look for the tables: %w", err)
	}
	tables = slices.DeleteFunc(tables, func(t string) bool { return slices.Contains(there, t) })
	if tables, err = m.joinTables(ctx, tables); err != nil {
		return err
	}
	if len(tables) == 0 {
		return nil
	}
	if !m.restore {
		return &MissingTables{tables}
	}
	for _, migration := range ran {
		for _, statement := range migration.Statements {
			if err := m.define(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", migration.Name, err)
			}
		}
	}
	return nil
}

// ran returns the versions of the migrations that have run.
func (m *migrator) ran(ctx context.Context) (versions []uint32, err error) {
	if err := m.await(ctx, "schema_migrations"); err != nil {
		return nil, err
	}
	rows, err := m.conn.Query(ctx, "SELECT DISTINCT version FROM "+m.table("schema_migrations"))
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var version uint32
		if err := rows.Scan(&version); err != nil {
			return nil, fmt.Errorf("read the schema's version: %w", err)
		}
		versions = append(versions, version)
	}
	return versions, rows.Err()
}

// createViews replaces the views that are missing or whose text, or definer, differs from what is recorded.
func (m *migrator) createViews(ctx context.Context) error {
	views, err := schemas.Views(m.database)
	if err != nil {
		return err
	}
	create := "CREATE TABLE IF NOT EXISTS " + m.table("schema_views") + ` (
		name String, hash String, replaced_at DateTime64(3, 'UTC') DEFAULT now64(3)
	) ENGINE = ReplacingMergeTree(replaced_at) ORDER BY name`
	if err := m.createTable(ctx, "schema_views", create); err != nil {
		return err
	}
	current, err := m.currentViews(ctx)
	if err != nil {
		return err
	}
	user, err := m.strings(ctx, "SELECT currentUser()")
	if err != nil {
		return err
	}
	var records []string
	for _, view := range views {
		sum := sha256.Sum256([]byte(user[0] + "\n" + view.SQL))
		hash := hex.EncodeToString(sum[:])
		if slices.Contains(current, view.Name+" "+hash) {
			continue
		}
		m.changed = true
		if m.cluster != "" { // servers that run the statement for this one do so as whoever they please
			view.SQL = strings.Replace(view.SQL, "DEFINER = CURRENT_USER", "DEFINER = "+schemas.Quote(user[0]), 1)
		}
		if err := m.replaceView(ctx, view); err != nil {
			return fmt.Errorf("view %s: %w", view.Name, err)
		}
		records = append(records, "('"+view.Name+"', '"+hash+"')")
	}
	if len(records) == 0 {
		return nil
	}
	// One insert for all, because each is a part to merge. Views whose record was not written are replaced again.
	record := "INSERT INTO " + m.table("schema_views") + " (name, hash) SELECT record.1, record.2 FROM (SELECT arrayJoin([" + strings.Join(records, ", ") + "]) AS record)"
	if err := m.exec(ctx, record); err != nil {
		return fmt.Errorf("record the views: %w", err)
	}
	return nil
}

// currentViews lists name and hash of the views that exist.
func (m *migrator) currentViews(ctx context.Context) ([]string, error) {
	return m.strings(ctx, "SELECT concat(name, ' ', hash) FROM "+m.table("schema_views")+
		" FINAL WHERE name IN (SELECT name FROM system.tables WHERE database = ? AND engine = 'View')", m.database)
}

// replaceView tries again when another worker replaces the same view at the same moment.
func (m *migrator) replaceView(ctx context.Context, view schemas.View) error {
	const tableExists, unknownTable = 57, 60
	var err error
	for range 10 {
		var exception *proto.Exception
		err = m.define(ctx, view.SQL)
		if err == nil || !errors.As(err, &exception) || exception.Code != tableExists && exception.Code != unknownTable {
			return err
		}
	}
	return err
}

// createRoles makes the roles for readers. Where the server keeps no roles in SQL, or this user may not make or grant
// them, that is left to whoever administers it: the numbers do not depend on roles.
func (m *migrator) createRoles(ctx context.Context) error {
	if m.cluster != "" && !m.changed {
		return nil // a start that changes nothing needs no other server
	}
	roles, err := schemas.Roles(m.database)
	if err != nil {
		return err
	}
	for _, role := range roles {
		for _, statement := range []string{role.Create(), role.Grant(m.database)} {
			if err := m.define(ctx, statement); err != nil && !refusesRoles(err) {
				return fmt.Errorf("role %s: %w", role.Name, err)
			}
		}
	}
	return nil
}

// refusesRoles tells whether a server said that roles are not ours to make.
func refusesRoles(err error) bool {
	const storageReadonly, accessDenied, unknownRole, noStorage = 495, 497, 511, 514
	var exception *proto.Exception
	return errors.As(err, &exception) && slices.Contains([]int32{storageReadonly, accessDenied, unknownRole, noStorage}, exception.Code)
}

func (m *migrator) exec(ctx context.Context, statement string, args ...any) error {
	return m.conn.Exec(ctx, statement, args...)
}

// strings returns the rows of a query with one text column.
func (m *migrator) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := m.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
