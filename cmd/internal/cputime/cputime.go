// Package cputime tells the processor time this process has used, which a busy machine does not stretch as it does the clock.
package cputime

import (
	"syscall"
	"time"
)

// Used is the time used so far, in the process and in the kernel for it.
func Used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("BUG: getrusage of this process: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
