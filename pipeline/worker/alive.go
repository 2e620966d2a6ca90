package worker

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"

	"firstlight/pipeline/lease"
)

// processSpace names where this process runs as far as process IDs go: since a start of this machine, in one space of IDs. It is empty where
// that is not known.
var processSpace = sync.OnceValue(func() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
})

// dead reports whether a worker's process is known to have ended: then nobody need wait for its leases to end.
func dead(w *lease.Worker) bool {
	return w.Place != "" && w.Place == processSpace() && w.PID > 0 && errors.Is(syscall.Kill(w.PID, 0), syscall.ESRCH)
}
