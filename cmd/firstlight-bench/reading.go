package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// What reading costs when several workers share the partitions, by how each gets what is its own: everything is read and dealt, or a
// subject transform of the stream puts the partition into the subject, and each worker has one consumer for all of its partitions, or
// one for each. The server is a process of its own, so that its processor time is told from that of the workers, which share this one.

const serveVariable = "FIRSTLIGHT_BENCH_SERVE" // the folder of the server that this process is to be

// serve is the server: it says where it is, and ends when its input does.
func serve(dir string) error {
	s, err := stream.StartEmbedded("127.0.0.1:0", dir)
	if err != nil {
		return err
	}
	fmt.Println(s.ClientURL())
	_, err = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	return err
}

// serverProcess is a JetStream in a process of its own.
type serverProcess struct {
	command *exec.Cmd
	input   io.Closer
	js      jetstream.JetStream
	conn    *nats.Conn
}

func startServerProcess(ctx context.Context, dir string) (*serverProcess, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := &serverProcess{command: exec.CommandContext(ctx, path)}
	p.command.Env, p.command.Stderr = append(os.Environ(), serveVariable+"="+natsDir(dir)), os.Stderr
	if p.input, err = p.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	url, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	if p.conn, err = nats.Connect(strings.TrimSpace(url)); err != nil {
		return nil, fmt.Errorf("connect to the server: %w", err)
	}
	p.js, err = jetstream.New(p.conn, jetstream.WithPublishAsyncMaxPending(4096))
	return p, err
}

func (p *serverProcess) stop() {
	p.conn.Close()
	_ = p.input.Close()
	_ = p.command.Wait() // its folder is thrown away
}

// cost is what reading a whole stream took.
type cost struct {
	took            time.Duration
	delivered       int64
	workers, server time.Duration
}

// measureReading prints the table.
func measureReading(ctx context.Context, o options) error {
	p, err := startServerProcess(ctx, o.dir)
	if err != nil {
		return err
	}
	defer p.stop()
	plain, err := p.fill(ctx, o, jetstream.StreamConfig{Name: "PLAIN", Subjects: []string{"events.*.*"}})
	if err != nil {
		return err
	}
	transformed, err := p.fill(ctx, o, jetstream.StreamConfig{Name: "TRANSFORMED", Subjects: []string{"events.*.*"}, SubjectTransform: &jetstream.SubjectTransformConfig{
		Source: "events.*.*", Destination: fmt.Sprintf("events.{{partition(%d,2)}}.{{wildcard(1)}}", o.partitions),
	}})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "way\tworkers\ttook\tdelivered per event\tCPU per event: workers\tserver\tboth")
	for _, way := range []struct {
		name   string
		stream jetstream.Stream
		dealt  func(partitions []int) [][]string // the filters of each consumer of a worker
	}{
		{"read all and deal", plain, func([]int) [][]string { return [][]string{nil} }},
		{"transform, one consumer a worker", transformed, func(partitions []int) [][]string { return [][]string{filters(partitions)} }},
		{"transform, one consumer a partition", transformed, func(partitions []int) (all [][]string) {
			for _, f := range filters(partitions) {
				all = append(all, []string{f})
			}
			return all
		}},
	} {
		for _, workers := range []int{1, 2, 4} {
			c, err := p.read(ctx, o, way.stream, workers, way.dealt)
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			per := func(d time.Duration) float64 { return micros(d) / float64(o.events) }
			fmt.Fprintf(table, "%s\t%d\t%s\t%.2f\t%.2f µs\t%.2f µs\t%.2f µs\n", way.name, workers, c.took.Round(10*time.Millisecond), float64(c.delivered)/float64(o.events),
				per(c.workers), per(c.server), per(c.workers+c.server))
		}
	}
	return table.Flush()
}

func filters(partitions []int) (all []string) {
	for _, p := range partitions {
		all = append(all, fmt.Sprintf("events.%d.*", p))
	}
	return all
}

// fill makes a stream and publishes its events; another stream with the same subjects goes before.
func (p *serverProcess) fill(ctx context.Context, o options, config jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := p.js.CreateStream(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("create the stream %s: %w", config.Name, err)
	}
	body := []byte(`{"event":"report_shared","userId":"user","timestamp":"2026-03-02T09:00:00.000Z","properties":{"plan":"pro","rows":120,"role":"admin"},"context":{"location":{"country":"DE"}}}`)
	for i := range o.events {
		subject := event.Subject([]string{"web", "ios", "backend"}[i%3], fmt.Sprint("user ", i*7919%o.users))
		if _, err := p.js.PublishAsync(subject, body, jetstream.WithStallWait(time.Minute)); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
	}
	select {
	case <-p.js.PublishAsyncComplete():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	config = s.CachedInfo().Config
	config.Subjects = []string{"done." + config.Name} // the next stream takes the events
	config.SubjectTransform = nil
	return p.js.UpdateStream(ctx, config)
}

// read has workers read a stream, each what is its own of the partitions, until all is read.
func (p *serverProcess) read(ctx context.Context, o options, s jetstream.Stream, workers int, dealt func([]int) [][]string) (c cost, err error) {
	conns := make([]*nats.Conn, workers)
	for i := range conns {
		if conns[i], err = nats.Connect(p.conn.ConnectedUrl()); err != nil {
			return c, fmt.Errorf("connect to the server: %w", err)
		}
		defer conns[i].Close()
	}
	var own, delivered atomic.Int64
	done := make(chan struct{})
	var once sync.Once
	workersBefore, serverBefore := cputime.Used(), cpuOf(p.command.Process.Pid)
	began := time.Now()
	for i, conn := range conns {
		js, err := jetstream.New(conn)
		if err != nil {
			return c, fmt.Errorf("use JetStream: %w", err)
		}
		var mine []int
		has := make([]bool, o.partitions)
		for q := i; q < o.partitions; q += workers {
			mine, has[q] = append(mine, q), true
		}
		for _, filter := range dealt(mine) {
			consumer, err := js.CreateConsumer(ctx, s.CachedInfo().Config.Name, jetstream.ConsumerConfig{
				AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Minute, FilterSubjects: filter,
			})
			if err != nil {
				return c, fmt.Errorf("create a consumer: %w", err)
			}
			running, err := consumer.Consume(func(m jetstream.Msg) {
				read, err := stream.Message(m)
				if err != nil {
					return // it is missing in the sum, which never comes then
				}
				delivered.Add(1)
				if (filter != nil || has[stream.Partition(read.Subject, o.partitions)]) && own.Add(1) == int64(o.events) {
					once.Do(func() { close(done) })
				}
			}, jetstream.PullMaxMessagesWithBytesLimit(4096, 64<<20))
			if err != nil {
				return c, fmt.Errorf("consume: %w", err)
			}
			defer running.Stop()
		}
	}
	select {
	case <-done:
	case <-ctx.Done():
		return c, ctx.Err()
	case <-time.After(5 * time.Minute):
		return c, errors.New("not all was read in 5 minutes")
	}
	c = cost{took: time.Since(began), delivered: delivered.Load(), workers: cputime.Used() - workersBefore, server: cpuOf(p.command.Process.Pid) - serverBefore}
	return c, nil
}
