package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/publish"
	"firstlight/pipeline/simulate"
	"firstlight/schemas"
)

// The demo's product: eight weeks of history, and an outage in them whose week is judged by now. By chance other seeds have days that
// look like an incident of their own; with this one there are none, in whichever hour of the week a demo begins
// (TestDemoHasOneIncidentWheneverItBegins).
const (
	demoSource  = "demo"
	demoSeed    = 39
	demoHistory = 8 * 7 * 24 * time.Hour
	demoPerDay  = 130
	outageAgo   = 18 * 24 * time.Hour
	outageFor   = 3 * 24 * time.Hour
	actionAgo   = 37 * 24 * time.Hour // long enough that what it did can be said
)

type demoOptions struct {
	rate     float64 // live events per second at least
	pastRate float64 // events of the past per second; 0: as fast as it goes
	every    time.Duration
	length   time.Duration // 0: until stopped
	rebuild  bool
}

func demoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "run, plus a simulated product with a known truth and one incident",
		Long: `Run Firstlight with a simulated product: eight weeks of history, in which the invite mail was broken for three days,
then live: the same people go on and new ones sign up at the same pace, some events a minute. Every few seconds a table shows
the metrics beside the simulator's truth.

The catalog is the example demo.yaml, whatever FIRSTLIGHT_CATALOG says. Data is kept in ./data/demo unless
FIRSTLIGHT_DATA_DIR is set; a second demo on the same data goes on where the first ended.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.rate < 0 || o.rate > 10_000 {
				return usagef("--rate is %g: write events per second up to 10000, 0 for the product's own pace", o.rate)
			}
			if o.every < 100*time.Millisecond {
				return usagef("--every is %s: write a duration from 100ms", o.every)
			}
			return runDemo(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	c.Flags().Float64Var(&o.rate, "rate", 0, "live events per second at least: visits fill up, and move what depends on them; 0: the pace of the history")
	c.Flags().Float64Var(&o.pastRate, "past-rate", 0, "events per second at which the history is published; 0: as fast as it goes")
	c.Flags().DurationVar(&o.every, "every", 5*time.Second, "how often the table is shown")
	c.Flags().DurationVar(&o.length, "for", 0, "end after this time; 0: when stopped")
	c.Flags().BoolVar(&o.rebuild, "rebuild", false, "recompute everything from the stream's start, beside what stands")
	return c
}

func runDemo(ctx context.Context, o demoOptions, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if !s.dataDirGiven {
		s.DataDir = filepath.Join(s.DataDir, demoDir)
	}
	if os.Getenv("LOG_LEVEL") == "" {
		s.LogLevel = "warn" // the table is the news
	}
	d := &demo{options: o, out: w}
	return run(ctx, s, runOptions{rebuild: o.rebuild, tryOut: true, catalog: schemas.ExampleDemo, before: d.prepare, beside: d.run})
}

// demoCatalog is what a demo computes.
func demoCatalog() (*catalog.Catalog, error) {
	c, problems := catalog.Load(schemas.ExampleDemo, kind.All)
	if problems.Failed() {
		return nil, fmt.Errorf("BUG: the example catalog: %s", problems.Format("demo.yaml"))
	}
	return c, nil
}

// demo is the simulated product and what is shown of it.
type demo struct {
	options demoOptions
	out     io.Writer
	sink    *publish.JetStream
	past    simulate.Product // as the stream's began
	now     int64            // Unix ms, from which on this run is live
	fresh   bool             // the stream holds nothing yet
	users   []simulate.User  // who signed up before now
	live    *simulate.Live
	sent    int // live events
}

// prepare decides on the past before the worker starts. The product went on while no demo ran: that is published as past too,
// before the pause can be taken for a silence.
func (d *demo) prepare(ctx context.Context, b *backends) error {
	var err error
	if d.sink, err = publish.NewJetStream(ctx, b.nats, b.settings.Stream); err != nil {
		return err
	}
	d.now = time.Now().UnixMilli()
	until, err := d.open(ctx, b)
	if err != nil {
		return err
	}
	whole := d.past
	whole.Until = d.now
	d.users = whole.Users()
	if d.fresh {
		return nil
	}
	missing := simulate.EventsBetween(d.users, until+1, d.now)
	if err := d.publishPast(ctx, missing); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "The product goes on: %s while no demo ran.\n\n", count(len(missing), "event"))
	return nil
}

// run fills an empty stream, then goes on live until ctx or the time to run ends.
func (d *demo) run(ctx context.Context, b *backends) error {
	if d.fresh {
		if err := d.fill(ctx, b); err != nil {
			return stopped(ctx, err)
		}
	}
	d.explain(b)
	return d.goOn(ctx, b)
}

// pastEvent is the first message of a demo's stream: it tells a later demo which past the stream holds. Its type is
// one that counts nowhere.
const pastEvent = "demo_started"

// open decides on the past: a new one for an empty stream, else the one it holds. It returns the time (Unix ms) of the newest
// event of that.
func (d *demo) open(ctx context.Context, b *backends) (until int64, err error) {
	events, err := b.js.Stream(ctx, b.settings.Stream)
	if err != nil {
		return 0, fmt.Errorf("look up stream %s: %w", b.settings.Stream, err)
	}
	if events.CachedInfo().State.LastSeq == 0 {
		d.fresh, d.past = true, newPast(d.now)
		return 0, nil
	}
	m, err := events.GetMsg(ctx, 1)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, fmt.Errorf("read the demo's first event: %w", err)
	}
	var first struct {
		Event      string
		Properties simulate.Product
	}
	if m == nil || json.Unmarshal(m.Data, &first) != nil || first.Event != pastEvent {
		return 0, usagef("stream %s holds events that are not the demo's: set FIRSTLIGHT_DATA_DIR or FIRSTLIGHT_STREAM to another", b.settings.Stream)
	}
	d.past = first.Properties
	if m, err = events.GetLastMsgForSubject(ctx, "events."+demoSource+".>"); err != nil {
		return 0, fmt.Errorf("read the demo's newest event: %w", err)
	}
	var newest struct{ Timestamp time.Time }
	if err := json.Unmarshal(m.Data, &newest); err != nil {
		return 0, fmt.Errorf("read the demo's newest event: %w", err)
	}
	return newest.Timestamp.UnixMilli(), nil
}

// newPast returns the past of a demo that begins at a time: as old on the hour, so that demos differ in the hour of the week only.
func newPast(now int64) simulate.Product {
	whole := time.UnixMilli(now).Truncate(time.Hour).UnixMilli()
	began, outage := whole-demoHistory.Milliseconds(), whole-outageAgo.Milliseconds()
	return simulate.Product{
		Seed: demoSeed, Began: began, From: began, Until: now, PerDay: demoPerDay,
		Outages: []simulate.Outage{{From: outage, Until: outage + outageFor.Milliseconds()}},
	}
}

// fill publishes the past, as received when it happened, and waits until it is in the views.
func (d *demo) fill(ctx context.Context, b *backends) error {
	began := time.Now()
	if err := d.mark(ctx, pastEvent, d.past.From, d.past.From); err != nil {
		return err
	}
	if err := d.annotate(ctx, b); err != nil {
		return err
	}
	events := simulate.EventsBetween(d.users, d.past.From, d.past.Until)
	if err := d.publishPast(ctx, events); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "Eight weeks of a simulated product: %d users, %d events, published in %s", len(d.users), len(events), time.Since(began).Round(100*time.Millisecond))
	if err := d.caughtUp(ctx, b, uint64(len(events)+1)); err != nil {
		return err
	}
	fmt.Fprintf(d.out, ", in the views after %s.\n\n", time.Since(began).Round(100*time.Millisecond))
	return nil
}

// mark stores a message that counts nowhere: that the past begins, or that a run is live from now on. received is 0 for a live one.
func (d *demo) mark(ctx context.Context, name string, at, received int64) error {
	data, err := json.Marshal(map[string]any{
		"type": "identify", "event": name, "userId": "demo", "properties": d.past, "timestamp": time.UnixMilli(at).UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return fmt.Errorf("write the event %s: %w", name, err)
	}
	return d.publish(ctx, "demo", fmt.Sprint(name, "-", at), data, received)
}

// publishPast stores events as received when they happened, as fast as it goes unless a pace is set.
func (d *demo) publishPast(ctx context.Context, events []simulate.Event) error {
	piece := len(events)
	if d.options.pastRate > 0 {
		piece = max(1, int(d.options.pastRate*tick.Seconds()))
	}
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for len(events) > 0 {
		n := min(piece, len(events))
		for i := range events[:n] {
			if err := d.publish(ctx, events[i].User, events[i].ID, events[i].JSON(), events[i].Time); err != nil {
				return err
			}
		}
		if events = events[n:]; len(events) > 0 {
			select {
			case <-ticks.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	_, err := d.sink.Flush(ctx)
	return err
}

// notes are what happened beside the demo's numbers: the release that broke the invite mail, and before it an action that changed nothing,
// which the outage in the weeks after it would make look harmful.
func (d *demo) notes() []note {
	outage := time.UnixMilli(d.past.Outages[0].From).UTC()
	return []note{
		{ID: "release-7", Kind: "deploy", Title: "Release 7", Time: outage.Format(time.RFC3339Nano)},
		{
			ID: "welcome-page", Kind: "action", Title: "Rewrote the welcome page", Metric: "activated", Expects: "+0.05",
			Time: outage.Add(outageAgo - actionAgo).Format(time.RFC3339Nano),
		},
	}
}

// annotate publishes the demo's notes.
func (d *demo) annotate(ctx context.Context, b *backends) error {
	for _, n := range d.notes() {
		data, err := json.Marshal(n)
		if err != nil {
			return fmt.Errorf("write the demo's annotation %s: %w", n.ID, err)
		}
		if _, err := b.js.Publish(ctx, "annotations."+demoSource, data); err != nil {
			return fmt.Errorf("publish the demo's annotation %s: %w", n.ID, err)
		}
	}
	return nil
}

// caughtUp waits until so many messages are received.
func (d *demo) caughtUp(ctx context.Context, b *backends, messages uint64) error {
	for {
		st, err := b.readStatus(ctx)
		if err != nil {
			return fmt.Errorf("wait for the history: %w", err)
		}
		received := uint64(0)
		for _, p := range st.Partitions {
			received += p.Received
		}
		if received >= messages && st.Lag == 0 {
			return nil
		}
		select {
		case <-time.After(tick):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// publish stores one event; received is 0 for a live one.
func (d *demo) publish(ctx context.Context, user, id string, data []byte, received int64) error {
	m := &publish.Message{Subject: event.Subject(demoSource, user), ID: demoSource + ":" + id, Data: data, Received: received}
	if err := d.sink.Publish(ctx, m); err != nil {
		return fmt.Errorf("publish an event of the demo: %w", err)
	}
	return nil
}

// tick is how often live events are published.
const tick = 100 * time.Millisecond

// goOn publishes live events and shows the table.
func (d *demo) goOn(ctx context.Context, b *backends) error {
	if err := d.mark(ctx, "demo_live", d.now, 0); err != nil {
		return stopped(ctx, err)
	}
	d.live = simulate.NewLive(&d.past, d.now, d.options.rate, d.users)
	ticks, tables := time.NewTicker(tick), time.NewTicker(d.options.every)
	defer ticks.Stop()
	defer tables.Stop()
	var end <-chan time.Time
	if d.options.length > 0 {
		end = time.After(d.options.length)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return d.show(ctx, b)
		case now := <-ticks.C:
			if err := d.publishLive(ctx, now); err != nil {
				return stopped(ctx, err)
			}
		case <-tables.C:
			if err := d.show(ctx, b); err != nil {
				return stopped(ctx, err)
			}
		}
	}
}

func (d *demo) publishLive(ctx context.Context, now time.Time) error {
	for _, e := range d.live.Next(now.UnixMilli()) {
		if err := d.publish(ctx, e.User, e.ID, e.JSON(), 0); err != nil {
			return err
		}
		d.sent++
	}
	return nil
}
