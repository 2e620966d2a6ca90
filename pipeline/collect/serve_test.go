package collect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// serve serves the bench's collector to clients who are not well-behaved, and returns where.
func (b *bench) serve(p patience) (addr string) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.serve(ctx, l, b.collector, zap.NewNop()) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
	return l.Addr().String()
}

// dial connects and sends a text.
func (b *bench) dial(addr, text string) net.Conn {
	b.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		b.t.Fatal(err)
	}
	return conn
}

// answered reads one answer.
func answered(t *testing.T, conn net.Conn) int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(enough)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

const head = "POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + serverKey + "\r\n"

var good = fmt.Sprintf("%sContent-Length: 26\r\n\r\n%s", head, `{"event":"e","userId":"u"}`)

// TestSlowClients are cut off, and give back what they held.
func TestSlowClients(t *testing.T) {
	b := newBench(t, testKeys, nil)
	hasty := usual
	hasty.head, hasty.whole, hasty.idle = 100*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond
	addr := b.serve(hasty)
	for name, text := range map[string]string{
		"nothing":       "",
		"half a head":   "POST /v1/track HTTP/1.1\r\nHost:",
		"half a body":   head + "Content-Length: 400000\r\n\r\n{",
		"half a chunk":  head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"half a gzip":   head + "Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f\x8b",
		"no end of it":  "GET /" + strings.Repeat("x", 100),
		"two at a time": "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\nPOST",
	} {
		conn := b.dial(addr, text)
		if err := conn.SetReadDeadline(time.Now().Add(enough)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stays open: %v", name, err)
		}
	}
	b.eventually("everything is given back", func() bool { return b.collector.inFlight.Load() == 0 })
}

// TestManyClients: a thousand that only connect, and as many that announce much and send little, hold little, and others are served.
func TestManyClients(t *testing.T) {
	b := newBench(t, testKeys, nil)
	addr := b.serve(usual)
	const clients = 400 // of each sort; a process has some thousand files
	for range clients {
		b.dial(addr, "")
		b.dial(addr, head+"Content-Length: 400000\r\n\r\n{")
	}
	b.eventually("all bodies are waited for", func() bool { return b.collector.inFlight.Load() == clients*firstPiece })
	if code := answered(t, b.dial(addr, good)); code != 200 {
		t.Errorf("somebody else is answered %d", code)
	}
}

// TestConnectionsAreBounded: more wait until one is closed.
func TestConnectionsAreBounded(t *testing.T) {
	b := newBench(t, testKeys, nil)
	narrow := usual
	narrow.connections = 2
	addr := b.serve(narrow)
	first, second := b.dial(addr, good), b.dial(addr, good)
	if answered(t, first) != 200 || answered(t, second) != 200 {
		t.Fatal("the first two are not served")
	}
	third := b.dial(addr, good)
	first.Close()
	if code := answered(t, third); code != 200 {
		t.Errorf("the third is answered %d", code)
	}
}

// TestLargeBodies are refused before they are held.
func TestLargeBodies(t *testing.T) {
	b := newBench(t, testKeys, nil)
	addr := b.serve(usual)
	if code := answered(t, b.dial(addr, head+"Content-Length: 10000000\r\n\r\n")); code != 413 {
		t.Errorf("an announced one is answered %d", code)
	}
	conn := b.dial(addr, head+"Transfer-Encoding: chunked\r\n\r\n")
	go func() {
		for range 1000 { // until the server has had enough
			if _, err := io.WriteString(conn, "2710\r\n"+strings.Repeat(" ", 10_000)+"\r\n"); err != nil {
				return
			}
		}
	}()
	if code := answered(t, conn); code != 413 {
		t.Errorf("one in pieces is answered %d", code)
	}
	b.eventually("everything is given back", func() bool { return b.collector.inFlight.Load() == 0 })
	if !b.collector.room.TryAcquire(maxInFlight) {
		t.Error("there is less room than before")
	}
	if got := b.post("/v1/track", `{"event":"e","userId":"u"}`); got.code != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("without room: %d %s", got.code, got.text)
	}
}

// TestStop: requests that have begun are answered before the server ends.
func TestStop(t *testing.T) {
	b := newBench(t, testKeys, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, b.collector, zap.NewNop()) }()
	conn := b.dial(l.Addr().String(), head+"Content-Length: 26\r\n\r\n{")
	b.eventually("the request has begun", func() bool { return b.collector.inFlight.Load() > 0 })
	stop()
	b.eventually("no more connections are taken", func() bool {
		probe, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			probe.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(conn, `"event":"e","userId":"u"}`); err != nil {
		t.Fatal(err)
	}
	if code := answered(t, conn); code != 200 {
		t.Errorf("answers %d", code)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
