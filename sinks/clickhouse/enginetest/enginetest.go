// Package enginetest gives tests a real ClickHouse: one embedded engine per test binary, a fresh database per
// test. A missing engine library fails the test and says what to do; `make engine` installs it.
package enginetest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/sinks/clickhouse/engine"
)

const startPatience = 2 * time.Minute

// shared is the test binary's engine. It is never stopped: it ends, and removes its data, with this process.
var shared = sync.OnceValues(func() (*engine.Process, error) {
	dir, err := os.MkdirTemp("", "firstlight-engine-")
	if err != nil {
		return nil, err
	}
	helper, err := BuildHelper(dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	p, err := engine.Start(ctx, engine.Config{
		Library:   os.Getenv("FIRSTLIGHT_LIBCHDB"),
		Helper:    helper,
		Path:      dir,
		Listen:    "127.0.0.1:0",
		Temporary: true,
	})
	if err != nil {
		os.RemoveAll(dir)
	}
	return p, err
})

// programsVariable names the folder in which `make build` has put this module's programs: `make test` says it, so that they are linked once
// and not by each package's tests.
const programsVariable = "FIRSTLIGHT_TEST_PROGRAMS"

// Programs returns a folder that holds programs of this module, named as in cmd: dir, into which it builds them, unless they are built.
func Programs(dir string, names ...string) (folder string, err error) {
	if built := os.Getenv(programsVariable); built != "" {
		return built, nil
	}
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "firstlight/cmd/"+name)
	}
	command := exec.Command("go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", strings.Join(names, ", "), err, output)
	}
	return dir, nil
}

// BuildHelper builds the helper into dir unless it is built, and returns its path.
func BuildHelper(dir string) (string, error) {
	if err := touchSources(); err != nil {
		return "", err
	}
	folder, err := Programs(dir, "firstlight-clickhouse")
	return filepath.Join(folder, "firstlight-clickhouse"), err
}

// touchSources opens the helper's sources, which makes `go test` run a test again when they change.
func touchSources() error {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	sources := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), "cmd", "firstlight-clickhouse")
	return filepath.WalkDir(sources, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	})
}

// Build is BuildHelper for a test.
func Build(t testing.TB, dir string) string {
	t.Helper()
	path, err := BuildHelper(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Start returns the shared engine's DSN without a database, "http://user:secret@127.0.0.1:PORT", starting it at first use.
func Start(t testing.TB) (dsnBase string) {
	t.Helper()
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(p.DSN(""), "/")
}

var databases atomic.Uint64

// Database creates a database for the test, dropped when the test ends, and connects to it. dsn is what
// CLICKHOUSE_URL would hold.
func Database(t testing.TB) (conn driver.Conn, database, dsn string) {
	t.Helper()
	base := Start(t)
	database = fmt.Sprintf("test_%d", databases.Add(1))
	admin := open(t, base+"/default")
	if err := admin.Exec(context.Background(), "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin.Exec(context.Background(), "DROP DATABASE IF EXISTS "+database+" SYNC"); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	dsn = base + "/" + database
	return open(t, dsn), database, dsn
}

// open connects, closing at the test's end.
func open(t testing.TB, dsn string) driver.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
