package worker_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// harness is a real JetStream and a real ClickHouse database of one test.
type harness struct {
	t        testing.TB
	nats     *nats.Conn
	js       jetstream.JetStream
	conn     driver.Conn
	database string
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t}
	h.nats, h.js = streamtest.Connect(t)
	h.conn, h.database = migratedtest.Database(t)
	return h
}

// reset empties the streams and the database for the next round of a property test.
func (h *harness) reset() {
	h.t.Helper()
	for _, name := range []string{"EVENTS", stream.DeadStream} {
		if err := h.js.DeleteStream(h.t.Context(), name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			h.t.Fatal(err)
		}
	}
	for _, table := range []string{"generations", "definitions", "catalogs", "metrics", "checkpoints", "cells", "users", "said", "forgotten", "names", "progress", "calendar", "window_days", "annotation_log"} {
		if err := h.conn.Exec(h.t.Context(), "TRUNCATE TABLE `"+h.database+"`."+table); err != nil {
			h.t.Fatal(err)
		}
	}
}

// publish stores messages in order; the stream is created with the first.
func (h *harness) publish(messages []oracle.Message) {
	h.t.Helper()
	if _, err := stream.Ensure(h.t.Context(), h.js, "EVENTS"); err != nil {
		h.t.Fatal(err)
	}
	for _, m := range messages {
		msg := nats.NewMsg(m.Subject)
		msg.Data = m.Data
		for k, v := range m.Header {
			msg.Header.Set(k, v)
		}
		if _, err := h.js.PublishMsgAsync(msg, jetstream.WithStallWait(time.Minute)); err != nil {
			h.t.Fatal(err)
		}
	}
	select {
	case <-h.js.PublishAsyncComplete():
	case <-time.After(5 * time.Minute):
		h.t.Fatal("publishing takes over a minute")
	}
}

// did stores what was done, as the follower of annotations does.
func (h *harness) did(actions []oracle.Action) {
	h.t.Helper()
	var rows []clickhouse.AnnotationRow
	for i, a := range actions {
		rows = append(rows, clickhouse.AnnotationRow{
			Annotation: annotation.Annotation{Source: a.Source, ID: a.ID, Kind: annotation.Action, At: a.At.UnixMilli(), Title: a.ID, Metric: a.Metric},
			Sequence:   uint64(i + 1),
		})
	}
	if err := clickhouse.NewStore(h.conn, h.database).WriteAnnotations(h.t.Context(), 1, rows); err != nil {
		h.t.Fatal(err)
	}
}

// worker returns a worker over the harness's servers.
func (h *harness) worker(catalogYAML []byte, partitions int) *worker.Worker {
	h.t.Helper()
	c, problems := catalog.Load(catalogYAML, kind.All)
	if problems.Failed() {
		h.t.Fatal(problems.Format("catalog.yaml"))
	}
	ctx := h.t.Context()
	events, err := stream.Ensure(ctx, h.js, "EVENTS")
	if err != nil {
		h.t.Fatal(err)
	}
	dead, err := stream.EnsureDead(ctx, h.js)
	if err != nil {
		h.t.Fatal(err)
	}
	return &worker.Worker{
		Catalog: c, Partitions: partitions, FlushInterval: 20 * time.Millisecond, Events: events,
		Dead:  &stream.DeadLetters{JS: h.js, Stream: dead, Source: "EVENTS", MaxSize: int(h.nats.MaxPayload())},
		Store: clickhouse.NewStore(h.conn, h.database), Log: h.log(),
	}
}

func (h *harness) log() *zap.Logger { return zaptest.NewLogger(h.t, zaptest.Level(zap.WarnLevel)) }

// drain processes everything the stream holds.
func (h *harness) drain(catalogYAML []byte, partitions int) {
	h.t.Helper()
	h.drained(h.worker(catalogYAML, partitions))
}

// drained has a worker process everything the stream holds.
func (h *harness) drained(w *worker.Worker) {
	h.t.Helper()
	w.Drain = true
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	if err := w.Run(ctx); err != nil {
		h.t.Fatal(err)
	}
}

var errCrash = errors.New("crash")

// crashAt lets a worker with small snapshots, which are many, die at its n-th write (from 0).
func crashAt(w *worker.Worker, n int, at faulty.Moment) {
	w.SmallSnapshots()
	faulty.Inject(w, faulty.Crash(n, at, errCrash))
}

// view reads all rows of a view.
func (h *harness) view(name string) []oracle.Row {
	h.t.Helper()
	rows, err := h.query("SELECT * FROM `" + h.database + "`." + name)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	return rows
}

func (h *harness) query(sql string) ([]oracle.Row, error) {
	r, err := h.conn.Query(h.t.Context(), sql)
	if err != nil {
		return nil, err
	}
	var out []oracle.Row
	types := r.ColumnTypes()
	for r.Next() {
		into := make([]any, len(types))
		for i, c := range types {
			into[i] = reflect.New(c.ScanType()).Interface()
		}
		if err := r.Scan(into...); err != nil {
			return nil, err
		}
		row := oracle.Row{}
		for i, c := range types {
			row[c.Name()] = plain(reflect.ValueOf(into[i]).Elem())
		}
		out = append(out, row)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return out, r.Close()
}

// plain turns a scanned value into one that the oracle's rows hold.
func plain(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		return v.Interface().(time.Time).UTC()
	case v.CanUint():
		return v.Uint()
	case v.CanInt():
		return v.Int()
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.String:
		return v.String()
	}
	return v.Interface()
}

func partitionOf(n int) func(string) int {
	return func(subject string) int { return stream.Partition(subject, n) }
}
