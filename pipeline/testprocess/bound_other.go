//go:build !linux

package testprocess

import "os/exec"

func bound(c *exec.Cmd) *exec.Cmd { return c }
