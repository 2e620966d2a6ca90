package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"firstlight/schemas"
)

// On a cluster (Connection.Cluster) tables are replicated: what one server has stored, the others get a moment later.

// clusterOf returns the cluster of a connection, empty when it has none.
func clusterOf(conn Conn) string {
	if c, ok := conn.(interface{ OnCluster() string }); ok {
		return c.OnCluster()
	}
	return ""
}

// setting is what this is about, for people.
const setting = "FIRSTLIGHT_CLICKHOUSE_CLUSTER"

// checkCluster refuses a cluster that the server does not know, that has shards, or without the macros by which its replicas are told apart.
func (m *migrator) checkCluster(ctx context.Context) error {
	if m.cluster == "" {
		return nil
	}
	shards, err := m.strings(ctx, "SELECT toString(uniqExact(shard_num)) FROM system.clusters WHERE cluster = ? HAVING count() > 0", m.cluster)
	if err != nil {
		return fmt.Errorf("look for the cluster %s: %w", m.cluster, err)
	}
	if len(shards) == 0 {
		known, err := m.strings(ctx, "SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster")
		if err != nil {
			return fmt.Errorf("look for the cluster %s: %w", m.cluster, err)
		}
		return fmt.Errorf("%s is %q, which the server does not know: it knows %s (system.clusters)", setting, m.cluster, orNone(known))
	}
	if shards[0] != "1" {
		return fmt.Errorf("%s is %q, a cluster of %s shards: Firstlight's tables are replicated and not sharded, name a cluster of one shard", setting, m.cluster, shards[0])
	}
	macros, err := m.strings(ctx, "SELECT macro FROM system.macros")
	if err != nil {
		return fmt.Errorf("look for the macros of the server: %w", err)
	}
	for _, macro := range schemas.ReplicaMacros {
		if !slices.Contains(macros, macro) {
			return fmt.Errorf("%s is set, and the server has no macro %q: give each server <macros><shard>…</shard><replica>…</replica></macros> in its configuration, the replica's name its own", setting, macro)
		}
	}
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// checkReplicated refuses tables of the other kind: what was made for one server is not replicated afterwards, and what is replicated must
// not be read as if it were all there.
func (m *migrator) checkReplicated(ctx context.Context) error {
	const engines = "SELECT name FROM system.tables WHERE database = ? AND engine LIKE ? AND engine NOT LIKE ? ORDER BY name"
	with, without := "Replicated%MergeTree", ""
	advice := "set " + setting + " to the cluster of its servers"
	if m.cluster != "" {
		with, without = "%MergeTree", "Replicated%"
		advice = "set FIRSTLIGHT_DATABASE to another one, which is computed from the stream, or take " + setting + " away"
	}
	found, err := m.strings(ctx, engines, m.database, with, without)
	if err != nil {
		return fmt.Errorf("look at the tables' engines: %w", err)
	}
	migrations, err := schemas.Migrations(m.database)
	if err != nil {
		return err
	}
	own := tablesOf(migrations)
	found = slices.DeleteFunc(found, func(table string) bool { return !slices.Contains(own, table) })
	switch {
	case len(found) == 0:
		return nil
	case m.cluster != "":
		return fmt.Errorf("its table %s was made for one server and is not replicated: %s", found[0], advice)
	}
	return fmt.Errorf("its table %s is replicated: %s", found[0], advice)
}

// define runs a statement of the schema, in its form for a cluster where there is one.
func (m *migrator) define(ctx context.Context, statement string) error {
	statement, err := schemas.OnCluster(m.cluster, statement)
	if err != nil {
		return err
	}
	return m.exec(ctx, statement)
}

// createTable makes a table. On a cluster it looks first whether this server has it: a statement for all servers waits for those that
// are down.
func (m *migrator) createTable(ctx context.Context, name, statement string) error {
	if m.cluster != "" {
		found, err := m.strings(ctx, "SELECT name FROM system.tables WHERE database = ? AND name = ?", m.database, name)
		if err != nil || len(found) > 0 {
			return err
		}
	}
	return m.define(ctx, statement)
}

// joinTables makes tables on this server that other servers of the cluster have, as they have them, and returns those that none has.
func (m *migrator) joinTables(ctx context.Context, tables []string) (left []string, err error) {
	if m.cluster == "" {
		return tables, nil
	}
	for _, table := range tables {
		definitions, err := m.strings(ctx, definitionElsewhere(m.cluster), m.database, table)
		if err != nil {
			return nil, fmt.Errorf("ask the cluster's other servers for the table %s: %w", table, err)
		}
		if len(definitions) == 0 {
			left = append(left, table)
			continue
		}
		if err := m.exec(ctx, strings.Replace(definitions[0], "CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)); err != nil {
			return nil, fmt.Errorf("make the table %s as other servers have it: %w", table, err)
		}
	}
	return left, nil
}

// definitionElsewhere asks all servers for the statement that makes a table.
func definitionElsewhere(cluster string) string {
	return "SELECT create_table_query FROM clusterAllReplicas(" + schemas.Quote(cluster) +
		", system.tables) WHERE database = ? AND name = ? LIMIT 1 SETTINGS skip_unavailable_shards = 1"
}

// await has this server take in what others have stored in a table of a cluster.
func (m *migrator) await(ctx context.Context, table string) error {
	if m.cluster == "" {
		return nil
	}
	return m.exec(ctx, syncReplica(m.table(table)))
}

// syncReplica is the statement that waits until a server holds all rows of a table that any server had stored before.
func syncReplica(table string) string { return "SYSTEM SYNC REPLICA " + table + " LIGHTWEIGHT" }

// upToDate is a connection to a cluster for reading what any worker has stored: before a server is asked, it takes in what the
// others had stored by then. A server that cannot is left for the next one.
type upToDate struct {
	*Connection
	database string
	named    *regexp.Regexp // finds the tables and views of the database in a query
	tables   []string
}

func newUpToDate(c *Connection, database string) *upToDate {
	migrations, err := schemas.Migrations(database)
	if err != nil {
		panic("BUG: the schema's own files: " + err.Error())
	}
	return &upToDate{c, database, regexp.MustCompile(regexp.QuoteMeta("`"+database+"`.") + "`?([a-z_]+)"), tablesOf(migrations)}
}

// under lists the tables whose rows a query reads: those that it names, all of them where it names a view.
func (u *upToDate) under(query string) (tables []string) {
	for _, found := range u.named.FindAllStringSubmatch(query, -1) {
		switch {
		case !slices.Contains(u.tables, found[1]):
			return u.tables
		case !slices.Contains(tables, found[1]):
			tables = append(tables, found[1])
		}
	}
	return tables
}

func (u *upToDate) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	return try(ctx, u.Connection, func(s *server) (driver.Rows, error) {
		if err := u.await(ctx, s, query); err != nil {
			return nil, err
		}
		return s.Conn.Query(ctx, query, args...)
	})
}

func (u *upToDate) QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error) {
	return try(ctx, u.Connection, func(s *server) (io.ReadCloser, error) {
		if err := u.await(ctx, s, query); err != nil {
			return nil, err
		}
		return s.Conn.QueryFormat(ctx, format, query, args...)
	})
}

// syncPatience is how long a server may take to get what others have stored, in seconds.
const syncPatience = 10

// timeoutExceeded is the server's code for waiting in vain.
const timeoutExceeded = 159

// await waits until a server holds what a query reads.
func (u *upToDate) await(ctx context.Context, s *server, query string) error {
	patient := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"receive_timeout": syncPatience}))
	for _, table := range u.under(query) {
		err := s.Conn.Exec(patient, syncReplica(schemas.Quote(u.database)+"."+table))
		if exception := (*proto.Exception)(nil); errors.As(err, &exception) && exception.Code == timeoutExceeded {
			return &behindError{s.addr, table, err}
		}
		if err != nil {
			return fmt.Errorf("wait until ClickHouse at %s has all of %s: %w", s.addr, table, err)
		}
	}
	return nil
}

// behindError is that a server does not get what others have stored.
type behindError struct {
	server, table string
	cause         error
}

func (e *behindError) Error() string {
	return fmt.Sprintf("ClickHouse at %s is behind: it has not got what other servers stored in %s for %d s (system.replication_queue says why)", e.server, e.table, syncPatience)
}

func (e *behindError) Unwrap() error { return e.cause }
