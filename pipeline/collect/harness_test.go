package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/trouble"
)

// enough bounds what a test waits for: the machine may be busy.
const enough = 5 * time.Minute

// bench is a collector over HTTP in front of a real JetStream, with one key of each sort.
type bench struct {
	t         testing.TB
	ctx       context.Context
	nats      *server.Server
	dir       string // where it stores
	nc        *nats.Conn
	js        jetstream.JetStream
	sender    *Sender
	collector *Collector
	http      *httptest.Server
	read      uint64 // sequence up to which stored has returned messages
}

const (
	webKey    = "wk_browser_4f0c1e8a"
	serverKey = "wk_server_9ab27d33"
	testKeys  = "# keys of the tests\n" + webKey + " web https://app.acme.example\n" + serverKey + " backend\n"
)

// newBench starts everything; change may be nil.
func newBench(t testing.TB, keys string, change func(*Config)) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx, dir: t.TempDir()}
	b.nats = startNATS(t, b.dir, server.RANDOM_PORT)
	url := b.nats.ClientURL()
	var err error
	if b.nc, err = nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.nc.Close)
	if b.js, err = jetstream.New(b.nc); err != nil {
		t.Fatal(err)
	}
	if _, err = b.js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	ring, err := NewKeyring(keys, 0, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Keys: ring, MaxRequest: 500_000, MaxEvent: 32 << 10, Log: zap.NewNop()}
	if change != nil {
		change(&config)
	}
	b.sender = NewSender("EVENTS", func() (*nats.Conn, error) {
		return nats.Connect(url, nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	}, trouble.NewBoard(config.Log))
	if err := b.sender.Connect(); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.sender.Run(running) }()
	b.collector = New(config, b.sender)
	b.http = httptest.NewServer(b.collector)
	t.Cleanup(func() {
		b.http.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b
}

func startNATS(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(enough) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

// reply is an answer of the collector.
type reply struct {
	code   int
	header http.Header
	text   string
	answer
}

// send sends a request. Headers are name, value, name, value.
func (b *bench) send(method, path, body string, headers ...string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.ctx, method, b.http.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.http.Client().Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	got := reply{code: resp.StatusCode, header: resp.Header, text: string(text)}
	if bytes.HasPrefix(text, []byte("{")) {
		if err := json.Unmarshal(text, &got.answer); err != nil {
			b.t.Fatalf("the answer is not JSON: %s", text)
		}
	}
	return got
}

// post sends events with the key of servers.
func (b *bench) post(path, body string, headers ...string) reply {
	b.t.Helper()
	return b.send(http.MethodPost, path, body, append([]string{"Authorization", "Bearer " + serverKey}, headers...)...)
}

// message is one message of the stream.
type message struct {
	subject, id, data string
	header            nats.Header
}

// stored are the messages that the stream holds since it was last asked.
func (b *bench) stored() (all []message) {
	b.t.Helper()
	s, err := b.js.Stream(b.ctx, "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	for ; b.read < s.CachedInfo().State.LastSeq; b.read++ {
		m, err := s.GetMsg(b.ctx, b.read+1)
		if err != nil {
			b.t.Fatal(err)
		}
		id := m.Header.Get(nats.MsgIdHdr)
		m.Header.Del(nats.MsgIdHdr)
		all = append(all, message{m.Subject, id, string(m.Data), m.Header})
	}
	return all
}

// eventually waits for a condition.
func (b *bench) eventually(what string, condition func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("not within %s: %s", enough, what)
		}
	}
}

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}
