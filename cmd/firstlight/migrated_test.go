package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/engine"
)

// newMigratedBox returns a box whose embedded engine has Firstlight's tables and views already: making them takes the engine four times as
// long as starting, and is tested where a box has none.
func newMigratedBox(t *testing.T) *box {
	t.Helper()
	b := newBox(t)
	data, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(b.env["FIRSTLIGHT_DATA_DIR"], "clickhouse"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	return b
}

// migrated is the folder of what an embedded engine keeps of a database after a migration, made once. Its engine has ended.
var migrated = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(ownFolder, "migrated")
	library, err := engine.FindLibrary(os.Getenv("FIRSTLIGHT_LIBCHDB"))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := engine.Start(ctx, engine.Config{Library: library, Helper: binary + "-clickhouse", Path: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		return "", err
	}
	conn, err := clickhouse.Open(ctx, p.DSN("default"))
	if err == nil {
		err = clickhouse.Migrate(ctx, conn, "firstlight")
		conn.Close()
	}
	if err != nil {
		_ = p.Stop(ctx) // the other error says more
		return "", fmt.Errorf("making the tables and views of boxes: %w", err)
	}
	return dir, p.Stop(ctx)
})
