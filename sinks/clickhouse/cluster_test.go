package clickhouse_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

// replicaOf is a connection to a server of a cluster, as far as one engine can be that: it holds itself for a replica of the cluster main.
// What is for a cluster only is parsed by the engine, and run in its form for one server; waiting for other replicas is noted.
type replicaOf struct {
	clickhouse.Conn
	t       *testing.T
	cluster string // of the connection

	mu      sync.Mutex
	shards  string // of system.clusters, rows of a VALUES clause
	macros  string // of system.macros
	defined []string
	awaited []string
	behind  map[string]error // why a table is not up to date
}

func newReplica(t *testing.T, conn clickhouse.Conn) *replicaOf {
	return &replicaOf{
		Conn: conn, t: t, cluster: "main", shards: "('main', 1), ('main', 1), ('wide', 1), ('wide', 2)", macros: "('shard'), ('replica')",
		behind: map[string]error{},
	}
}

func (r *replicaOf) OnCluster() string { return r.cluster }

var (
	comment   = regexp.MustCompile("(?m)^--.*\n")
	onCluster = regexp.MustCompile(" ON CLUSTER `main`(?: SYNC)?")
	engine    = regexp.MustCompile(`Replicated(ReplacingMergeTree)\('/clickhouse/tables/\{shard\}/[A-Za-z0-9_]+/[a-z_]+', '\{replica\}'(?:, )?([a-z_]*)\)`)
)

// parsed has the engine parse a statement as it is.
func (r *replicaOf) parsed(ctx context.Context, statement string) error {
	rows, err := r.Conn.Query(ctx, "SELECT formatQuery(?)", strings.ReplaceAll(statement, "?", "''"))
	if err != nil {
		return err
	}
	return rows.Close()
}

func (r *replicaOf) Exec(ctx context.Context, statement string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if table, is := strings.CutPrefix(statement, "SYSTEM SYNC REPLICA "); is {
		if err := r.parsed(ctx, statement); err != nil {
			r.t.Errorf("%s: %v", statement, err)
		}
		table = strings.TrimSuffix(table[strings.IndexByte(table, '.')+1:], " LIGHTWEIGHT")
		r.awaited = append(r.awaited, table)
		return r.behind[table]
	}
	if onCluster.MatchString(statement) {
		if err := r.parsed(ctx, statement); err != nil {
			r.t.Errorf("%s: %v", statement, err)
		}
		r.defined = append(r.defined, statement)
	}
	alone := engine.ReplaceAllString(onCluster.ReplaceAllString(statement, ""), "${1}(${2})")
	alone = strings.ReplaceAll(alone, "ReplacingMergeTree()", "ReplacingMergeTree")
	return r.Conn.Exec(ctx, alone, args...)
}

func (r *replicaOf) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if strings.Contains(query, "clusterAllReplicas") {
		if err := r.parsed(ctx, query); err != nil {
			r.t.Errorf("%s: %v", query, err)
		}
	}
	return r.Conn.Query(ctx, strings.NewReplacer(
		"system.clusters", "values('cluster String, shard_num UInt32', "+r.shards+")",
		"system.macros", "values('macro String', "+r.macros+")",
		"clusterAllReplicas(`main`, system.tables)", "system.tables",
		"engine LIKE ?", "'Replicated' || engine LIKE ?", "engine NOT LIKE ?", "'Replicated' || engine NOT LIKE ?",
	).Replace(query), args...)
}

// TestMigrateACluster: all tables and views are made on every server, in statements that the engine parses, and a second start asks no
// other server for anything.
func TestMigrateACluster(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	const database = "On_a_cluster"
	t.Cleanup(func() { _ = conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+database) })
	r := newReplica(t, conn)
	if err := clickhouse.Migrate(t.Context(), r, database); err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	for _, statement := range r.defined {
		words := strings.Fields(comment.ReplaceAllString(statement, ""))
		made[strings.Join(words[:2], " ")]++
	}
	views, err := schemas.Views(database)
	if err != nil {
		t.Fatal(err)
	}
	if made["CREATE DATABASE"] != 1 || made["CREATE TABLE"] < 15 || made["CREATE OR"] != len(views) || made["DROP TABLE"] != 1 ||
		made["CREATE ROLE"] != 2 || made["GRANT ON"] != 2 {
		t.Errorf("made on the cluster: %v", made)
	}
	for _, statement := range r.defined {
		if strings.Contains(statement, "CURRENT_USER") {
			t.Errorf("whose rights a view has is left to each server: %.80s", statement)
		}
	}
	r.defined = nil
	if err := clickhouse.Migrate(t.Context(), r, database); err != nil {
		t.Fatal(err)
	}
	if len(r.defined) > 0 {
		t.Errorf("a second start waits for other servers to do %q", r.defined)
	}
}

// TestAClusterThatCannotBe is refused in one line that says what to do.
func TestAClusterThatCannotBe(t *testing.T) {
	s := newScript(t)
	for name, test := range map[string]struct {
		change func(*replicaOf)
		want   string
	}{
		"unknown":      {func(r *replicaOf) { r.cluster = "mian" }, `FIRSTLIGHT_CLICKHOUSE_CLUSTER is "mian", which the server does not know: it knows main, wide (system.clusters)`},
		"shards":       {func(r *replicaOf) { r.cluster = "wide" }, `a cluster of 2 shards: Firstlight's tables are replicated and not sharded`},
		"no macro":     {func(r *replicaOf) { r.macros = "('shard')" }, `the server has no macro "replica"`},
		"made for one": {func(*replicaOf) {}, "was made for one server and is not replicated: set FIRSTLIGHT_DATABASE to another one"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, s.conn)
			test.change(r)
			var conn clickhouse.Conn = r
			if name == "made for one" {
				conn = plain{r}
			}
			err := clickhouse.Migrate(t.Context(), conn, s.database)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, not one line with %q", err, test.want)
			}
		})
	}
	replicated := newReplica(t, s.conn)
	replicated.cluster = ""
	err := clickhouse.Migrate(t.Context(), replicated, s.database)
	if want := "is replicated: set FIRSTLIGHT_CLICKHOUSE_CLUSTER to the cluster of its servers"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("replicated tables without the setting: %v", err)
	}
}

// plain shows the engines of tables as they are.
type plain struct{ *replicaOf }

func (p plain) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if strings.Contains(query, "engine LIKE ?") {
		return p.Conn.Query(ctx, query, args...)
	}
	return p.replicaOf.Query(ctx, query, args...)
}

// TestAServerThatJoins gets the tables that the others have, as they have them.
func TestAServerThatJoins(t *testing.T) {
	s := newScript(t)
	r := &joining{replicaOf: newReplica(t, s.conn), definition: "CREATE TABLE " + s.database + ".purged (`sequence` UInt64, `generation` UInt32, `since` UInt8) ENGINE = ReplacingMergeTree(generation) ORDER BY sequence"}
	s.exec("DROP TABLE %s.purged SYNC", s.database)
	if err := clickhouse.Migrate(t.Context(), r, s.database); err != nil {
		t.Fatal(err)
	}
	if got := s.text("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'purged' ORDER BY position"); got != "sequence\ngeneration\nsince\n" {
		t.Errorf("the table was made with the columns %q", got)
	}
	s.exec("DROP TABLE %s.purged SYNC", s.database)
	r.definition = ""
	if err := clickhouse.Migrate(t.Context(), r, s.database); err == nil || !strings.Contains(err.Error(), "it has lost the tables purged") {
		t.Errorf("a table that no server has: %v", err)
	}
}

// joining is a server that lacks a table which another one has.
type joining struct {
	*replicaOf
	definition string
}

func (j *joining) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if strings.Contains(query, "clusterAllReplicas") {
		if err := j.parsed(ctx, query); err != nil {
			j.t.Errorf("%s: %v", query, err)
		}
		return j.Conn.Query(ctx, "SELECT ? AS definition WHERE definition != ''", j.definition)
	}
	return j.replicaOf.Query(ctx, query, args...)
}
