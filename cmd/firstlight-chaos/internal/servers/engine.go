package servers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/sinks/clickhouse/engine"
)

// Engine is the embedded ClickHouse engine.
type Engine struct {
	process *engine.Process
	log     *os.File
	db      driver.Conn
}

// Database is where the workers keep their numbers.
const Database = "firstlight"

// StartEngine starts the engine with its data in dir. helper is empty where firstlight-clickhouse stands beside this program.
func StartEngine(ctx context.Context, dir, helper string) (*Engine, error) {
	log, err := os.Create(filepath.Join(dir, "clickhouse.log"))
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	p, err := engine.Start(ctx, engine.Config{
		Library: os.Getenv("FIRSTLIGHT_LIBCHDB"), Helper: helper, Path: filepath.Join(dir, "clickhouse"), Listen: "127.0.0.1:0",
		Log: func(line string) { fmt.Fprintln(log, line) },
	})
	if err != nil {
		log.Close()
		return nil, err
	}
	e := &Engine{process: p, log: log}
	options, err := clickhouse.ParseDSN(p.DSN("default") + "?read_timeout=5m")
	if err == nil {
		e.db, err = clickhouse.Open(options)
	}
	if err != nil {
		e.Stop()
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	return e, nil
}

// Addr is where requests with the secret are served.
func (e *Engine) Addr() string { return e.process.OwnersAddr() }

// DSNAt is the engine's data source name for who dials another address.
func (e *Engine) DSNAt(addr string) string {
	return strings.Replace(e.process.DSN(""), e.process.OwnersAddr(), addr, 1)
}

// DB is a connection past all links.
func (e *Engine) DB() driver.Conn { return e.db }

// Kill ends the engine's process as kill -9 does. It starts again by itself, with the data it had.
func (e *Engine) Kill() error {
	if err := syscall.Kill(e.process.Pid(), syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the engine: %w", err)
	}
	return nil
}

// Full has the engine refuse to store anything because its disk is full, or not.
func (e *Engine) Full(ctx context.Context, full bool) error {
	rows, err := e.db.Query(ctx, "SELECT name FROM system.tables WHERE database = '"+Database+"' AND engine LIKE '%MergeTree'")
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	defer rows.Close()
	what := "RESET SETTING min_free_disk_bytes_to_perform_insert"
	if full {
		what = "MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000000"
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return fmt.Errorf("list the tables: %w", err)
		}
		if err := e.db.Exec(ctx, "ALTER TABLE "+Database+"."+name+" "+what); err != nil {
			return fmt.Errorf("change how much of its disk the engine leaves free: %w", err)
		}
	}
	return rows.Err()
}

// Stop ends the engine.
func (e *Engine) Stop() {
	if e.db != nil {
		_ = e.db.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = e.process.Stop(ctx) // its data is thrown away
	_ = e.log.Close()
}
