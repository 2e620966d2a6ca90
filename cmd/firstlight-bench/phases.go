package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/cmd/internal/cputime"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// eventNames are the events of the example product; the first of a user is signed_up.
var eventNames = []string{"project_created", "invite_sent", "report_shared", "tour_started", "file_imported", "export_run", "page_viewed", "page_viewed", "page_viewed", "search_used"}

// message is a product event of about 250 bytes.
func message(u, name string, at time.Time, id int, r *rand.Rand) *nats.Msg {
	m := nats.NewMsg(event.Subject("web", u))
	plan, country := [...]string{"free", "pro", "team"}[r.IntN(3)], [...]string{"DE", "FR", "US", "BR"}[r.IntN(4)]
	m.Data = fmt.Appendf(make([]byte, 0, 260), `{"type":"track","event":%q,"userId":%q,"messageId":"m-%d","timestamp":%q,"properties":{"plan":%q,"role":"member","size":%d},"context":{"location":{"country":%q},"library":{"name":"web"}}}`,
		name, u, id, at.Format("2006-01-02T15:04:05.000Z"), plan, r.IntN(1000), country)
	return m
}

// eventsPerVisit is how many events a user sends in one visit of about ten minutes, on average.
const eventsPerVisit = 5

// backlog publishes history, in order of time, as an import does.
func (s *servers) backlog(ctx context.Context, o options) (time.Duration, error) {
	if _, err := stream.Ensure(ctx, s.js, "EVENTS"); err != nil {
		return 0, err
	}
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Now().UTC().Add(-time.Duration(o.days) * 24 * time.Hour)
	step := time.Duration(o.days) * 24 * time.Hour / time.Duration(o.events)
	signedUp := 0
	visits := make([]int, max(1, o.events/(o.days*24*6)/eventsPerVisit)) // users who are there in these ten minutes
	began := time.Now()
	for i := range o.events {
		at := start.Add(time.Duration(i) * step)
		user, name := 0, "signed_up"
		if due := 1 + i*o.users/o.events; signedUp < min(due, o.users) {
			user = signedUp
			signedUp++
			visits[r.IntN(len(visits))] = user
		} else {
			visit := r.IntN(len(visits))
			if r.IntN(eventsPerVisit) == 0 { // young users come most
				visits[visit] = signedUp - 1 - int(float64(signedUp)*r.Float64()*r.Float64()*r.Float64())
			}
			user, name = visits[visit], eventNames[r.IntN(len(eventNames))]
		}
		m := message(userName(max(user, 0)), name, at, i, r)
		m.Header.Set(event.ReceivedHeader, at.Format("2006-01-02T15:04:05.000Z"))
		if _, err := s.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			return 0, fmt.Errorf("publish event %d: %w", i, err)
		}
	}
	select {
	case <-s.js.PublishAsyncComplete():
		return time.Since(began), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// bare is what consuming the stream takes whose messages nobody looks at: of a pipeline, client and server take that much.
type bare struct{ took, cpu time.Duration }

// bare consumes the stream and does nothing.
func (s *servers) bare(ctx context.Context, events int) (bare, error) {
	consumer, err := s.js.OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		return bare{}, fmt.Errorf("create a consumer: %w", err)
	}
	var n atomic.Int64
	done := make(chan struct{})
	began, cpu := time.Now(), cputime.Used()
	consume, err := consumer.Consume(func(jetstream.Msg) {
		if n.Add(1) == int64(events) {
			close(done)
		}
	}, jetstream.PullMaxMessages(4096))
	if err != nil {
		return bare{}, fmt.Errorf("consume: %w", err)
	}
	defer consume.Stop()
	select {
	case <-done:
		return bare{time.Since(began), cputime.Used() - cpu}, nil
	case <-ctx.Done():
		return bare{}, ctx.Err()
	}
}

type drained struct{ took, cpu, engine time.Duration }

// drain processes the backlog from nothing.
func (s *servers) drain(ctx context.Context, c *catalog.Catalog, o options) (drained, error) {
	w, err := s.worker(ctx, c, o)
	if err != nil {
		return drained{}, err
	}
	w.Drain = true
	stopProfile, err := startProfile(o.profile)
	if err != nil {
		return drained{}, err
	}
	defer stopProfile()
	began, cpu, engine := time.Now(), cputime.Used(), s.engineCPU()
	if err := w.Run(ctx); err != nil {
		return drained{}, err
	}
	return drained{time.Since(began), cputime.Used() - cpu, s.engineCPU() - engine}, nil
}

// startProfile begins a CPU profile, unless its file has no name.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("create the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("start the profile: %w", err)
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}

type restored struct {
	users             int
	took, cpu, engine time.Duration
	heap              uint64
}

// copyUsers stores each user several times more, under other ids: what is counted does not change, and how long a start takes does.
func (s *servers) copyUsers(ctx context.Context, copies int) error {
	users := "`" + database + "`.users"
	query := fmt.Sprintf("INSERT INTO %s SELECT * REPLACE (concat(user_id, '-', toString(copy)) AS user_id) FROM (SELECT * FROM %s FINAL) ARRAY JOIN range(%d) AS copy", users, users, copies)
	if err := s.db.Exec(ctx, query); err != nil {
		return fmt.Errorf("copy users: %w", err)
	}
	return nil
}

// restore starts a worker on what is stored, and measures until it takes messages.
func (s *servers) restore(ctx context.Context, c *catalog.Catalog, o options) (restored, error) {
	before := heap()
	w, err := s.worker(ctx, c, o)
	if err != nil {
		return restored{}, err
	}
	w.Memory = o.forUsers << 20
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	stopProfile, err := startProfile(o.restoreProfile)
	if err != nil {
		stop()
		return restored{}, err
	}
	began, cpu, engine := time.Now(), cputime.Used(), s.engineCPU()
	go func() { ended <- w.Run(ctx) }()
	for !w.Observe().Recovered {
		select {
		case err := <-ended:
			stop()
			return restored{}, errors.Join(errors.New("the worker ended early"), err)
		case <-time.After(time.Millisecond):
		}
	}
	r := restored{took: time.Since(began), cpu: cputime.Used() - cpu, engine: s.engineCPU() - engine}
	stopProfile()
	r.heap = heap() - before
	if err := writeHeap(o.heapProfile); err != nil {
		stop()
		return restored{}, errors.Join(err, <-ended)
	}
	for _, p := range w.Observe().Partitions {
		r.users += p.Known
	}
	stop()
	return r, <-ended
}

// writeHeap writes a profile of what is held to a file, unless that has no name.
func writeHeap(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("create the heap profile: %w", err)
	}
	defer f.Close()
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		return fmt.Errorf("write the heap profile: %w", err)
	}
	return nil
}

type freshness struct {
	p50, p99    time.Duration
	rows, bytes float64 // sent to ClickHouse per event
}

// freshness publishes at a steady rate, and measures from publishing to being counted in the views: the
// progress view is written last of all.
func (s *servers) freshness(ctx context.Context, c *catalog.Catalog, o options) (freshness, error) {
	w, err := s.worker(ctx, c, o)
	if err != nil {
		return freshness{}, err
	}
	return s.freshnessOf(ctx, o, w.Run, func() bool { return w.Observe().Recovered })
}

// freshnessOf measures the freshness of what run computes, from when it is ready.
func (s *servers) freshnessOf(ctx context.Context, o options, run func(context.Context) error, ready func() bool) (freshness, error) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	defer func() { stop(); <-ended }()
	for !ready() {
		select {
		case err := <-ended:
			ended <- nil
			return freshness{}, errors.Join(errors.New("the worker ended early"), err)
		case <-time.After(time.Millisecond):
		}
	}
	log := &publishLog{sent: make([][]time.Time, o.partitions)}
	base, err := s.applied(ctx, o.partitions)
	if err != nil {
		return freshness{}, err
	}
	before, err := s.written(ctx)
	if err != nil {
		return freshness{}, err
	}
	publishing := make(chan error, 1)
	go func() { publishing <- s.steady(ctx, o, log) }()
	seen := make([]uint64, o.partitions)
	var delays []time.Duration
	for publishingDone := false; ; {
		applied, err := s.applied(ctx, o.partitions)
		if err != nil {
			return freshness{}, err
		}
		now := time.Now()
		for p := range applied {
			delays = append(delays, log.visible(p, seen[p], applied[p]-base[p], now)...)
			seen[p] = applied[p] - base[p]
		}
		if publishingDone && len(delays) >= log.total() {
			break
		}
		select {
		case err := <-publishing:
			if err != nil {
				return freshness{}, err
			}
			publishingDone = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	after, err := s.written(ctx)
	if err != nil {
		return freshness{}, err
	}
	slices.Sort(delays)
	n := float64(len(delays))
	return freshness{delays[len(delays)/2], delays[len(delays)*99/100], float64(after.rows-before.rows) / n, float64(after.bytes-before.bytes) / n}, nil
}

// publishLog remembers when each event of a partition was published.
type publishLog struct {
	mu   sync.Mutex
	sent [][]time.Time
}

func (l *publishLog) add(p int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[p] = append(l.sent[p], at)
}

func (l *publishLog) visible(p int, from, to uint64, now time.Time) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []time.Duration
	for _, at := range l.sent[p][from:min(to, uint64(len(l.sent[p])))] {
		out = append(out, now.Sub(at))
	}
	return out
}

func (l *publishLog) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.sent {
		n += len(s)
	}
	return n
}

// steady publishes live events at the rate, in ticks of 10 ms.
func (s *servers) steady(ctx context.Context, o options, log *publishLog) error {
	r := rand.New(rand.NewPCG(3, 4))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	sent := 0
	for began := time.Now(); time.Since(began) < o.steady; {
		for due := int(time.Since(began).Seconds() * float64(o.rate)); sent < due; sent++ {
			at := time.Now()
			m := message(userName(r.IntN(o.users)), eventNames[r.IntN(len(eventNames))], at.UTC(), o.events+sent, r)
			log.add(stream.Partition(m.Subject, o.partitions), at)
			if _, err := s.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// applied returns the received messages per partition as the view shows them.
func (s *servers) applied(ctx context.Context, partitions int) ([]uint64, error) {
	rows, err := s.db.Query(ctx, "SELECT partition, received FROM `"+database+"`.pipeline_progress")
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	defer rows.Close()
	out := make([]uint64, partitions)
	for rows.Next() {
		var p uint16
		var n uint64
		if err := rows.Scan(&p, &n); err != nil {
			return nil, fmt.Errorf("read progress: %w", err)
		}
		out[p] = n
	}
	return out, rows.Err()
}
