package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/engine"
)

const database = "firstlight"

// servers are an embedded JetStream in this process and an embedded ClickHouse engine beside it.
type servers struct {
	nats   *natsd.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	engine *engine.Process
	db     *clickhouse.Connection
}

func startServers(ctx context.Context, dir string) (*servers, error) {
	s := &servers{}
	var err error
	if s.nats, err = stream.StartEmbedded("127.0.0.1:0", natsDir(dir)); err != nil {
		return nil, err
	}
	if s.conn, err = nats.Connect(s.nats.ClientURL()); err != nil {
		return nil, fmt.Errorf("connect to embedded NATS: %w", err)
	}
	if s.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncMaxPending(4096)); err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	s.engine, err = engine.Start(ctx, engine.Config{Library: os.Getenv("FIRSTLIGHT_LIBCHDB"), Path: filepath.Join(dir, "clickhouse"), Listen: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	if s.db, err = clickhouse.Open(ctx, s.engine.DSN("")); err != nil {
		return nil, err
	}
	return s, clickhouse.Migrate(ctx, s.db, database)
}

func (s *servers) stop() {
	s.conn.Close()
	s.nats.Shutdown()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = s.engine.Stop(ctx) // the folder is thrown away
}

func newWorker(ctx context.Context, s *servers, c *catalog.Catalog, partitions int, log *zap.Logger) (*worker.Worker, error) {
	events, err := stream.Ensure(ctx, s.js, "EVENTS")
	if err != nil {
		return nil, err
	}
	dead, err := stream.EnsureDead(ctx, s.js)
	if err != nil {
		return nil, err
	}
	return &worker.Worker{
		Catalog: c, Partitions: partitions, FlushInterval: time.Second, Events: events,
		Dead:  &stream.DeadLetters{JS: s.js, Stream: dead, Source: "EVENTS", MaxSize: int(s.conn.MaxPayload())},
		Store: clickhouse.NewStore(s.db, database), Log: log,
	}, nil
}

// engineCPU is the processor time the engine's process has used, 0 where the system does not tell.
func (s *servers) engineCPU() time.Duration { return cpuOf(s.engine.Pid()) }

// cpuOf is the processor time of another process, 0 where that cannot be read.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	const ticksPerSecond = 100 // USER_HZ of Linux
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}
