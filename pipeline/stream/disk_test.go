package stream_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// smallDisk is a disk of the test's own. It takes the right to mount one.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no disk of its own can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestDiskFull: an embedded server whose disk is full says so, once, and stores again by itself when there is room. What it had
// acknowledged is there.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "40m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "nats")
	s, err := stream.StartEmbedded("127.0.0.1:0", store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	core, logs := observer.New(zap.InfoLevel)
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() { stream.Keep(ctx, s, store, trouble.NewBoard(zap.New(core))); close(kept) }()
	t.Cleanup(func() { stop(); <-kept })
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	events, err := stream.Ensure(t.Context(), js, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := uint64(0)
	publish := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		ack, err := js.Publish(ctx, "events.web.u", make([]byte, 100<<10))
		if err == nil {
			acknowledged = ack.Sequence
		}
		return err
	}
	eventually(t, "the disk is full", func() bool { return publish() != nil })
	eventually(t, "the log says so", func() bool {
		return logs.FilterMessage("NATS fails, trying again").Len() == 1
	})
	if said := logs.All()[0].ContextMap()["error"].(string); !strings.Contains(said, "make room in "+store) {
		t.Errorf("the log says %q", said)
	}
	if err := publish(); err == nil {
		t.Log("a small message found room")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	since, before := time.Now(), acknowledged
	eventually(t, "messages are stored again", func() bool { return publish() == nil })
	t.Logf("stored again %s after there was room", time.Since(since).Round(time.Millisecond))
	eventually(t, "the log says that it works", func() bool { return logs.FilterMessage("NATS works again").Len() >= 1 })
	if _, err := events.GetMsg(t.Context(), before); err != nil {
		t.Errorf("message %d was acknowledged and is gone: %v", before, err)
	}
	info, err := events.Info(t.Context())
	if err != nil || info.State.LastSeq < acknowledged || info.State.NumDeleted > 0 {
		t.Errorf("%d were acknowledged, the stream has %+v (%v)", acknowledged, info.State, err)
	}
}
