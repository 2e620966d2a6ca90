package chdb

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is the capacity of a result's pipe, in bytes; the default of 64 KiB costs many switches between the
// engine's threads and ours.
const pipeSize = 1 << 20

// widen enlarges a pipe, if the system allows.
func widen(pipe *os.File) { _, _ = unix.FcntlInt(pipe.Fd(), unix.F_SETPIPE_SZ, pipeSize) }
