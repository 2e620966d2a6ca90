package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/redact"
	"firstlight/sinks/clickhouse/engine"
)

// The data directory belongs to one process at a time, which holds its lock and serves what is in it. Other
// commands find in it where that process serves; when there is none, they serve it for themselves while they run.

// addresses says where the process that holds a data directory serves. Empty: it does not serve that.
type addresses struct {
	dir        string
	NATS       string `json:"nats"`
	ClickHouse string `json:"clickhouse"` // for readers
	Engine     string `json:"engine"`     // for those who know the secret
	HTTP       string `json:"http"`
	Collect    string `json:"collect,omitempty"`
}

func (a *addresses) url(scheme, addr, setting string) (string, error) {
	if addr == "" {
		return "", fmt.Errorf("the firstlight that uses the data directory has no embedded server for this: set %s as it does", setting)
	}
	return scheme + addr, nil
}

const (
	lockFile      = "lock"
	addressesFile = "addresses.json"
	secretFile    = "engine.secret" // opens the embedded engine; only the user that runs it may read it
	demoDir       = "demo"          // below the default data directory
	privateAddr   = "127.0.0.1:0"
	lockPatience  = 10 * time.Second
)

// takeData takes the data directory for this process and returns nil. A process that is just ending is waited
// for. Unless this process is to serve, it may instead return where another one does.
func (b *backends) takeData(ctx context.Context, serve bool) (*addresses, error) {
	if b.lock != nil || b.peer != nil {
		return b.peer, nil
	}
	dir := b.settings.DataDir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create FIRSTLIGHT_DATA_DIR: %w", err)
	}
	deadline := time.After(lockPatience)
	for {
		var err error
		if b.lock, err = lock(dir); err != nil {
			return nil, err
		}
		if b.lock != nil {
			return b.taken(serve)
		}
		if !serve {
			if b.peer = readAddresses(dir); b.peer != nil {
				return b.peer, nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			return nil, fmt.Errorf("another firstlight uses the data directory %s: stop it, or set FIRSTLIGHT_DATA_DIR to another folder", dir)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// taken is called with the lock held. A command that would look into the default directory, which nobody
// serves, goes to a demo that runs.
func (b *backends) taken(serve bool) (*addresses, error) {
	dir := b.settings.DataDir
	if !serve && !b.settings.dataDirGiven {
		if demo := runningDemo(filepath.Join(dir, demoDir)); demo != nil {
			fmt.Fprintln(os.Stderr, "firstlight: this is about the demo that runs; set FIRSTLIGHT_DATA_DIR for another")
			b.releaseData()
			b.peer, b.demo = demo, true
			return demo, nil
		}
	}
	if err := os.Remove(filepath.Join(dir, addressesFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old addresses: %w", err)
	}
	return nil, nil
}

// lock returns the locked file, nil when another process has it. The lock ends with the process.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of FIRSTLIGHT_DATA_DIR: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock FIRSTLIGHT_DATA_DIR: %w", err)
}

// findsDemo reports whether a command with these settings would look into a demo that runs: nothing names another place.
func (s *Settings) findsDemo() bool {
	return !s.dataDirGiven && s.ClickHouseURL == "" && readAddresses(s.DataDir) == nil && runningDemo(filepath.Join(s.DataDir, demoDir)) != nil
}

// ownCatalog is the catalog of the numbers that a command finds: a demo that runs has its own.
func (s *Settings) ownCatalog() (*catalog.Catalog, error) {
	if s.catalogGiven || !s.findsDemo() {
		return loadCatalog(s.Catalog)
	}
	return demoCatalog()
}

// runningDemo returns where a demo serves that holds dir.
func runningDemo(dir string) *addresses {
	if _, err := os.Stat(filepath.Join(dir, lockFile)); err != nil {
		return nil
	}
	free, err := lock(dir)
	if err != nil {
		return nil
	}
	if free != nil {
		_ = free.Close()
		return nil
	}
	return readAddresses(dir)
}

// announce tells other processes where this one serves.
func (b *backends) announce() error {
	if b.lock == nil {
		return nil
	}
	a := addresses{HTTP: b.httpAddr, Collect: b.collectAddr}
	if b.embedded != nil {
		a.NATS = b.embedded.Addr().String()
	}
	if b.engine != nil {
		a.ClickHouse, a.Engine = b.engine.Addr(), b.engine.OwnersAddr()
		if err := writeSecret(filepath.Join(b.settings.DataDir, secretFile), b.engine.Secret()); err != nil {
			return err
		}
	}
	data, err := json.Marshal(a)
	if err != nil {
		panic("BUG: addresses that are no JSON: " + err.Error())
	}
	path := filepath.Join(b.settings.DataDir, addressesFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the addresses served: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the addresses served: %w", err)
	}
	return nil
}

// writeSecret writes a file that nobody else could read at any time.
func writeSecret(path, secret string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // made with mode 0600
	if err == nil {
		_, err = f.WriteString(secret)
		if err = errors.Join(err, f.Close()); err == nil {
			err = os.Rename(f.Name(), path)
		}
	}
	if err != nil {
		return fmt.Errorf("write the secret of the embedded engine: %w", err)
	}
	return nil
}

// dsn is how this user reaches the embedded engine of the process that holds the data directory.
func (a *addresses) dsn() (string, error) {
	if _, err := a.url("http://", a.Engine, "CLICKHOUSE_URL"); err != nil {
		return "", err
	}
	secret, err := os.ReadFile(filepath.Join(a.dir, secretFile))
	if err != nil {
		return "", fmt.Errorf("read the secret of the embedded engine (run this as the user that runs firstlight): %w", err)
	}
	secrets.Add(redact.Whole, string(secret))
	return engine.DSN(a.Engine, string(secret), ""), nil
}

// readAddresses returns nil when nothing readable is there.
func readAddresses(dir string) *addresses {
	data, err := os.ReadFile(filepath.Join(dir, addressesFile))
	if err != nil {
		return nil
	}
	a := &addresses{dir: dir}
	if json.Unmarshal(data, a) != nil {
		return nil
	}
	return a
}

func (b *backends) releaseData() {
	if b.lock == nil {
		return
	}
	for _, file := range []string{addressesFile, secretFile} { // without the lock they mean nothing
		_ = os.Remove(filepath.Join(b.settings.DataDir, file))
	}
	_ = b.lock.Close()
	b.lock = nil
}
