package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"firstlight/cmd/firstlight/health"
	"firstlight/cmd/firstlight/page"
	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/collect"
	"firstlight/pipeline/oncall"
	"firstlight/pipeline/review"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

// What goes on while the catalog changes: the workers, the page and the judging of incidents are of the catalog that shows the numbers,
// whichever that is.

// ensureStreams makes the streams that are read and written, where they are missing.
func (b *backends) ensureStreams(ctx context.Context) error {
	events, err := stream.Ensure(ctx, b.js, b.settings.Stream)
	if err != nil {
		return err
	}
	if loses := stream.Loses(events.CachedInfo().Config); len(loses) > 0 {
		b.log.Warn("the event stream loses events or lets them count twice: firstlight stream adopt shows what is to be changed, and changes it with --yes",
			zap.String("stream", b.settings.Stream), zap.Strings("changes", loses))
	}
	dead, err := stream.EnsureDead(ctx, b.js)
	if err != nil {
		return err
	}
	if room := dead.CachedInfo().Config.MaxBytes; room > 0 && room < stream.MaxDeadBytes {
		b.log.Warn("there was room for few dead letters only: the stream discards its oldest",
			zap.String("stream", stream.DeadStream), zap.Int64("mebibytes", room>>20))
	}
	return nil
}

// definitions returns what keeps the numbers to the catalog file over the open backends. Users may take so many bytes of memory.
func (b *backends) definitions(o runOptions, users int, flushed func(time.Duration)) *worker.Definitions {
	return &worker.Definitions{
		Store: clickhouse.NewStore(b.conn, b.settings.Database), Load: compile,
		New: func(ctx context.Context, c *catalog.Catalog, generation uint32) (*worker.Worker, error) {
			w, err := b.worker(ctx, c, generation)
			if err == nil {
				w.Flushed, w.Memory = flushed, users
			}
			return w, err
		},
		Rebuild: o.rebuild, Lost: b.restored, Drain: o.drain, AcceptLoss: o.acceptLoss, StartWait: b.patience, Log: b.log, Trouble: b.trouble(),
	}
}

// worker returns the worker of a catalog in a generation over the open backends.
func (b *backends) worker(ctx context.Context, c *catalog.Catalog, generation uint32) (*worker.Worker, error) {
	events, err := stream.Ensure(ctx, b.js, b.settings.Stream)
	if err != nil {
		return nil, err
	}
	dead, err := stream.EnsureDead(ctx, b.js)
	if err != nil {
		return nil, err
	}
	name, err := workerName()
	if err != nil {
		return nil, err
	}
	w := &worker.Worker{
		Name: name, Register: stream.NewRegister(b.js, fmt.Sprintf("work.%s.%d", b.settings.Database, generation)),
		Catalog: c, Partitions: b.settings.Partitions, AsStored: !b.settings.partitionsGiven, FlushInterval: b.settings.FlushInterval,
		Events: events,
		Dead: &stream.DeadLetters{
			JS: b.js, Stream: dead, MaxSize: int(b.nats.MaxPayload()),
			Source: fmt.Sprintf("%s@%d", b.settings.Stream, events.CachedInfo().Created.UnixMilli()),
		},
		Store: clickhouse.NewStore(b.conn, b.settings.Database),
		Log:   b.log, Trouble: b.trouble(),
	}
	if b.settings.Cluster != "" {
		w.Positions = stream.NewLastingRegister(b.js, "stored."+b.settings.Database)
	}
	return w, nil
}

// workerName names this process among the workers.
func workerName() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name this worker: %w", err)
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid()), nil
}

// notes say what of the catalog is not in force.
func (a *workload) notes() (notes []string) {
	if wrong := a.file.wrong(); wrong != "" {
		notes = append(notes, wrong)
	}
	if b := a.definitions.Building(); b != nil {
		notes = append(notes, health.Building(b))
	}
	return notes
}

// shownPage is the page of the catalog that shows the numbers.
type shownPage struct {
	of      func(*catalog.Catalog) http.Handler
	handler atomic.Pointer[http.Handler]
}

func (p *shownPage) show(c *catalog.Catalog) {
	h := p.of(c)
	p.handler.Store(&h)
}

// ServeHTTP implements http.Handler.
func (p *shownPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*p.handler.Load()).ServeHTTP(w, r)
}

// pages returns the page: until something is in force, that of the catalog file.
func (b *backends) pages(a *workload) *shownPage {
	var collected func() collect.Counts
	if a.collector != nil {
		collected = a.collector.Counts
	}
	d := a.definitions
	p := &shownPage{of: func(c *catalog.Catalog) http.Handler {
		return page.Handler(page.Config{
			Collected: collected,
			Conn:      b.conn, Database: b.settings.Database, Catalog: c, AsOf: func() time.Time { return asOf(d.Observe()) },
			Importing: func() bool { return d.Observe().Importing }, Notes: a.notes,
			Review: func(ctx context.Context) (*review.Facts, error) {
				return clickhouse.NewStore(b.conn, b.settings.Database).ReviewFacts(ctx, true)
			},
			LeastUsers: b.settings.LeastUsers, Collector: b.tryAt, Hide: secrets.Text,
		})
	}}
	p.show(a.catalog)
	return p
}

// judging judges incidents by the catalog that shows the numbers: what judged by another one ends before.
type judging struct {
	by   func(*catalog.Catalog) *oncall.Watcher
	next chan *catalog.Catalog
	now  atomic.Pointer[oncall.Watcher]
}

// judging returns what judges beside the workers, and sends what there is to say.
func (b *backends) judging(ctx context.Context, d *worker.Definitions, metrics *alert.Metrics) (*judging, error) {
	name, err := workerName()
	if err != nil {
		return nil, err
	}
	lease, err := stream.NewLease(ctx, b.js, "oncall."+b.settings.Database, name)
	if err != nil {
		return nil, err
	}
	numbers := health.Numbers(d.Observe, time.Now())
	by := func(c *catalog.Catalog) *oncall.Watcher {
		w := &oncall.Watcher{
			Catalog: c, Store: clickhouse.NewStore(b.conn, b.settings.Database), Lease: lease, Link: func(m *anomaly.Message) string { return b.settings.link(c, m) },
			Reviews: b.reviews(c.Product), Health: numbers, History: d, PerDay: b.settings.IncidentMessages, Log: b.log, Trouble: b.trouble(),
			Reads: func() bool { return len(d.Observe().Partitions) > 0 },
		}
		config := b.settings.alerts(c.Product)
		config.Metrics, config.Healthy, config.Trouble = metrics, w.Healthy, b.trouble()
		w.Deliver = func() (oncall.Delivery, error) { return alert.New(config, b.js, b.log) }
		return w
	}
	return &judging{by: by, next: make(chan *catalog.Catalog, 1)}, nil
}

// show has what is judged by be another catalog. One goroutine calls it.
func (j *judging) show(c *catalog.Catalog) {
	select {
	case <-j.next:
	default:
	}
	j.next <- c
}

// run judges until ctx ends.
func (j *judging) run(ctx context.Context) error {
	end, ended := func() {}, make(chan error, 1)
	ended <- nil
	for {
		select {
		case <-ctx.Done():
			end()
			return <-ended
		case c := <-j.next:
			end()
			if err := <-ended; err != nil {
				return err
			}
			w := j.by(c)
			j.now.Store(w)
			watching, cancel := context.WithCancel(ctx)
			end = cancel
			go func() { ended <- w.Run(watching) }()
		}
	}
}

// once judges a single time by the catalog that was shown last.
func (j *judging) once(ctx context.Context) error {
	select {
	case c := <-j.next:
		return j.by(c).Once(ctx)
	default:
		return nil // nothing is in force
	}
}

// unjudged returns since when incidents could not be judged, and why; a nil error when they can.
func (j *judging) unjudged() (since time.Time, why error) {
	if w := j.now.Load(); w != nil {
		return w.Unjudged()
	}
	return time.Time{}, nil
}
