// Package testprocess gives tests processes that never outlive them: also a test binary that is killed, or that runs into
// go test's timeout, leaves no server behind. On Linux the kernel sees to it; elsewhere the tests' own clean-up has to do.
package testprocess

import (
	"context"
	"os/exec"
)

// Command is exec.Command for a process that ends with this one, however this one ends.
func Command(name string, args ...string) *exec.Cmd {
	return bound(exec.Command(name, args...))
}

// CommandContext is exec.CommandContext for a process that ends with this one, however this one ends.
func CommandContext(ctx context.Context, name string, args ...string) *exec.Cmd {
	return bound(exec.CommandContext(ctx, name, args...))
}
