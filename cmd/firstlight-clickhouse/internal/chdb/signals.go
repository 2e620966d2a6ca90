package chdb

// libchdb sets the deadly signals to their default action whenever a connection is opened, which would kill this
// process at the next nil check or preemption. So their actions are saved before such calls and put back after.

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"github.com/ebitengine/purego"
)

// guarded are the signals libchdb touches and Go needs.
var guarded = []syscall.Signal{
	syscall.SIGILL, syscall.SIGABRT, syscall.SIGFPE, syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGURG,
	syscall.SIGSYS, syscall.SIGTRAP, syscall.SIGTSTP,
}

// sigactionSize bounds struct sigaction on all supported systems (152 bytes on glibc, 16 on macOS).
const sigactionSize = 256

var (
	signalMutex sync.Mutex
	sigaction   func(signal int32, action, old *byte) int32
)

// guardSignals runs f and restores the signal actions that were in force before it.
func guardSignals(f func() error) error {
	signalMutex.Lock()
	defer signalMutex.Unlock()
	if sigaction == nil {
		if err := bindSigaction(); err != nil {
			return err
		}
	}
	saved := make([][sigactionSize]byte, len(guarded))
	for i, s := range guarded {
		sigaction(int32(s), nil, &saved[i][0])
	}
	defer func() {
		for i, s := range guarded {
			sigaction(int32(s), &saved[i][0], nil)
		}
	}()
	return f()
}

func bindSigaction() error {
	name := "libc.so.6"
	if runtime.GOOS == "darwin" {
		name = "/usr/lib/libSystem.B.dylib"
	}
	libc, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("loading the C library: %w", err)
	}
	purego.RegisterLibFunc(&sigaction, libc, "sigaction")
	return nil
}
