package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"firstlight/pipeline/redact"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/engine"
)

// backends are the servers a command uses: embedded ones that it starts, or running ones.
type backends struct {
	settings *Settings
	patience time.Duration // with servers that are not there yet; 0: none
	log      *zap.Logger
	board    *trouble.Board // what fails now; see trouble

	nats        *nats.Conn
	js          jetstream.JetStream
	conn        *clickhouse.Connection
	dsn         string
	natsURL     string
	httpAddr    string        // where this process serves HTTP; empty: nowhere
	tryAt       string        // where the page's form sends an event, http://host:port; empty: it has none
	collectAddr string        // where it takes events over HTTP
	lost        chan struct{} // closed when the NATS connection is, for good
	embedded    *natsd.Server
	engine      *engine.Process
	entrance    *entrance                 // over HTTP
	lock        *os.File                  // of the data directory
	demo        bool                      // that process is a demo which nobody named
	rebuild     bool                      // everything is computed again: what is missing is made again
	restored    bool                      // tables were missing, and are made again
	onlyReads   bool                      // what is open to any reader is enough
	live        atomic.Pointer[nats.Conn] // the connection to NATS where there is one: the client itself does not say while it connects again
	stored      atomic.Bool               // all that was to be stored is
	peer        *addresses                // where the process serves that holds the data directory; nil when it is this one
}

// open connects to both servers.
func (b *backends) open(ctx context.Context, serve bool) error {
	if err := b.openNATS(ctx, serve); err != nil {
		return err
	}
	return b.openClickHouse(ctx, serve)
}

// openNATS connects to JetStream. serve is set by commands that own the data directory while they run; the
// others start an embedded server only if nobody else serves it.
func (b *backends) openNATS(ctx context.Context, serve bool) error {
	url := b.settings.NATSURL
	if url == "" {
		var err error
		if url, err = b.embeddedNATS(ctx, serve); err != nil {
			return err
		}
	}
	return b.await(ctx, trouble.NATS, "connecting", func() error { return b.connectNATS(ctx, url) })
}

// await does what a start needs. Where that is patient, an error that passes is tried again.
func (b *backends) await(ctx context.Context, at, what string, try func() error) error {
	return b.trouble().RetryFor(ctx, b.patience, at, what, try)
}

// connectNATS connects to a server, and looks whether it can be used.
func (b *backends) connectNATS(ctx context.Context, url string) error {
	b.lost = make(chan struct{})
	conn, err := nats.Connect(url, b.natsOptions()...)
	if err != nil {
		return fmt.Errorf("connect to NATS at %s (NATS_URL): %w", redact.Addresses(url), err)
	}
	if err := b.useNATS(ctx, conn, url); err != nil {
		conn.Close()
		b.trouble().Forget(trouble.NATS, connection)
		return err
	}
	b.nats = conn
	return nil
}

func (b *backends) useNATS(ctx context.Context, conn *nats.Conn, url string) (err error) {
	b.natsURL = url
	b.js, err = jetstream.New(conn, jetstream.WithPublishAsyncTimeout(publishPatience))
	if err != nil {
		return fmt.Errorf("use JetStream at %s: %w", redact.Addresses(url), err)
	}
	if v := conn.ConnectedServerVersion(); !atLeast(v, 2, 11) {
		return fmt.Errorf("the NATS server is version %s, 2.11 is needed at least", v)
	}
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("JetStream at %s cannot be used (is it enabled for this account?): %w", redact.Addresses(url), err)
	}
	return nil
}

func (b *backends) natsDir() string { return filepath.Join(b.settings.DataDir, "nats") }

// publishPatience is how long a message may wait for its acknowledgement: one that a server with a full disk never acknowledges
// must not hold up those after it.
const publishPatience = time.Minute

// embeddedNATS returns the URL of the embedded server, started here unless another process serves it.
func (b *backends) embeddedNATS(ctx context.Context, serve bool) (string, error) {
	peer, err := b.takeData(ctx, serve)
	if err != nil {
		return "", err
	}
	if peer != nil {
		return peer.url("nats://", peer.NATS, "NATS_URL")
	}
	addr := b.settings.NATSAddr
	if !serve { // nobody else is to use it
		addr = privateAddr
	}
	freeSoon(ctx, addr)
	if b.embedded, err = stream.StartEmbedded(addr, b.natsDir()); err != nil {
		return "", err
	}
	return b.embedded.ClientURL(), nil
}

// A server that hangs, or that a broken network has cut off, ends no connection: it is asked for a sign of life this often, and given up
// for another one when it owes as many. The client's own two minutes would have a worker stand still for six.
const (
	askNATS  = 5 * time.Second
	mostOwed = 2
)

func (b *backends) natsOptions() []nats.Option {
	opts := []nats.Option{
		nats.Name("firstlight"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(5 * time.Second), nats.CustomInboxPrefix(b.settings.NATSInbox),
		nats.PingInterval(askNATS), nats.MaxPingsOutstanding(mostOwed),
	}
	if b.settings.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(b.settings.NATSCreds))
	}
	if b.settings.NATSCA != "" {
		opts = append(opts, nats.RootCAs(b.settings.NATSCA))
	}
	if b.settings.NATSCert != "" || b.settings.NATSKey != "" {
		opts = append(opts, nats.ClientCert(b.settings.NATSCert, b.settings.NATSKey))
	}
	b.trouble() // made before the client's goroutines ask for it
	lost := b.lost
	rare := onceAMinute(b.log)
	return append(opts,
		nats.ClosedHandler(func(*nats.Conn) { close(lost) }),
		nats.DisconnectErrHandler(func(conn *nats.Conn, err error) {
			b.live.CompareAndSwap(conn, nil)
			if err != nil {
				b.trouble().Report(trouble.NATS, connection, err)
			}
		}),
		nats.ConnectHandler(func(conn *nats.Conn) { b.live.Store(conn) }),
		nats.ReconnectHandler(func(conn *nats.Conn) {
			b.live.Store(conn)
			b.trouble().Report(trouble.NATS, connection, nil)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { rare.Warn("NATS: " + trouble.Line(err)) }))
}

// isConnected reports whether there is a connection to NATS, at once.
func (b *backends) isConnected() bool { return b.live.Load() != nil }

// connection is what the trouble of a lost connection is about.
const connection = "the connection"

// trouble is where everything that this process tries again says so.
func (b *backends) trouble() *trouble.Board {
	if b.board == nil {
		b.board = trouble.NewBoard(b.log)
	}
	return b.board
}

// onceAMinute lets each message of a log through once a minute.
func onceAMinute(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return zapcore.NewSamplerWithOptions(c, time.Minute, 1, 0) }))
}

// openClickHouse connects to ClickHouse. It migrates the database when it serves it: a command that only looks into
// the database of others changes nothing there.
func (b *backends) openClickHouse(ctx context.Context, serve bool) error {
	b.dsn = b.settings.ClickHouseURL
	if b.dsn == "" {
		var err error
		if b.dsn, err = b.embeddedClickHouse(ctx, serve); err != nil {
			return err
		}
	}
	var conn *clickhouse.Connection
	err := b.await(ctx, trouble.ClickHouse, "connecting", func() (err error) {
		conn, err = clickhouse.Open(ctx, b.dsn)
		return err
	})
	if err != nil {
		return err
	}
	b.conn, conn.Cluster = conn, b.settings.Cluster
	if all := conn.Servers(); conn.Using() != all[0] {
		b.log.Warn("the first ClickHouse servers named cannot be used: another one is", zap.String("using", conn.Using()), zap.Strings("named", all))
	}
	rare := onceAMinute(b.log) // while none can be used, each is tried in turn
	conn.Moved = func(from, to string, because error) {
		rare.Warn("a ClickHouse server cannot be used: another one is", zap.String("was", from), zap.String("using", to), zap.String("because", trouble.Line(because)))
	}
	if b.settings.ClickHouseURL != "" && !b.onlyReads && clickhouse.ForReaders(ctx, conn) {
		return usagef("CLICKHOUSE_URL names the port of another firstlight's embedded engine, which only lets people read: leave it empty (status, backtest and the like find that firstlight by its FIRSTLIGHT_DATA_DIR, and firstlight query reads either way), or set it to a ClickHouse server")
	}
	if !serve && b.engine == nil {
		return nil
	}
	const migrating = "the tables and views"
	err = b.await(ctx, trouble.ClickHouse, migrating, func() error { return clickhouse.Migrate(ctx, conn, b.settings.Database) })
	missing := (*clickhouse.MissingTables)(nil)
	switch lost := errors.As(err, &missing); {
	case lost && b.rebuild:
		b.restored = true
		return b.await(ctx, trouble.ClickHouse, migrating, func() error { return clickhouse.Restore(ctx, conn, b.settings.Database) })
	case lost && !serve:
		return nil // what is left may be looked at
	}
	return err
}

// embeddedClickHouse returns the DSN of the embedded engine, started here unless another process serves it.
func (b *backends) embeddedClickHouse(ctx context.Context, serve bool) (string, error) {
	peer, err := b.takeData(ctx, serve)
	if err != nil {
		return "", err
	}
	if peer != nil {
		return peer.dsn()
	}
	addr := b.settings.ClickHouseAddr
	if !serve {
		addr = privateAddr
	}
	freeSoon(ctx, addr)
	readers, err := b.settings.readers()
	if err != nil {
		return "", err
	}
	b.engine, err = engine.Start(ctx, engine.Config{
		Library: b.settings.LibCHDB, Path: filepath.Join(b.settings.DataDir, "clickhouse"), Listen: addr,
		Log: b.logEngine, Readers: readers,
	})
	if err != nil {
		if taken := portTaken(addr, "FIRSTLIGHT_CLICKHOUSE_ADDR to a free address, or CLICKHOUSE_URL to a running server"); taken != nil {
			return "", taken
		}
		return "", err
	}
	secrets.Add(redact.Whole, b.engine.Secret())
	return b.engine.DSN(""), nil
}

// readers says what the embedded engine's port opens to anybody on this machine.
func (s *Settings) readers() (engine.Readers, error) {
	roles, err := schemas.Roles(s.Database)
	if err != nil {
		return engine.Readers{}, err
	}
	r := engine.Readers{Database: s.Database, Password: s.ReaderPassword}
	for _, role := range roles {
		if role.Name == schemas.Aggregates {
			r.Views = role.Views
		}
	}
	for _, role := range roles {
		for _, view := range role.Views {
			if !slices.Contains(r.Views, view) {
				r.People = append(r.People, view)
			}
		}
	}
	return r, nil
}

// shownClickHouse is where people find the numbers.
func (b *backends) shownClickHouse() string {
	if b.engine != nil {
		return "http://" + b.engine.Addr() + "/"
	}
	scheme, _, _ := strings.Cut(b.dsn, "://")
	return scheme + "://" + b.conn.Using()
}

// logEngine passes on what the engine's helper says. Why it ends is returned as an error as well.
func (b *backends) logEngine(line string) {
	level := zap.InfoLevel
	if strings.HasPrefix(line, "firstlight-clickhouse: ") {
		level = zap.DebugLevel
	}
	b.log.Log(level, line, zap.String("from", "engine"))
}

// close ends connections and what this process started, embedded servers last.
func (b *backends) close() {
	if b.nats != nil {
		b.nats.Close()
	}
	if b.conn != nil {
		_ = b.conn.Close() // everything was flushed or is written again
	}
	if b.embedded != nil {
		b.embedded.Shutdown()
		b.embedded.WaitForShutdown()
	}
	if b.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.engine.Stop(ctx); err != nil {
			b.log.Warn("the ClickHouse engine did not end by itself", zap.Error(err))
		}
	}
	b.releaseData()
}

// atLeast reports whether a version such as 2.11.3 is major.minor or newer.
func atLeast(version string, major, minor int) bool {
	var a, m int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &m); err != nil {
		return false
	}
	return a > major || a == major && m >= minor
}

// portPatience is how long a port may be taken by a process that is ending: an embedded server whose parent was killed ends a
// moment after it.
var portPatience = 5 * time.Second // tests have more

// freeSoon waits a few seconds until an address can be listened on, if that is not so at once. What is still wrong then is for who
// listens to say.
func freeSoon(ctx context.Context, addr string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(portPatience); time.Now().Before(deadline); {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			_ = l.Close() // it only asked
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// portTaken says which setting moves a listen address, if it is taken.
func portTaken(addr, change string) error {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		_ = l.Close() // it only asked
		return nil
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Errorf("cannot listen on %s (%w): set %s", addr, err, change)
}
