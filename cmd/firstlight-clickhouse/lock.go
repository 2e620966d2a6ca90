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

// lockDir takes the exclusive lock of a data directory, creating the directory if need be. It waits until ctx
// ends for another process to release it. The lock ends with this process, however it ends.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("creating the engine's data directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "firstlight.lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("locking the engine's data directory: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking the engine's data directory: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the data directory %s is in use by another process: stop it, or choose another directory", dir)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
