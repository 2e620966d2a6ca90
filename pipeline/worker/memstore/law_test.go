package memstore_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/memstore"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

// TestMain draws fewer cases than rapid's default: each asks the real engine.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// TestSameAsTheEngine: whatever is written, in whatever order and however often, the store in memory reads back what the real engine
// does.
func TestSameAsTheEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("a test of rows: run without -short")
	}
	conn, database, _ := enginetest.Database(t)
	if err := clickhouse.Migrate(t.Context(), conn, database); err != nil {
		t.Fatal(err)
	}
	engine, memory := clickhouse.NewStore(conn, database), &memstore.Store{}
	rapid.Check(t, func(rt *rapid.T) {
		var both []worker.Numbers
		for _, s := range []worker.Store{engine, memory} {
			generation, err := s.Begin(t.Context(), time.Unix(0, 0))
			if err != nil {
				rt.Fatal(err)
			}
			n := s.In(generation)
			if found, err := n.HasLeftovers(t.Context()); found || err != nil {
				rt.Fatalf("a new generation has leftovers: %v, %v", found, err)
			}
			both = append(both, n)
		}
		for range rapid.IntRange(1, 6).Draw(rt, "writes") {
			write := drawWrite(rt)
			for range rapid.IntRange(1, 2).Draw(rt, "times") {
				for _, n := range both {
					if err := write(t.Context(), n); err != nil {
						rt.Fatal(err)
					}
				}
			}
		}
		if want, got := readBack(rt, both[0]), readBack(rt, both[1]); !slices.Equal(want, got) {
			rt.Errorf("the store in memory reads\n%q, the engine\n%q", got, want)
		}
	})
}

// drawWrite draws a write of a few rows of few keys, so that they meet.
func drawWrite(t *rapid.T) func(context.Context, worker.Numbers) error {
	partition := rapid.Uint16Range(0, 1).Draw(t, "partition")
	version := rapid.Uint64Range(0, 3).Draw(t, "version")
	letter := func(what string) string { return rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, what) }
	count := rapid.IntRange(0, 4).Draw(t, "rows")
	switch rapid.IntRange(0, 6).Draw(t, "table") {
	case 0:
		r := &worker.CellRows{Partition: partition, Version: version}
		for i := range count {
			hour := time.Unix(3600*rapid.Int64Range(100, 102).Draw(t, "hour"), 0).UTC()
			r.Kind = append(r.Kind, rapid.SampledFrom([]string{"volume", "entry", "between", "window"}).Draw(t, "kind"))
			r.Name, r.Segment, r.Value, r.Window = append(r.Name, letter("name")), append(r.Segment, letter("segment")), append(r.Value, fmt.Sprint(i)), append(r.Window, "")
			r.CohortStart, r.Day, r.Stage = append(r.CohortStart, calendar.Day(4).Time()), append(r.Day, calendar.Day(4).Time()), append(r.Stage, uint8(i))
			r.Bucket, r.BucketEnd = append(r.Bucket, hour), append(r.BucketEnd, hour.Add(time.Hour))
			r.N = append(r.N, rapid.Int64Range(0, 2).Draw(t, "n"))
			r.Active, r.Adopters, r.NewAdopters = append(r.Active, -1), append(r.Adopters, 2), append(r.NewAdopters, 0)
			r.Ages, r.Counts, r.Sums = append(r.Ages, []uint16{3}), append(r.Counts, []uint64{1}), append(r.Sums, []uint64{5})
		}
		other := &worker.CellRows{Partition: 1 - partition, Version: version}
		return func(ctx context.Context, n worker.Numbers) error { return n.WriteCells(ctx, r, other) }
	case 1:
		r := &worker.UserRows{Partition: partition}
		for range count {
			r.UserID, r.Facts = append(r.UserID, letter("user")), append(r.Facts, "\x00"+letter("facts"))
			r.LastSeen, r.EnteredAt, r.CohortStart = append(r.LastSeen, 7), append(r.EnteredAt, []int64{0, 5}), append(r.CohortStart, []time.Time{calendar.Day(0).Time(), calendar.Day(1).Time()})
			r.Segments, r.ReachedAt, r.Steps = append(r.Segments, []map[string]string{nil, {"plan": "pro"}}), append(r.ReachedAt, []int64{9}), append(r.Steps, []uint64{1})
			r.StepTimes, r.Excluded = append(r.StepTimes, [][]int64{{5, 0}, {}}), append(r.Excluded, false)
			r.Version = append(r.Version, rapid.Uint64Range(0, 3).Draw(t, "user's version"))
		}
		// Of rows with one key and one version in one insert the engine keeps the last, and so does the memory.
		return func(ctx context.Context, n worker.Numbers) error { return n.WriteUsers(ctx, r) }
	case 2:
		var names []worker.Name
		for range count {
			names = append(names, worker.Name{Partition: partition, Scope: letter("scope"), Value: letter("value"), Version: version})
		}
		return func(ctx context.Context, n worker.Numbers) error { return n.WriteNames(ctx, names) }
	case 3:
		c := worker.Checkpoint{
			Identity: worker.Identity{StreamCreated: 1, Partitions: 2, DefinitionHash: letter("hash")}, Partition: partition, AppliedSeq: version,
			ArrivalClock: 4, FirstReceived: 5, Received: rapid.Uint64Range(0, 9).Draw(t, "received"), Applied: 6, Ignored: 7, Missed: 8, Clamped: 9,
			Dead: map[string]uint64{"late": 1}, Failures: map[string]uint64{}, Capped: map[string]uint64{"x": 2}, DeadSeq: 3, Fingerprints: map[uint64]uint64{version: 1 << 63},
			Cells: uint8(version),
		}
		return func(ctx context.Context, n worker.Numbers) error { return n.WriteCheckpoints(ctx, c) }
	case 5:
		var rows []worker.Forgotten
		for range count {
			rows = append(rows, worker.Forgotten{
				Partition: partition, Token: letter("token"), Sequence: version, Facts: "\x00" + letter("facts"), Version: rapid.Uint8Range(1, 2).Draw(t, "version of what is kept"),
			})
		}
		return func(ctx context.Context, n worker.Numbers) error { return n.WriteForgotten(ctx, rows) }
	case 4:
		p := worker.Progress{Partition: partition, StreamSeq: 4, Lag: 5, AsOf: int64(version)}
		return func(ctx context.Context, n worker.Numbers) error {
			return n.WriteProgress(ctx, time.Unix(1, 0), []worker.Progress{p})
		}
	default:
		return func(ctx context.Context, n worker.Numbers) error {
			return n.WriteCalendar(ctx, map[calendar.Day]int64{calendar.Day(version): int64(version) * 86400})
		}
	}
}

// readBack is all that a worker reads, in lines.
func readBack(t *rapid.T, n worker.Numbers) (lines []string) {
	ctx := context.Background()
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	checkpoints, err := n.Checkpoints(ctx)
	must(err)
	asOf, err := n.AsOf(ctx)
	must(err)
	leftovers, err := n.HasLeftovers(ctx)
	must(err)
	say("checkpoints %+v as of %v leftovers %v", checkpoints, asOf, leftovers)
	cell := func(p uint16, c worker.StoredCell) {
		c.CohortStart, c.Bucket, c.Generation = c.CohortStart.UTC(), c.Bucket.UTC(), 0 // each store has its own generations
		say("cell of %d %+v", p, c)
	}
	for _, some := range [][]uint16{{0, 1}, {1}} {
		from, after, seqs := len(lines), map[uint16]int64{}, map[uint16]uint64{}
		for _, p := range some {
			after[p], seqs[p] = 101*3600+int64(p), 1+uint64(p)
		}
		must(n.LoadNames(ctx, some, func(p uint16, scope, value string) { say("name of %d %q %q", p, scope, value) }))
		must(n.LoadUsers(ctx, some, func(p uint16, id, facts []byte, version uint64) error {
			say("user of %d %q %q %d", p, id, facts, version)
			return nil
		}))
		for _, named := range [][]worker.Named{
			{{Partition: 0, IDs: []string{"a", "it's \\ not\nthere\x00"}}, {Partition: 1, IDs: []string{"b", ""}}},
			{{Partition: some[0], IDs: []string{"b"}, Tokens: []string{event.Token("a"), event.Token("")[:1]}}},
		} {
			must(n.ReadUsers(ctx, named, func(p uint16, id, facts []byte, version uint64) error {
				say("user of %d among %v: %q %q %d", p, named, id, facts, version)
				return nil
			}))
		}
		for _, page := range []worker.Page{{Limit: 2}, {Above: "a", Limit: 1000}, {Above: "a", UpTo: "it's \\ not\nthere\x00", Limit: 1000}, {Above: "b", UpTo: "c", Limit: 1}} {
			page.Partition = some[0]
			above := ""
			must(n.PageUsers(ctx, page, func(id, facts []byte, version uint64) error {
				say("user of %+v after %q: %q %q %d", page, above, id, facts, version)
				above = string(id)
				return nil
			}))
		}
		must(n.LoadForgotten(ctx, some, func(f worker.Forgotten) error {
			say("forgotten %+v", f)
			return nil
		}))
		must(n.LoadCells(ctx, after, func(p uint16, c *worker.WholeCell) {
			whole := *c
			whole.CohortStart, whole.Bucket, whole.Generation = c.CohortStart.UTC(), c.Bucket.UTC(), 0
			say("whole cell of %d %+v", p, whole)
		}))
		must(n.LoadVolumes(ctx, after, cell))
		must(n.LoadAhead(ctx, seqs, cell))
		between, err := n.CountCells(ctx, some, "between")
		must(err)
		say("between %v", between)
		slices.SortFunc(lines[from:], cmp.Compare)
	}
	return lines
}
