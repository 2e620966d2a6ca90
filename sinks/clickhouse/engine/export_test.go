package engine

import (
	"fmt"
	"os"
	"strings"
)

// KillForTest ends the helper as `kill -9` does.
func KillForTest(p *Process) { _ = p.current().command.Process.Kill() }

// MemoryForTest is the largest memory the helper has used, in bytes; false where the system does not tell.
func MemoryForTest(p *Process) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.current().command.Process.Pid))
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil || !ok {
		return 0, false
	}
	return kilobytes << 10, true
}
