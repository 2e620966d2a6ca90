package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/collect"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// The collector is measured against publishing the same events directly: what HTTP, judging and addressing cost.

const (
	collectBatch   = 100
	collectClients = 32
	collectKey     = "wk_bench_0123456789"
	steadyCollect  = 5 * time.Second
)

// collectFigures are the collector's figures.
type collectFigures struct {
	direct, batches, singles       float64       // events per second
	directCPU, batchCPU, singleCPU time.Duration // of the whole process, per event
	p99                            time.Duration // of a batch at half of the most
}

// collector measures the collector over an embedded JetStream of its own.
func collector(ctx context.Context, o options) (c collectFigures, err error) {
	server, err := stream.StartEmbedded("127.0.0.1:0", filepath.Join(o.dir, "collect"))
	if err != nil {
		return c, err
	}
	defer server.Shutdown()
	events := collectEvents(o)
	if c.direct, c.directCPU, err = direct(ctx, server.ClientURL(), events); err != nil {
		return c, err
	}
	addr, stop, err := startCollector(ctx, server.ClientURL())
	if err != nil {
		return c, err
	}
	defer stop()
	requests := asBatches(events)
	if c.batches, c.batchCPU, err = load(addr, requests, len(events)); err != nil {
		return c, err
	}
	singles := collectEvents(options{events: o.events / 4, users: o.users, days: -1})
	one := make([][]byte, len(singles))
	for i, m := range singles {
		one[i] = request("/v1/track", m.Data)
	}
	if c.singles, c.singleCPU, err = load(addr, one, len(singles)); err != nil {
		return c, err
	}
	half := c.batches / 2
	paced := collectEvents(options{events: int(half * steadyCollect.Seconds()), users: o.users, days: -2})
	c.p99, err = steadily(addr, asBatches(paced), half/collectBatch)
	return c, err
}

// collectEvents are events of now, whose ids are another set for each number of days.
func collectEvents(o options) []*nats.Msg {
	r := rand.New(rand.NewPCG(5, 6))
	events := make([]*nats.Msg, o.events)
	for i := range events {
		events[i] = message(userName(r.IntN(o.users)), eventNames[r.IntN(len(eventNames))], time.Now().UTC(), o.days*1_000_000_000+i, r)
	}
	return events
}

// direct publishes events as an app does, with ids.
func direct(ctx context.Context, url string, events []*nats.Msg) (perSecond float64, cpu time.Duration, err error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return 0, 0, fmt.Errorf("connect to embedded NATS: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return 0, 0, fmt.Errorf("use JetStream: %w", err)
	}
	if _, err := stream.Ensure(ctx, js, "EVENTS"); err != nil {
		return 0, 0, err
	}
	began, used := time.Now(), cputime.Used()
	for i, m := range events {
		m.Header.Set(nats.MsgIdHdr, fmt.Sprint("direct:m-", i))
		if _, err := js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			return 0, 0, fmt.Errorf("publish event %d: %w", i, err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	return float64(len(events)) / time.Since(began).Seconds(), (cputime.Used() - used) / time.Duration(len(events)), nil
}

// startCollector serves a collector on a free port.
func startCollector(ctx context.Context, url string) (addr string, stop func(), err error) {
	keys, err := collect.NewKeyring(collectKey+" web", 0, func(string) {})
	if err != nil {
		return "", nil, fmt.Errorf("BUG: the key of the bench: %w", err)
	}
	log := zap.NewNop()
	sender := collect.NewSender("EVENTS", func() (*nats.Conn, error) { return nats.Connect(url, nats.NoReconnect()) }, trouble.NewBoard(log))
	if err := sender.Connect(); err != nil {
		return "", nil, fmt.Errorf("connect to embedded NATS: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	c := collect.New(collect.Config{Keys: keys, MaxRequest: 512_000, MaxEvent: 32 << 10, Log: log}, sender)
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { _ = collect.Serve(ctx, l, c, log) }) // the clients see it
	group.Go(func() { _ = sender.Run(ctx) })
	return l.Addr().String(), func() { cancel(); group.Wait() }, nil
}

// asBatches are requests of collectBatch events each.
func asBatches(events []*nats.Msg) (requests [][]byte) {
	for some := range slices.Chunk(events, collectBatch) {
		var bodies [][]byte
		for _, m := range some {
			bodies = append(bodies, m.Data)
		}
		body := append(append([]byte(`{"batch":[`), bytes.Join(bodies, []byte{','})...), `]}`...)
		requests = append(requests, request("/v1/batch", body))
	}
	return requests
}

func request(path string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, collectKey, len(body)), body...)
}

// client is one keep-alive connection.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the collector: %w", err)
	}
	return &client{conn, bufio.NewReader(conn)}, nil
}

// send sends a request and waits until it is answered 200.
func (c *client) send(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("send to the collector: %w", err)
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return fmt.Errorf("read the collector's answer: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("the collector answers %s: %.300s", answer.Status, text))
	}
	return nil
}

// load sends requests over all clients as fast as they are answered.
func load(addr string, requests [][]byte, events int) (perSecond float64, cpu time.Duration, err error) {
	var next atomic.Int64
	failed := make(chan error, collectClients)
	began, used := time.Now(), cputime.Used()
	for range collectClients {
		go func() {
			c, err := dial(addr)
			for err == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					break
				}
				err = c.send(requests[i])
			}
			failed <- err
		}()
	}
	for range collectClients {
		err = errors.Join(err, <-failed)
	}
	return float64(events) / time.Since(began).Seconds(), (cputime.Used() - used) / time.Duration(events), err
}

// steadily sends requests at a rate, each on a connection that is free, and returns how long 99 % took at most, from when they were due.
func steadily(addr string, requests [][]byte, perSecond float64) (time.Duration, error) {
	took, failed := make([]time.Duration, len(requests)), make(chan error, len(requests))
	free := make(chan *client, 64)
	for range cap(free) {
		c, err := dial(addr)
		if err != nil {
			return 0, err
		}
		free <- c
	}
	began := time.Now()
	for i, r := range requests {
		due := began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		time.Sleep(time.Until(due))
		c := <-free
		go func() {
			err := c.send(r)
			took[i] = time.Since(due)
			free <- c
			failed <- err
		}()
	}
	var err error
	for range requests {
		err = errors.Join(err, <-failed)
	}
	slices.Sort(took)
	return took[len(took)*99/100], err
}
