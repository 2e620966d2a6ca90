package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/engine"
)

// backends are the servers a command uses: embedded ones that it starts, or running ones.
type backends struct {
	settings *Settings
	log      *zap.Logger

	nats     *nats.Conn
	js       jetstream.JetStream
	conn     driver.Conn
	dsn      string
	natsURL  string
	httpAddr string        // where this process serves HTTP; empty: nowhere
	lost     chan struct{} // closed when the NATS connection is, for good
	embedded *natsd.Server
	engine   *engine.Process
	lock     *os.File   // of the data directory
	peer     *addresses // where the process serves that holds the data directory; nil when it is this one
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
	b.lost = make(chan struct{})
	conn, err := nats.Connect(url, b.natsOptions()...)
	if err != nil {
		return fmt.Errorf("connect to NATS at %s (NATS_URL): %w", redact(url), err)
	}
	b.nats, b.natsURL = conn, url
	b.js, err = jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("use JetStream at %s: %w", redact(url), err)
	}
	if v := conn.ConnectedServerVersion(); !atLeast(v, 2, 11) {
		return fmt.Errorf("the NATS server is version %s, 2.11 is needed at least", v)
	}
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("JetStream at %s cannot be used (is it enabled for this account?): %w", redact(url), err)
	}
	return nil
}

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
	if b.embedded, err = stream.StartEmbedded(addr, filepath.Join(b.settings.DataDir, "nats")); err != nil {
		return "", err
	}
	return b.embedded.ClientURL(), nil
}

func (b *backends) natsOptions() []nats.Option {
	opts := []nats.Option{nats.Name("firstlight"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(5 * time.Second)}
	if b.settings.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(b.settings.NATSCreds))
	}
	if b.settings.NATSCA != "" {
		opts = append(opts, nats.RootCAs(b.settings.NATSCA))
	}
	if b.settings.NATSCert != "" || b.settings.NATSKey != "" {
		opts = append(opts, nats.ClientCert(b.settings.NATSCert, b.settings.NATSKey))
	}
	return append(opts,
		nats.ClosedHandler(func(*nats.Conn) { close(b.lost) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.log.Warn("NATS is away, reconnecting", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { b.log.Info("NATS is back", zap.String("url", redact(c.ConnectedUrl()))) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { b.log.Warn("NATS", zap.Error(err)) }))
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
	conn, err := clickhouse.Open(ctx, b.dsn)
	if err != nil {
		return err
	}
	b.conn = conn
	if !serve && b.engine == nil {
		return nil
	}
	return clickhouse.Migrate(ctx, conn, b.settings.Database)
}

// embeddedClickHouse returns the DSN of the embedded engine, started here unless another process serves it.
func (b *backends) embeddedClickHouse(ctx context.Context, serve bool) (string, error) {
	peer, err := b.takeData(ctx, serve)
	if err != nil {
		return "", err
	}
	if peer != nil {
		return peer.url("http://", peer.ClickHouse, "CLICKHOUSE_URL")
	}
	addr := b.settings.ClickHouseAddr
	if !serve {
		addr = privateAddr
	}
	b.engine, err = engine.Start(ctx, engine.Config{
		Library: b.settings.LibCHDB, Path: filepath.Join(b.settings.DataDir, "clickhouse"), Listen: addr,
		Log: b.logEngine,
	})
	if err != nil {
		if taken := portTaken(addr, "FIRSTLIGHT_CLICKHOUSE_ADDR to a free address, or CLICKHOUSE_URL to a running server"); taken != nil {
			return "", taken
		}
		return "", err
	}
	return b.engine.DSN(""), nil
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
