package clickhouse

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"firstlight/sinks/clickhouse/enginetest"
)

// follower is a server that holds itself for a replica: it notes which tables it takes in before it is asked, and may be behind.
type follower struct {
	driver.Conn
	log    []string
	behind string // the table that it does not get
}

func (f *follower) Exec(ctx context.Context, statement string, args ...any) error {
	table, is := strings.CutPrefix(statement, "SYSTEM SYNC REPLICA ")
	if !is {
		return f.Conn.Exec(ctx, statement, args...)
	}
	table = strings.TrimSuffix(table[strings.IndexByte(table, '.')+1:], " LIGHTWEIGHT")
	f.log = append(f.log, table)
	if table == f.behind {
		return &proto.Exception{Code: timeoutExceeded, Message: "SYNC REPLICA: command timed out"}
	}
	return nil
}

func (f *follower) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	f.log = append(f.log, "read")
	return f.Conn.Query(ctx, query, args...)
}

// TestReadsAreUpToDate: a store on a cluster has a server take in the tables that a query reads, all of them for a view, before it reads
// them, and asks another server where one is behind.
func TestReadsAreUpToDate(t *testing.T) {
	conn, database, _ := enginetest.Database(t)
	if err := Migrate(t.Context(), conn, database); err != nil {
		t.Fatal(err)
	}
	one, two := &follower{Conn: conn}, &follower{Conn: conn}
	c := &Connection{Cluster: "main", servers: []*server{{Conn: one, addr: "one", checked: true}, {Conn: two, addr: "two", checked: true}}}
	store := NewStore(c, database)
	read := func() {
		t.Helper()
		if _, err := store.In(1).Checkpoints(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if want := []string{"checkpoints", "read"}; !slices.Equal(one.log, want) {
		t.Errorf("checkpoints were read after %q", one.log)
	}
	one.log = nil
	if _, err := store.Checkpoints(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"checkpoints", "generations", "read"}; !slices.Equal(one.log, want) {
		t.Errorf("checkpoints of the generation in force were read after %q", one.log)
	}
	one.log = nil
	if _, err := store.Annotations(t.Context(), time.UnixMilli(1), time.UnixMilli(2)); err != nil {
		t.Fatal(err)
	}
	if len(one.log) < 15 || one.log[len(one.log)-1] != "read" || !slices.Contains(one.log, "annotation_log") || slices.Contains(one.log, "notes") {
		t.Errorf("a view was read after %q", one.log)
	}
	one.log, one.behind = nil, "checkpoints"
	read()
	if !slices.Equal(one.log, []string{"checkpoints"}) || !slices.Equal(two.log, []string{"checkpoints", "read"}) || c.Using() != "two" {
		t.Errorf("with the first server behind it did %q, the second %q", one.log, two.log)
	}
	two.behind = "checkpoints"
	_, err := store.In(1).Checkpoints(t.Context())
	if behind := (*behindError)(nil); !errors.As(err, &behind) || !strings.Contains(err.Error(), "is behind: it has not got what other servers stored in checkpoints") {
		t.Errorf("with both servers behind: %v", err)
	}
	if NewStore(&Connection{servers: c.servers}, database).conn == store.conn {
		t.Error("without a cluster a store waits too")
	}
}

// TestSyncIsParsed by the engine, which has no replica to run it on.
func TestSyncIsParsed(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	rows, err := conn.Query(t.Context(), "SELECT formatQuery(?)", syncReplica("`firstlight`.users"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil || text != "SYSTEM SYNC REPLICA firstlight.users LIGHTWEIGHT" {
			t.Errorf("it reads %q: %v", text, err)
		}
	}
}
