// Package testtool finds the programs that tests need beside Go, and says what becomes of a test without one.
package testtool

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Path returns the path of the first of some programs that is installed. Where there is none, the test ends as Missing says.
func Path(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, strings.Join(names, " or ")+" is not installed: .ci/run installs it")
	return ""
}

// Missing skips a test that needs what is not installed here. In continuous integration, which installs everything, it fails instead: a test
// that does not run there runs nowhere.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
