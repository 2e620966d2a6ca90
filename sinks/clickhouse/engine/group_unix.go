//go:build unix

package engine

import (
	"os/exec"
	"syscall"
)

// setGroup gives the helper a process group of its own: a terminal's Ctrl-C reaches this process only, which
// flushes and then stops the helper.
func setGroup(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
