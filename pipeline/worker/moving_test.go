package worker_test

// Partitions that move between workers which come and go, as a law.

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/lease"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
)

// TestMovingPartitionsChangeNothing: several workers that join, stop, pause and die at any write, while events come and partitions
// move between them, leave the counts of the oracle, each message in one account and each dead letter once.
func TestMovingPartitionsChangeNothing(t *testing.T) {
	var moved, died atomic.Int64
	terms := lease.Terms{Time: 400 * time.Millisecond, Every: 60 * time.Millisecond, Margin: 80 * time.Millisecond, Look: 15 * time.Millisecond}
	many(t, 300, func(rt *rapid.T, b *bench) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 50, 70)
		c, problems := catalog.Load([]byte(yaml), kind.All)
		if problems.Failed() {
			rt.Fatal(problems.Format("catalog.yaml"))
		}
		partitions := rapid.IntRange(1, 6).Draw(rt, "partitions")
		b.begin(nil)
		g := &group{b: b, c: c, partitions: partitions, terms: terms}
		defer g.end(rt)
		for range 2 {
			g.join(rt)
		}
		for i := 0; i < len(messages); {
			n := rapid.IntRange(1, 8).Draw(rt, "messages")
			some := messages[i:min(i+n, len(messages))]
			b.publish(some)
			i += len(some)
			switch rapid.IntRange(0, 7).Draw(rt, "what happens") {
			case 0:
				g.join(rt)
			case 1:
				g.stop(rt)
			case 2:
				g.die(rt)
				died.Add(1)
			case 3:
				g.pause(rt)
			case 4, 5:
				g.settle()
			}
			moved.Add(g.changed())
		}
		g.end(rt)
		b.drainIn(rt, yaml, drawOptions(rt, partitions))
		b.compareCounts(rt, yaml, messages, partitions)
	})
	t.Logf("%d times a worker ran others than before, %d died", moved.Load(), died.Load())
}

// group are the workers of one case.
type group struct {
	b          *bench
	c          *catalog.Catalog
	partitions int
	terms      lease.Terms
	members    []*member
	named      int
}

type member struct {
	w      *worker.Worker
	door   *door
	run    *running
	before []uint16
	mu     sync.Mutex
	fault  faulty.Fault
}

func (g *group) join(rt *rapid.T) {
	if len(g.members) == 4 {
		return
	}
	g.named++
	m := &member{}
	m.w, m.door = g.b.member(fmt.Sprint("worker ", g.named), g.c, drawOptions(rt, g.partitions), g.terms)
	faulty.Inject(m.w, func(write string, at faulty.Moment) error {
		m.mu.Lock()
		f := m.fault
		m.mu.Unlock()
		if f == nil {
			return nil
		}
		err := f(write, at)
		if err != nil {
			m.door.shut.Store(true)
		}
		return err
	})
	m.run = start(g.b.t, m.w)
	g.members = append(g.members, m)
}

// pick takes one of the members out.
func (g *group) pick(rt *rapid.T) *member {
	if len(g.members) == 0 {
		return nil
	}
	i := rapid.IntRange(0, len(g.members)-1).Draw(rt, "member")
	m := g.members[i]
	g.members = slices.Delete(g.members, i, i+1)
	return m
}

func (g *group) stop(rt *rapid.T) {
	if m := g.pick(rt); m != nil {
		m.end(rt)
	}
}

// end stops a member. One that was paused while it joined has given up by itself on a machine that is slow enough, and changed nothing.
func (m *member) end(rt *rapid.T) {
	if err := m.run.end(); err != nil && !errors.Is(err, errShut) {
		rt.Fatal(err)
	}
}

// die has a member die at one of its next writes, or at once: it tells nobody.
func (g *group) die(rt *rapid.T) {
	m := g.pick(rt)
	if m == nil {
		return
	}
	at := rapid.SampledFrom([]faulty.Moment{faulty.Before, faulty.During, faulty.After}).Draw(rt, "moment")
	crash := faulty.Crash(rapid.IntRange(0, 6).Draw(rt, "write"), at, errCrash)
	m.mu.Lock()
	m.fault = crash
	m.mu.Unlock()
	if rapid.Bool().Draw(rt, "cut off") {
		m.door.shut.Store(true)
	}
	if err := m.run.end(); err != nil && !errors.Is(err, errCrash) && !errors.Is(err, errShut) {
		rt.Fatal(err)
	}
}

// pause has a member neither see nor renew leases, until it is told to again.
func (g *group) pause(rt *rapid.T) {
	if len(g.members) > 0 {
		d := g.members[rapid.IntRange(0, len(g.members)-1).Draw(rt, "member")].door
		d.shut.Store(!d.shut.Load())
	}
}

// settle waits until those that are not paused share all partitions.
func (g *group) settle() {
	var open []*worker.Worker
	for _, m := range g.members {
		if !m.door.shut.Load() {
			open = append(open, m.w)
		}
	}
	if len(open) > 0 {
		eventually(g.b.t, "the partitions are shared", func() bool { return parted(g.partitions, open...) })
	}
}

// changed is how many members run others than when it was asked last.
func (g *group) changed() (n int64) {
	for _, m := range g.members {
		runs := m.w.Runs()
		if len(m.before) > 0 && !slices.Equal(runs, m.before) {
			n++
		}
		m.before = runs
	}
	return n
}

func (g *group) end(rt *rapid.T) {
	for len(g.members) > 0 {
		m := g.members[0]
		g.members = g.members[1:]
		m.end(rt)
	}
	g.b.forgetLeases(rt)
}
