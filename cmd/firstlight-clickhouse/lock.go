package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPatience is how long lockDir waits.
const lockPatience = 10 * time.Second

// lockDir takes the exclusive lock of a data directory, creating the directory if need be. It waits a while, and
// says so, for another process to release it. The lock ends with this process, however it ends.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("creating the engine's data directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "firstlight.lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("locking the engine's data directory: %w", err)
	}
	patience := time.NewTimer(lockPatience)
	for told := false; ; told = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking the engine's data directory: %w", err)
		}
		if !told {
			fmt.Fprintf(os.Stderr, "the data directory %s is in use: waiting for it up to %v\n", dir, lockPatience)
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("stopped while waiting for the data directory")
		case <-patience.C:
			return nil, fmt.Errorf("the data directory %s is in use by another process: stop that one, or choose another directory", dir)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
