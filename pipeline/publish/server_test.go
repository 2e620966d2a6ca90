package publish

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bench is a real NATS server with an event stream, and a folder for files.
type bench struct {
	t      testing.TB
	ctx    context.Context
	server *server.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	sink   *JetStream
	dir    string
	stderr bytes.Buffer
	probes int // of forget
}

func newBench(t testing.TB) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(2 * time.Minute) {
		t.Fatal("the server does not start")
	}
	b := &bench{t: t, ctx: ctx, server: s, dir: t.TempDir()}
	b.nc, err = nats.Connect(s.ClientURL(), nats.MaxReconnects(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.nc.Close)
	b.js, err = jetstream.New(b.nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	b.sink, err = NewJetStream(ctx, b.nc, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// publisher is a Publisher from the app web.
func (b *bench) publisher() *Publisher {
	return &Publisher{
		Stream: b.sink, Source: "web", Stderr: &b.stderr, TempDir: b.dir,
		Lateness: func() (time.Duration, error) { return 24 * time.Hour, nil },
	}
}

// file writes a file and returns its path.
func (b *bench) file(name, content string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// run publishes files and returns what was said on stderr, paths without their folder.
func (b *bench) run(p *Publisher, files ...string) (Summary, string) {
	b.t.Helper()
	b.stderr.Reset()
	summary, err := p.Run(b.ctx, files, strings.NewReader(""))
	if err != nil {
		b.t.Fatal(err)
	}
	return summary, strings.ReplaceAll(b.stderr.String(), b.dir+string(filepath.Separator), "")
}

// stored are all messages of the stream.
func (b *bench) stored() []*jetstream.RawStreamMsg {
	b.t.Helper()
	s, err := b.js.Stream(b.ctx, "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(b.ctx, seq)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}
