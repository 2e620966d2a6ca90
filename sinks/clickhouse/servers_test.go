package clickhouse_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

// door leads to the engine at an address of its own, and can be shut and opened again.
type door struct {
	t    *testing.T
	addr string
	to   string

	mu     sync.Mutex
	listen net.Listener
	open   map[net.Conn]bool
}

func newDoor(t *testing.T, to string) *door {
	d := &door{t: t, addr: "127.0.0.1:0", to: to, open: map[net.Conn]bool{}}
	d.unlock()
	t.Cleanup(d.shut)
	return d
}

func (d *door) unlock() {
	d.t.Helper()
	l, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listen, d.addr = l, l.Addr().String()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go d.pass(in)
		}
	}()
}

func (d *door) pass(in net.Conn) {
	out, err := net.Dial("tcp", d.to)
	if err != nil {
		in.Close()
		return
	}
	d.mu.Lock()
	d.open[in], d.open[out] = true, true
	d.mu.Unlock()
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			in.Close()
			out.Close()
		}()
	}
}

// shut ends the server, for whoever comes by this door.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listen.Close()
	for c := range d.open {
		c.Close()
	}
	clear(d.open)
}

// through is the engine's DSN with other addresses.
func through(t *testing.T, hosts ...string) string {
	t.Helper()
	u, err := url.Parse(enginetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s://%s@%s?dial_timeout=2m", u.Scheme, u.User, strings.Join(hosts, ","))
}

func engineAddr(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(enginetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// one reads the only row of a query.
func one[T any](t *testing.T, conn *clickhouse.Connection, query string) (value T) {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return value
}

func insert(t *testing.T, conn *clickhouse.Connection, table string, between func()) error {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO "+table+" (n)")
	if err != nil {
		return err
	}
	if err := batch.Append(uint64(1)); err != nil {
		t.Fatal(err)
	}
	if between != nil {
		between()
	}
	return batch.Send()
}

// TestAServerThatIsDeadAtTheStart is passed over.
func TestAServerThatIsDeadAtTheStart(t *testing.T) {
	dead := newDoor(t, engineAddr(t))
	dead.shut()
	conn, err := clickhouse.Open(t.Context(), through(t, dead.addr, engineAddr(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.Using() != engineAddr(t) || one[uint8](t, conn, "SELECT 7") != 7 {
		t.Errorf("it uses %s, the engine is at %s", conn.Using(), engineAddr(t))
	}
	_, err = clickhouse.Open(t.Context(), through(t, dead.addr, dead.addr))
	if err == nil || strings.Count(err.Error(), "cannot reach ClickHouse at "+dead.addr) != 2 || strings.Contains(err.Error(), "\n") {
		t.Errorf("of two dead servers: %v", err)
	}
}

// TestAServerThatDiesLater: the next one is used from then on, for reads and writes, and the first one is left alone when it is back.
func TestAServerThatDiesLater(t *testing.T) {
	_, database, _ := enginetest.Database(t)
	a, b := newDoor(t, engineAddr(t)), newDoor(t, engineAddr(t))
	conn, err := clickhouse.Open(t.Context(), through(t, a.addr, b.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var moves []string
	conn.Moved = func(from, to string, because error) { moves = append(moves, from+" "+to) }
	table := database + ".rows"
	if err := conn.Exec(t.Context(), "CREATE TABLE "+table+" (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, conn, table, nil); err != nil || conn.Using() != a.addr {
		t.Fatalf("it uses %s, not the first server: %v", conn.Using(), err)
	}
	a.shut()
	if n := one[uint64](t, conn, "SELECT count() FROM "+table); n != 1 || conn.Using() != b.addr {
		t.Errorf("%d rows are read at %s", n, conn.Using())
	}
	a.unlock()
	if err := insert(t, conn, table, nil); err != nil || conn.Using() != b.addr {
		t.Errorf("with the first server back it uses %s: %v", conn.Using(), err)
	}
	if err := insert(t, conn, table, b.shut); err == nil {
		t.Error("rows were written to a server that was gone")
	}
	if err := insert(t, conn, table, nil); err != nil || conn.Using() != a.addr {
		t.Errorf("after both had died in turn it uses %s: %v", conn.Using(), err)
	}
	if n := one[uint64](t, conn, "SELECT count() FROM "+table); n != 3 {
		t.Errorf("%d rows were written in 3 inserts that succeeded", n)
	}
	if want := fmt.Sprint([]string{a.addr + " " + b.addr, b.addr + " " + a.addr}); fmt.Sprint(moves) != want {
		t.Errorf("it moved %v, not %v", moves, want)
	}
	if err := conn.Exec(t.Context(), "SELECT throwIf(1)"); err == nil || conn.Using() != a.addr {
		t.Errorf("a statement that is wrong had another server be used: %v", err)
	}
}
