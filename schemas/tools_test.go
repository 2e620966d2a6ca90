package schemas_test

import (
	"os"
	"os/exec"
	"testing"

	"firstlight/pipeline/testtool"
)

// tool runs a program that continuous integration installs. Elsewhere a test without it is skipped.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), testtool.Path(t, name), args...)
	command.Dir = dir
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, output)
	}
	return string(output)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
