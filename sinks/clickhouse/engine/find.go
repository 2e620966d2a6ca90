package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

const helperName = "firstlight-clickhouse"

// FindLibrary returns given when it exists, or else the library below .engine in the folder of this executable,
// the one above it, the working directory, or one of that one's parents.
func FindLibrary(given string) (string, error) {
	const advice = "run `make engine`, or set FIRSTLIGHT_LIBCHDB to a libchdb.so, or CLICKHOUSE_URL to a ClickHouse server"
	if given != "" {
		if _, err := os.Stat(given); err != nil {
			return "", fmt.Errorf("the embedded engine's library %s cannot be read: %s", given, advice)
		}
		return given, nil
	}
	file := "libchdb.so"
	if runtime.GOOS == "darwin" {
		file = "libchdb.dylib"
	}
	for _, dir := range searchPath() {
		// On macOS some builds keep the Linux name.
		for _, name := range []string{file, "libchdb.so"} {
			found, _ := filepath.Glob(filepath.Join(dir, ".engine", "node_modules", "@chdb", "*", name))
			if len(found) > 0 {
				return found[0], nil
			}
		}
	}
	return "", fmt.Errorf("the embedded engine's library is missing: %s", advice)
}

// searchPath lists the folders that may hold .engine.
func searchPath() []string {
	var dirs []string
	if executable, err := realExecutable(); err == nil {
		dir := filepath.Dir(executable)
		dirs = append(dirs, dir, filepath.Dir(dir))
	}
	dir, err := os.Getwd()
	for err == nil {
		dirs = append(dirs, dir)
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return dirs
}

// findHelper returns given, or else the helper beside this executable.
func findHelper(given string) (string, error) {
	path := given
	if path == "" {
		executable, err := realExecutable()
		if err != nil {
			return "", fmt.Errorf("finding %s: %w", helperName, err)
		}
		path = filepath.Join(filepath.Dir(executable), helperName)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the embedded engine's program %s is missing: run `make build`, or set CLICKHOUSE_URL to a ClickHouse server", path)
	}
	return path, nil
}

// realExecutable is the path of this program, links resolved.
func realExecutable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
