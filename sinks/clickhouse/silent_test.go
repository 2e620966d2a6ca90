package clickhouse

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"firstlight/sinks/clickhouse/enginetest"
)

// TestConnectionDiesWithoutAWord: a statement on a connection that swallows everything fails once read_timeout is over, and the next one
// takes another connection.
func TestConnectionDiesWithoutAWord(t *testing.T) {
	before, server, _ := strings.Cut(enginetest.Start(t), "@")
	at, silent := swallowing(t, server)
	conn, err := Open(t.Context(), before+"@"+at+"?read_timeout=5s")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := conn.Exec(ctx, "SELECT 1"); err == nil || ctx.Err() != nil {
		t.Fatalf("a statement that nobody answers ends with %v, and its context with %v", err, ctx.Err())
	}
	silent.Store(false)
	for err = conn.Exec(ctx, "SELECT 1"); err != nil && ctx.Err() == nil; err = conn.Exec(ctx, "SELECT 1") {
	}
	if err != nil {
		t.Errorf("once the server is back: %v", err)
	}
}

// swallowing passes connections on to a server: while it is silent, it takes what comes and hands on nothing.
func swallowing(t *testing.T, to string) (at string, silent *atomic.Bool) {
	t.Helper()
	silent = &atomic.Bool{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	pass := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			if silent.Load() {
				_, _ = io.Copy(io.Discard, from) // for good, as a connection that has died
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			go pass(server, client)
			go pass(client, server)
		}
	}()
	return listener.Addr().String(), silent
}

func TestReadPatience(t *testing.T) {
	for dsn, want := range map[string]time.Duration{
		"http://127.0.0.1:8123": readPatience, "clickhouse://127.0.0.1:9000": readPatience, "clickhouse://127.0.0.1:9000?read_timeout=7m": 7 * time.Minute,
	} {
		o, err := options(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if o.ReadTimeout != want {
			t.Errorf("%s waits %v for an answer, want %v", dsn, o.ReadTimeout, want)
		}
	}
}
