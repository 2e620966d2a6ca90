package main

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"

	"firstlight/pipeline/stream/streamtest"
)

// TestRunWaitsForItsServers: run begins before there is a NATS server, says what it waits for while one of three is there and cannot elect a
// leader, and goes on by itself once it can.
func TestRunWaitsForItsServers(t *testing.T) {
	b := newSharedBox(t)
	cluster := streamtest.NewCluster(t)
	nodes := []string{"n0", "n1", "n2"}
	for _, n := range nodes {
		cluster.Kill(n)
	}
	b.env["NATS_URL"], b.env["FIRSTLIGHT_START_WAIT"], b.env["FIRSTLIGHT_HTTP_ADDR"] = cluster.URL(), "1h", freeAddr(t)
	at := "http://" + b.env["FIRSTLIGHT_HTTP_ADDR"]
	stderr := &bytes.Buffer{}
	c := b.command(context.Background(), "run")
	c.Stderr = stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() { _ = c.Process.Kill(); <-ended })
	waitsFor := func(word string) {
		t.Helper()
		b.eventually("/readyz says "+word, func() bool {
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("run ended: %v\n%s", err, stderr)
			default:
			}
			return status200(at+"/healthz") == nil && status200(at+"/readyz") != nil && strings.Contains(get(t, at+"/readyz"), word)
		})
	}
	waitsFor(nats.ErrNoServers.Error())
	cluster.Start(nodes[0])
	waitsFor("JetStream")
	cluster.Start(nodes[1])
	cluster.Start(nodes[2])
	b.eventually("run is ready", func() bool { return status200(at+"/readyz") == nil })
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
	ended <- nil
	if n := strings.Count(stderr.String(), "NATS fails, trying again"); n == 0 {
		t.Errorf("the log does not say that it waits:\n%s", stderr)
	}
}

// TestCollectWaitsForItsServer: a collector that begins before there is a NATS server answers 503 and says what it waits for, and stores
// events once there is one.
func TestCollectWaitsForItsServer(t *testing.T) {
	b := newSharedBox(t)
	cluster := streamtest.NewCluster(t)
	nodes := []string{"n0", "n1", "n2"}
	for _, n := range nodes {
		cluster.Kill(n)
	}
	b.env["NATS_URL"], b.env["FIRSTLIGHT_START_WAIT"], b.env["FIRSTLIGHT_COLLECT_ADDR"], b.env["FIRSTLIGHT_WRITE_KEYS"] = cluster.URL(), "1h", freeAddr(t), plantedKey+" backend"
	at := "http://" + b.env["FIRSTLIGHT_COLLECT_ADDR"]
	d := b.startCollector()
	const said = `{"event":"signed_up","userId":"u1"}`
	b.eventually("/readyz says what it waits for", func() bool {
		return d.lives() && status200(at+"/healthz") == nil && strings.Contains(get(t, at+"/readyz"), nats.ErrNoServers.Error())
	})
	if code, text := post(at+"/v1/track", said); code != 503 || !strings.Contains(text, "not started yet") {
		t.Errorf("before there is a stream an event is answered %d %s, want 503", code, text)
	}
	for _, n := range nodes {
		cluster.Start(n)
	}
	b.eventually("an event is stored", func() bool {
		code, _ := post(at+"/v1/track", said)
		return d.lives() && code == 200
	})
}
