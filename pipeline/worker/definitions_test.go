package worker_test

// Catalogs that change while events come, with a store in memory.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
	"firstlight/sinks/clickhouse"
)

// loadCatalog is what compiles files.
func loadCatalog(source []byte) (*catalog.Catalog, error) {
	c, problems := catalog.Load(source, kind.All)
	if problems.Failed() {
		return nil, errors.New(problems.Format("catalog.yaml"))
	}
	return c, nil
}

// definitions keeps the bench's numbers to a file. Writes fail where fault says so; it may be nil.
func (b *bench) definitions(o options, fault faulty.Fault) *worker.Definitions {
	d := &worker.Definitions{Store: b.store, Load: loadCatalog, Log: zap.NewNop()}
	if fault != nil {
		d.Store = faulty.Store(b.store, fault)
	}
	d.New = func(_ context.Context, c *catalog.Catalog, _ uint32) (*worker.Worker, error) {
		w := b.worker(c, o)
		w.Drain = false
		if fault != nil {
			faulty.Inject(w, fault)
		}
		return w, nil
	}
	return d
}

// drawChange draws a catalog that follows another: with other metrics, or without some of its own.
func drawChange(t *rapid.T, before string) string {
	lines := strings.SplitAfter(before, "\n")
	if rapid.Bool().Draw(t, "metrics go") {
		after := strings.Join(slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "  - {name: "), ",")
			return slices.Contains([]string{"ttfv", "use", "back0", "back1"}, name) && rapid.Bool().Draw(t, "goes")
		}), "")
		if _, problems := catalog.Load([]byte(after), kind.All); problems.Failed() { // others name what went
			return before
		}
		return after
	}
	head, _, _ := strings.Cut(before, "cohorts:\n")
	other := drawCatalog(t)
	if rapid.IntRange(0, 3).Draw(t, "cohorts change") > 0 {
		return mixMetrics(t, lines, strings.SplitAfter(other, "\n"))
	}
	_, metrics, _ := strings.Cut(other, "cohorts:\n")
	if rapid.Bool().Draw(t, "windows change") {
		windows := func(text string) string {
			return text[strings.Index(text, "windows:") : strings.Index(text, "windows:")+strings.Index(text[strings.Index(text, "windows:"):], "\n")]
		}
		head = strings.Replace(head, windows(head), windows(other), 1)
	}
	return head + "cohorts:\n" + metrics
}

// mixMetrics draws a catalog that has some metrics of another one, or none in their place, as far as that is a catalog.
func mixMetrics(t *rapid.T, lines, other []string) string {
	name := func(line string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "  - {name: "), ",")
		return name
	}
	metrics := func(lines []string) int { return slices.Index(lines, "metrics:\n") + 1 }
	isMetric := func(line string) bool { return strings.HasPrefix(line, "  - {name: ") }
	file := strings.Join(lines, "")
	for _, line := range other[metrics(other):] {
		if line == "" || !rapid.Bool().Draw(t, "changes") {
			continue
		}
		mixed := strings.SplitAfter(file, "\n")
		at := metrics(mixed) + slices.IndexFunc(mixed[metrics(mixed):], func(own string) bool { return name(own) == name(line) })
		if at >= metrics(mixed) {
			mixed[at] = line
		} else {
			end := slices.IndexFunc(mixed[metrics(mixed):], func(own string) bool { return !isMetric(own) })
			mixed = slices.Insert(mixed, metrics(mixed)+end, line)
		}
		text := strings.Join(mixed, "")
		if _, err := loadCatalog([]byte(text)); err == nil {
			file = text
		}
	}
	return file
}

// TestDefinitionsInTurn: catalogs that come one after the other while the stream grows, and are put back, some of them with a rebuild, by
// workers that die before, in the middle of or after any write, leave the counts of a fresh computation with the last one, and each dead letter once.
func TestDefinitionsInTurn(t *testing.T) {
	var beside, covered, joined atomic.Int64
	drain := func(rt *rapid.T, b *bench, file string, partitions int, fault faulty.Fault) {
		before, _ := b.store.Generation(t.Context())
		d := b.definitions(drawOptions(rt, partitions), fault)
		d.Rebuild = rapid.IntRange(0, 4).Draw(rt, "rebuild") == 0
		b.drainAs(rt, d, file, fault)
		after, _ := b.store.Generation(t.Context())
		switch plan, _ := b.store.In(after).Plan(t.Context()); {
		case before == 0 || after == before:
			covered.Add(1)
		case plan.Joins != 0:
			joined.Add(1)
			fallthrough
		default:
			beside.Add(1)
		}
	}
	many(t, 300, func(rt *rapid.T, b *bench) {
		messages := drawStream(rt, 50, 70)
		partitions := rapid.IntRange(1, 4).Draw(rt, "partitions")
		b.begin(nil)
		files, published := []string{drawCatalog(rt)}, 0
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			more := rapid.IntRange(0, len(messages)-published).Draw(rt, "events")
			b.publish(messages[published : published+more])
			published += more
			drain(rt, b, files[len(files)-1], partitions, drawCrash(rt))
			if rapid.IntRange(0, 3).Draw(rt, "put back") == 0 {
				files = append(files, rapid.SampledFrom(files).Draw(rt, "which"))
			} else {
				files = append(files, drawChange(rt, files[len(files)-1]))
			}
		}
		b.publish(messages[published:])
		last := files[len(files)-1]
		drain(rt, b, last, partitions, nil)
		b.compareCounts(rt, last, messages, partitions)
	})
	t.Logf("%d times other definitions came in force, %d of them beside metrics that stayed, %d times what stood went on", beside.Load(), joined.Load(), covered.Load())
}

// receivedInForce is how many messages the numbers in force have received.
func (b *bench) receivedInForce() (n uint64) {
	checkpoints, err := b.store.InForce().Checkpoints(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range checkpoints {
		n += checkpoints[i].Received
	}
	return n
}

// asOfInForce is the as_of (ms) that all partitions of the numbers in force have reached.
func (b *bench) asOfInForce() int64 {
	at, err := b.store.InForce().AsOf(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return slices.Min(slices.Collect(maps.Values(at)))
}

// TestRebuildKeepsWhatStands: while all is computed again, what stands is shown and goes on, whoever dies meanwhile; the next start
// completes it, without being asked again. Numbers that cannot go on give way at once.
func TestRebuildKeepsWhatStands(t *testing.T) {
	b := newBench(t)
	messages := traffic(300, 0)
	b.begin(messages)
	o := options{partitions: 2, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000}
	drain := func(rebuild bool, fault faulty.Fault) {
		t.Helper()
		d := b.definitions(o, fault)
		d.Drain, d.Rebuild = true, rebuild
		if err := d.Run(t.Context(), []byte(hostileCatalog)); err != nil && (fault == nil || !errors.Is(err, errCrash)) {
			t.Fatal(err)
		}
	}
	generation := func() uint32 {
		t.Helper()
		g, err := b.store.Generation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	counts := func() map[string][]string { // of each view, in some order
		all := map[string][]string{}
		for view, rows := range b.store.Counts() {
			for _, row := range rows {
				all[view] = append(all[view], fmt.Sprint(row))
			}
			slices.Sort(all[view])
		}
		return all
	}
	drain(false, nil)
	stood, completed := counts(), 0
	for n := range 12 {
		before := generation()
		drain(true, faulty.Crash(n, faulty.After, errCrash))
		if generation() == before {
			if diff := cmp.Diff(stood, counts()); diff != "" {
				t.Fatalf("a rebuild that died at write %d changed what is shown:\n%s", n, diff)
			}
			beside, err := b.store.Beside(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if drain(false, nil); beside != 0 && generation() != beside {
				t.Fatalf("a rebuild that died at write %d was not completed", n)
			} else if beside != 0 {
				completed++
			}
		}
		if diff := cmp.Diff(stood, counts()); diff != "" {
			t.Fatalf("the same stream gives other numbers:\n%s", diff)
		}
	}
	if completed == 0 {
		t.Error("no rebuild was left to be completed")
	}

	before, reached := generation(), b.asOfInForce()
	for key, user := range b.store.InForce().Users {
		user.Facts = "\xff"
		b.store.InForce().Users[key] = user
	}
	d := b.definitions(o, nil)
	core, said := observer.New(zap.WarnLevel)
	d.Rebuild, d.Log = true, zap.New(core)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, []byte(hostileCatalog)) }()
	eventually(t, "what cannot go on gives way", func() bool {
		select {
		case err := <-done:
			t.Fatalf("the rebuild ended: %v", err)
		default:
		}
		return generation() != before && b.receivedInForce() == uint64(len(messages)) && b.asOfInForce() == reached
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stood, counts()); diff != "" {
		t.Errorf("what took its place gives other numbers:\n%s", diff)
	}
	if said.FilterMessageSnippet("cannot go on").Len() != 1 {
		t.Errorf("the log says %v", said.All())
	}
}

// TestChangesOfALiveStream: while a stream is quiet, as_of follows the server's clock in what is shown and in what is computed beside it,
// and each change takes effect nevertheless.
func TestChangesOfALiveStream(t *testing.T) {
	b := newBench(t)
	b.begin(nil)
	var live []oracle.Message
	for i := range 5 {
		user := fmt.Sprint("user ", i)
		live = append(live, oracle.Message{Subject: event.Subject("web", user), Data: fmt.Appendf(nil, `{"event":"signed_up","userId":%q}`, user)})
	}
	b.publish(live)
	file := func(days int) []byte {
		return []byte(strings.Replace(hostileCatalog, "within: 1d}\n  - {name: in_order", fmt.Sprintf("within: %dd}\n  - {name: in_order", days), 1))
	}
	d := b.definitions(options{partitions: 2, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, file(1)) }()
	shows := func(days int) bool {
		generation, err := b.store.Generation(ctx)
		if err != nil || generation == 0 {
			return false
		}
		beside, err := b.store.Beside(ctx)
		source, e := b.store.InForce().Source(ctx)
		return err == nil && e == nil && beside == 0 && bytes.Equal(source, file(days)) && b.receivedInForce() == 5
	}
	eventually(t, "the first file is in force", func() bool { return shows(1) })
	for days := 2; days <= 6; days++ {
		before := b.asOfInForce()
		d.Change(file(days))
		eventually(t, "the change is in force", func() bool { return shows(days) })
		if now := b.asOfInForce(); now < before {
			t.Errorf("as_of went back from %d to %d", before, now)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestAsOfIsCarriedOver: where the newest messages are gone from the stream, what is computed anew never gets as far as what is shown; it
// is shown nevertheless, and as_of does not go back.
func TestAsOfIsCarriedOver(t *testing.T) {
	for name, forget := range map[string]func(events jetstream.Stream, last uint64) error{
		"the newest is deleted": func(events jetstream.Stream, last uint64) error { return events.DeleteMsg(t.Context(), last) },
		"a user's are purged": func(events jetstream.Stream, last uint64) error {
			m, err := events.GetMsg(t.Context(), last)
			if err != nil {
				return err
			}
			return events.Purge(t.Context(), jetstream.WithPurgeSubject(m.Subject))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.begin(traffic(300, 0))
			o := options{partitions: 2, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000}
			drain := func(file string) {
				t.Helper()
				d := b.definitions(o, nil)
				d.Drain, d.AcceptLoss = true, true
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				if err := d.Run(ctx, []byte(file)); err != nil || ctx.Err() != nil {
					t.Fatalf("draining: %v, %v", err, ctx.Err())
				}
			}
			drain(hostileCatalog)
			shown, reached := b.store.InForce(), b.asOfInForce()
			events, err := b.js.Stream(t.Context(), "EVENTS")
			if err != nil {
				t.Fatal(err)
			}
			if err := forget(events, events.CachedInfo().State.LastSeq); err != nil {
				t.Fatal(err)
			}
			drain(strings.Replace(hostileCatalog, "allowed_lateness: ", "week_start: sunday\nallowed_lateness: ", 1))
			if b.store.InForce() == shown {
				t.Fatal("what was computed is not in force")
			}
			if asOf := b.asOfInForce(); asOf < reached {
				t.Errorf("as_of went back from %d to %d", reached, asOf)
			}
		})
	}
}

// TestHalvesOfUsersAreJoined: where the numbers in force have got further than those that are to be joined with them, users are forgotten
// in between or not, the counts are those of a fresh computation with the last catalog.
func TestHalvesOfUsersAreJoined(t *testing.T) {
	var joined atomic.Int64
	many(t, 100, func(rt *rapid.T, b *bench) {
		messages := drawStream(rt, 50, 70)
		partitions := rapid.IntRange(1, 3).Draw(rt, "partitions")
		first := rapid.IntRange(1, len(messages)).Draw(rt, "events before")
		b.begin(nil)
		b.publish(messages[:first])
		file := drawCatalog(rt)
		b.drainDefinitions(rt, file, drawOptions(rt, partitions), nil)
		lines := func(file string) []string { return strings.SplitAfter(file, "\n") }
		file = mixMetrics(rt, lines(file), lines(drawCatalog(rt)))
		var begun atomic.Int32
		b.drainDefinitions(rt, file, drawOptions(rt, partitions), func(write string, at faulty.Moment) error {
			if write == faulty.Beside && at == faulty.After && begun.Add(1) == 2 {
				return trouble.Final(errCrash) // the users are about to be joined
			}
			return nil
		})
		b.publish(messages[first:])
		b.drainDefinitions(rt, file, drawOptions(rt, partitions), drawCrash(rt))
		b.drainDefinitions(rt, file, drawOptions(rt, partitions), nil)
		b.compareCounts(rt, file, messages, partitions)
		if begun.Load() == 2 {
			joined.Add(1)
		}
	})
	t.Logf("%d times users were joined", joined.Load())
}

// drawCrash draws a death at a write, or none.
func drawCrash(t *rapid.T) faulty.Fault {
	if !rapid.Bool().Draw(t, "crash") {
		return nil
	}
	at := rapid.SampledFrom([]faulty.Moment{faulty.Before, faulty.During, faulty.After}).Draw(t, "moment")
	return faulty.Crash(rapid.IntRange(0, 60).Draw(t, "write"), at, errCrash)
}

func (b *bench) drainDefinitions(rt *rapid.T, file string, o options, fault faulty.Fault) {
	b.drainAs(rt, b.definitions(o, fault), file, fault)
}

func (b *bench) drainAs(rt *rapid.T, d *worker.Definitions, file string, fault faulty.Fault) {
	d.Drain = true
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Minute)
	defer cancel()
	if err := d.Run(ctx, []byte(file)); err != nil && (fault == nil || !errors.Is(err, errCrash)) {
		rt.Fatal(err)
	}
}

// TestDefinitionsBeside: while events come, the file of one worker changes again and again, another worker with the first file takes
// part, and one of them dies now and then. What is shown is never taken back before what follows it is complete, and in the end both
// show what a fresh computation with the last file gives.
func TestDefinitionsBeside(t *testing.T) {
	many(t, 60, func(rt *rapid.T, b *bench) {
		messages := drawStream(rt, 50, 70)
		partitions := rapid.IntRange(1, 3).Draw(rt, "partitions")
		b.begin(nil)
		file := drawCatalog(rt)
		b.drainDefinitions(rt, file, drawOptions(rt, partitions), nil)
		defer b.forgetLeases(rt)
		first, second := b.runDefinitions(rt, "first", file, partitions), b.runDefinitions(rt, "second", file, partitions)
		published := 0
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			more := rapid.IntRange(0, len(messages)-published).Draw(rt, "events")
			b.publish(messages[published : published+more])
			published += more
			switch rapid.IntRange(0, 4).Draw(rt, "what happens") {
			case 0:
				first.mustEnd()
				first = b.runDefinitions(rt, "first", file, partitions)
			case 1:
				second.mustEnd()
				second = b.runDefinitions(rt, "second", file, partitions)
			default:
				file = drawChange(rt, file)
				first.Change([]byte(file))
			}
		}
		b.publish(messages[published:])
		first.Change([]byte(file))
		c, err := loadCatalog([]byte(file))
		if err != nil {
			rt.Fatal(err)
		}
		eventually(b.t, "what the last file asks for is in force and complete", func() bool { return b.shows(rt, c, messages, partitions, first, second) })
		first.mustEnd()
		second.mustEnd()
		b.compareCounts(rt, file, messages, partitions)
	})
}

// TestTheLastFileShows: of two workers whose files ask for what is computed beside, only the one whose file came last has it shown by its
// own: the other would bring metrics back that are gone.
func TestTheLastFileShows(t *testing.T) {
	b := newBench(t)
	b.begin(traffic(50, 0))
	o := options{partitions: 1, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000}
	drained := b.definitions(o, nil)
	drained.Drain = true
	if err := drained.Run(t.Context(), []byte(hostileCatalog)); err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(hostileCatalog, "metrics:\n", "metrics:\n  - {name: new, kind: activation, cohort: signup, steps: [{event: b}], within: 2d}\n", 1)
	fewer := strings.Replace(more, "  - {name: first_value, kind: ttfv, cohort: seen, value: {event: b}}\n", "", 1)
	first, second := b.definitions(o, nil), b.definitions(o, nil)
	for _, adopted := range []struct {
		by   *worker.Definitions
		file string
		own  [2]bool
	}{{first, more, [2]bool{true, false}}, {second, more, [2]bool{true, true}}, {first, fewer, [2]bool{true, false}}, {second, fewer, [2]bool{true, true}}} {
		if err := adopted.by.Adopt(t.Context(), []byte(adopted.file)); err != nil {
			t.Fatal(err)
		}
		beside, err := b.store.Beside(t.Context())
		if err != nil || beside == 0 {
			t.Fatalf("nothing is computed beside: %v", err)
		}
		for i, d := range []*worker.Definitions{first, second} {
			if own, err := d.IsOwn(t.Context(), beside); err != nil || own != adopted.own[i] {
				t.Errorf("that it is of worker %d's file is %v, want %v: %v", i, own, adopted.own[i], err)
			}
		}
	}
}

// TestAcceptedLossIsRefusedNoMore: a worker that refuses a change says so until another one, which was allowed to lose what it loses, has
// computed it.
func TestAcceptedLossIsRefusedNoMore(t *testing.T) {
	b := newBench(t)
	b.begin(traffic(300, 0))
	o := options{partitions: 1, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000}
	drain := func(file string, acceptLoss bool) {
		t.Helper()
		d := b.definitions(o, nil)
		d.Drain, d.AcceptLoss = true, acceptLoss
		if err := d.Run(t.Context(), []byte(file)); err != nil {
			t.Fatal(err)
		}
	}
	drain(hostileCatalog, false)
	events, err := b.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Purge(t.Context(), jetstream.WithPurgeSequence(100)); err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(hostileCatalog, "within: 1d}\n  - {name: in_order", "within: 2d}\n  - {name: in_order", 1)
	d := b.definitions(o, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, []byte(changed)) }()
	eventually(t, "the change is refused", func() bool {
		now := d.Building()
		return now != nil && now.Refused != ""
	})
	drain(changed, true)
	eventually(t, "nothing is refused any more", func() bool {
		now := d.Building()
		return now == nil || now.Refused == ""
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// followed is Definitions that run.
type followed struct {
	*worker.Definitions
	mustEnd func()
	ended   func() error
}

// runDefinitions starts a worker that shares the partitions of every generation with others, as run does, and waits until its file has
// been taken up: of several files the one that came last decides.
func (b *bench) runDefinitions(rt *rapid.T, name, file string, partitions int) *followed {
	d := b.definitions(drawOptions(rt, partitions), nil)
	alone := d.New
	d.New = func(ctx context.Context, c *catalog.Catalog, generation uint32) (*worker.Worker, error) {
		w, err := alone(ctx, c, generation)
		if err == nil {
			w.Name, w.Register = name, stream.NewRegister(b.js, fmt.Sprintf("work.test.%d", generation))
			w.Terms(patient)
		}
		return w, err
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	done, takenUp := make(chan error, 1), make(chan struct{})
	var once sync.Once
	d.Show = func(*worker.Worker, *catalog.Catalog) { once.Do(func() { close(takenUp) }) }
	go func() { done <- d.Run(ctx, []byte(file)) }()
	select {
	case <-takenUp:
	case err := <-done:
		done <- err
	}
	return &followed{
		Definitions: d,
		mustEnd: func() {
			cancel()
			if err := <-done; err != nil {
				rt.Fatal(err)
			}
		},
		ended: func() error {
			select {
			case err := <-done:
				done <- err
				return fmt.Errorf("a worker ended by itself: %w", err)
			default:
				return nil
			}
		},
	}
}

// shows reports whether the generation in force computes what a catalog asks for, and has all messages.
func (b *bench) shows(rt *rapid.T, c *catalog.Catalog, messages []oracle.Message, partitions int, all ...*followed) bool {
	for _, f := range all {
		if err := f.ended(); err != nil {
			rt.Fatal(err)
		}
		if f.Building() != nil {
			return false
		}
	}
	ctx := b.t.Context()
	if beside, err := b.store.Beside(ctx); err != nil || beside != 0 {
		return false
	}
	numbers := b.store.InForce()
	source, err := numbers.Source(ctx)
	if err != nil || source == nil {
		return false
	}
	computed, err := loadCatalog(source)
	if err != nil {
		rt.Fatal(err)
	}
	difference, err := c.Difference(computed.Definition())
	if err != nil || difference.Computes() {
		return false
	}
	shown := numbers.Catalog() // which may be some of what is computed
	if shown == nil {
		return false
	}
	if difference, err = c.Difference(shown.Definition()); err != nil || len(difference.Of(catalog.Removed)) > 0 {
		return false
	}
	checkpoints, err := numbers.Checkpoints(ctx)
	asOf, e := numbers.AsOf(ctx)
	return err == nil && e == nil && len(checkpoints) == partitions && !slices.ContainsFunc(checkpoints, func(c worker.Checkpoint) bool {
		return c.AppliedSeq < lastOwn(messages, c.Partition, partitions) || asOf[c.Partition] < asOf1(messages)
	})
}

func asOf1(messages []oracle.Message) int64 { return asOf(messages).UnixMilli() }

// TestDefinitionsOnTheEngine: as TestDefinitionsInTurn, the views on the real engine: in each case one half of them or the other, because
// asking them takes most of a case.
func TestDefinitionsOnTheEngine(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	defer draws(8)() // each computes up to four catalogs
	rapid.Check(t, func(rt *rapid.T) {
		messages := drawStream(rt, 20, 50)
		partitions := rapid.IntRange(1, 3).Draw(rt, "partitions")
		h.reset()
		file, published := drawCatalog(rt), 0
		for i, last := 0, rapid.IntRange(1, 3).Draw(rt, "changes"); i <= last; i++ {
			more := len(messages) - published
			if i < last {
				more = rapid.IntRange(0, more).Draw(rt, "events")
			}
			h.publish(messages[published : published+more])
			published += more
			if i > 0 {
				file = drawChange(rt, file)
			}
			d := &worker.Definitions{Store: clickhouse.NewStore(h.conn, h.database), Load: loadCatalog, Drain: true, Log: h.log()}
			d.New = func(_ context.Context, c *catalog.Catalog, _ uint32) (*worker.Worker, error) {
				w := h.worker([]byte(file), partitions)
				w.Catalog = c
				return w, nil
			}
			if err := d.Run(t.Context(), []byte(file)); err != nil {
				rt.Fatal(err)
			}
		}
		// What is stored may hold metrics that the last file has removed, so only the views know what its rows mean.
		want, _ := expected(rt, file, messages, partitions)
		h.compareViews(rt, want, halfOf(numericViews, rapid.IntRange(0, 1).Draw(rt, "half of the views")))
		showFailed(rt, file, messages)
	})
}

// halfOf is every second of all, from the first or from the second on.
func halfOf(all []string, first int) (half []string) {
	for i := first; i < len(all); i += 2 {
		half = append(half, all[i])
	}
	return half
}
