package clickhouse

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// Connection is a connection to ClickHouse. Where several servers are named, which must be replicas of each other, one of them is used
// for everything, until it fails: then the next one is, and stays so when the one before is back. So what was written is read where it
// was written, as long as that can be. It is safe for concurrent use.
//
// clickhouse-go's own choice among several addresses is made for each of its connections anew, with one patience for all of
// them: reads would go to another server than writes, and one that does not answer would hide those after it.
type Connection struct {
	// Cluster is the one over whose servers Firstlight's tables are replicated; empty: they are not. It is set before the first statement.
	Cluster string
	// Moved is told when another server is used from now on, and why. It may be nil; it is set before the first statement.
	Moved func(from, to string, because error)

	servers    []*server
	compressed bool // what is sent is compressed by blocks, which ready-made data are not
	mu         sync.Mutex
	used       int
}

// server is one that was named.
type server struct {
	driver.Conn
	addr, user string
	mu         sync.Mutex
	checked    bool
}

// OnCluster returns the cluster.
func (c *Connection) OnCluster() string { return c.Cluster }

// Servers lists the addresses of all servers, and Using says which one is used.
func (c *Connection) Servers() (all []string) {
	for _, s := range c.servers {
		all = append(all, s.addr)
	}
	return all
}

// Using returns the address of the server that is used.
func (c *Connection) Using() string { return c.current().addr }

func (c *Connection) current() *server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.servers[c.used]
}

// leave has the next server be used, unless another caller has seen to that.
func (c *Connection) leave(s *server, because error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.servers) == 1 || c.servers[c.used] != s {
		return
	}
	c.used = (c.used + 1) % len(c.servers)
	if c.Moved != nil {
		c.Moved(s.addr, c.servers[c.used].addr, because)
	}
}

// try does something on the server that is used; where that is of no use, on the others in turn, each once.
func try[T any](ctx context.Context, c *Connection, do func(*server) (T, error)) (result T, err error) {
	for range c.servers {
		s := c.current()
		if err = s.check(ctx); err == nil {
			result, err = do(s)
		}
		if err == nil || ctx.Err() != nil || !ofNoUse(err) {
			return result, err
		}
		c.leave(s, err)
	}
	return result, err
}

// check looks once whether the server is one that Firstlight can use.
func (s *server) check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked {
		return nil
	}
	version, err := s.ServerVersion()
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		return &connectError{server: s.addr, user: s.user, cause: err}
	}
	if err := checkVersion(version.Version); err != nil {
		return &unfitError{s.addr, err}
	}
	if err := checkAnalyzer(ctx, s); err != nil {
		return &unfitError{s.addr, err}
	}
	s.checked = true
	return nil
}

// unfitError is that a server cannot be used as it is.
type unfitError struct {
	server string
	cause  error
}

func (e *unfitError) Error() string { return "ClickHouse at " + e.server + " " + e.cause.Error() }
func (e *unfitError) Unwrap() error { return e.cause }

// The server's codes for a replica that has lost its Keeper: it takes no rows, and may be cut off from the others.
const (
	tableIsReadOnly = 242
	noKeeper        = 225
	keeperException = 999
)

// ofNoUse reports whether an error is about the server and not about what it was asked: another one may do it.
func ofNoUse(err error) bool {
	var (
		exception *proto.Exception
		network   net.Error
		connect   *connectError
		unfit     *unfitError
		answer    *clickhouse.HTTPError
		behind    *behindError
	)
	switch {
	case errors.As(err, &behind):
		return true
	case errors.As(err, &exception):
		return slices.Contains([]int32{tableIsReadOnly, noKeeper, keeperException}, exception.Code)
	case errors.As(err, &answer):
		return answer.StatusCode >= http.StatusBadGateway // a proxy without a server
	case errors.As(err, &connect), errors.As(err, &unfit), errors.As(err, &network):
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, clickhouse.ErrAcquireConnTimeout)
}

// Query runs a query that returns rows.
func (c *Connection) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	return try(ctx, c, func(s *server) (driver.Rows, error) { return s.Conn.Query(ctx, query, args...) })
}

// QueryFormat runs a query whose result comes in a format of ClickHouse's, over HTTP.
func (c *Connection) QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error) {
	return try(ctx, c, func(s *server) (io.ReadCloser, error) { return s.Conn.QueryFormat(ctx, format, query, args...) })
}

// InsertFormat inserts data in a format of ClickHouse's, over HTTP, where these need not be compressed. It may run twice, each time with
// data of its own.
func (c *Connection) InsertFormat(ctx context.Context, format, query string, data func() io.Reader) error {
	if c.compressed {
		return clickhouse.ErrFormatNativeUnsupported
	}
	_, err := try(ctx, c, func(s *server) (none struct{}, err error) {
		return none, s.Conn.InsertFormat(ctx, format, query, data())
	})
	return err
}

// Exec runs a statement that may run twice: when the server is lost in its midst, another one runs it.
func (c *Connection) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := try(ctx, c, func(s *server) (none struct{}, err error) { return none, s.Conn.Exec(ctx, statement, args...) })
	return err
}

// PrepareBatch begins an insert, which belongs to one server: when that is lost, the next insert goes to another one.
func (c *Connection) PrepareBatch(ctx context.Context, query string, options ...driver.PrepareBatchOption) (driver.Batch, error) {
	return try(ctx, c, func(s *server) (driver.Batch, error) {
		b, err := s.Conn.PrepareBatch(ctx, query, options...)
		return &batch{Batch: b, of: c, server: s}, err
	})
}

type batch struct {
	driver.Batch
	of     *Connection
	server *server
}

func (b *batch) Send() error {
	err := b.Batch.Send()
	if err != nil && ofNoUse(err) {
		b.of.leave(b.server, err)
	}
	return err
}

// ServerVersion returns the version of the server that is used.
func (c *Connection) ServerVersion() (*driver.ServerVersion, error) {
	return try(context.Background(), c, func(s *server) (*driver.ServerVersion, error) { return s.Conn.ServerVersion() })
}

// Close closes the connections to all servers.
func (c *Connection) Close() (err error) {
	for _, s := range c.servers {
		err = errors.Join(err, s.Conn.Close())
	}
	return err
}

// oneHost returns a DSN with the first of its hosts alone, and the others.
func oneHost(dsn string) (first string, others []string) {
	scheme, rest, found := strings.Cut(dsn, "://")
	if !found {
		return dsn, nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	user := strings.LastIndexByte(rest[:end], '@') + 1
	hosts := strings.Split(rest[user:end], ",")
	return scheme + "://" + rest[:user] + hosts[0] + rest[end:], hosts[1:]
}
