package stream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"firstlight/pipeline/trouble"
)

// A store of JetStream that could not write refuses every later write, without an answer to the publisher, until the server
// opens it again: see fileStore.setWriteErr and processJetStreamMsg of nats-server. Keep does that once there is room.

// serverLog listens to what the embedded server says: it is the only one that knows that a write failed.
type serverLog struct{ failed atomic.Pointer[error] }

func (l *serverLog) fail(format string, v []any) {
	err := fmt.Errorf(format, v...)
	l.failed.CompareAndSwap(nil, &err)
}

// The methods of server.Logger. What is no error is of no interest here.
func (l *serverLog) Noticef(string, ...any)         {}
func (l *serverLog) Warnf(string, ...any)           {}
func (l *serverLog) Debugf(string, ...any)          {}
func (l *serverLog) Tracef(string, ...any)          {}
func (l *serverLog) Errorf(format string, v ...any) { l.fail(format, v) }
func (l *serverLog) Fatalf(format string, v ...any) { l.fail(format, v) }

// storing is what the trouble of an embedded server is about.
const storing = "storing messages"

const (
	checkDisk = time.Second
	enough    = 1 << 20 // bytes that can be written for it to make sense to try again
)

// Keep looks after an embedded server with its data in dir until ctx ends: when it could not store something, because its disk was
// full for example, it says so, and opens the stores again as soon as there is room.
func Keep(ctx context.Context, s *server.Server, dir string, board *trouble.Board) {
	log := &serverLog{}
	s.SetLogger(log, false, false)
	config := s.JetStreamConfig()
	tick := time.NewTicker(checkDisk)
	defer tick.Stop()
	failed, again := 0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := broken(s, log)
		if err == nil {
			failed = 0
			board.Report(trouble.NATS, storing, nil)
			continue
		}
		board.Report(trouble.NATS, storing, fmt.Errorf("%w: make room in %s, it goes on by itself", err, dir))
		if time.Now().Before(again) || !room(dir) {
			continue
		}
		failed++
		again = time.Now().Add(trouble.Backoff(failed))
		log.failed.Store(nil)
		if err := reopen(s, config, dir); err != nil {
			log.fail("%w", []any{err})
		}
	}
}

// broken returns why the server stores nothing, nil when it does.
func broken(s *server.Server, log *serverLog) error {
	if err := log.failed.Load(); err != nil {
		return *err
	}
	if !s.JetStreamEnabled() {
		return errors.New("JetStream has stopped")
	}
	return nil
}

// room reports whether something can be written.
func room(dir string) bool {
	path := filepath.Join(dir, "room")
	defer os.Remove(path)
	return os.WriteFile(path, make([]byte, enough), 0o600) == nil
}

// reopen closes all stores and opens them.
func reopen(s *server.Server, config *server.JetStreamConfig, dir string) error {
	if err := s.ShutdownJetStream(); err != nil {
		return fmt.Errorf("close JetStream in %s: %w", dir, err)
	}
	c := *config
	c.StoreDir = dir
	if err := s.EnableJetStream(&c); err != nil {
		return fmt.Errorf("open JetStream in %s: %w", dir, err)
	}
	return nil
}

// capacity returns the size of the disk that holds dir, 0 when that is not known. What is reserved for streams must not depend on
// what happens to be free.
func capacity(dir string) int64 {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0
	}
	return int64(disk.Blocks) * int64(disk.Bsize)
}
