// Package faults does to a lab what the world does to servers, and sees that it recovers.
package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/lab"
	"firstlight/cmd/firstlight-chaos/internal/servers"
	"firstlight/cmd/firstlight-chaos/internal/wire"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker/faulty"
)

// Fault is one thing that goes wrong, unlike every other of a deck: by what it is, whom it meets, and at which moment of which write of
// a flush.
type Fault struct {
	Kind   string
	Target string
	Write  string // of a flush; "" at any time
	Moment string // of that write
	lane   int    // faults of one lane come one after the other
	// patience is how long it may take, where that is longer than others are waited for.
	patience time.Duration
	// inject does it, and ends it.
	inject func(ctx context.Context, l *lab.Lab) error
}

// String says what the fault is.
func (f *Fault) String() string {
	text := f.Target + " " + f.Kind
	if f.Write != "" {
		text += fmt.Sprintf(" %s writing %s", f.Moment, f.Write)
	}
	return text
}

// How long something is not as it should be.
const (
	brief    = 3 * time.Second
	lasting  = 8 * time.Second  // longer than a lease
	longest  = 20 * time.Second // that a worker is away whose partitions others do not take, because they are not well either
	slowness = 100 * time.Millisecond
)

// Deck returns all faults, in an order that a seed decides: of each lane, but such that every kind comes early.
func Deck(l *lab.Lab, seed uint64) [][]*Fault {
	var all []*Fault
	for i, w := range l.Workers {
		all = append(all, inFlush(i, w)...)
		all = append(all, ofWorker(i, w)...)
		all = append(all, ofLinks(i, w.Name+"'s connection to NATS", w.NATS...)...)
		all = append(all, ofLinks(i, w.Name+"'s connection to ClickHouse", w.ClickHouse)...)
	}
	shared := len(l.Workers) // the lane of what is not a worker's
	for _, n := range l.Cluster.Nodes {
		all = append(all, ofNode(shared, n)...)
		all = append(all, ofLinks(shared, "the route to server "+n.Name, n.Routes)...)
	}
	all = append(all, ofStreams(shared)...)
	all = append(all, ofEngine(shared)...)
	lanes := make([][]*Fault, shared+1)
	random := rand.New(rand.NewPCG(seed, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, f := range all {
		lanes[f.lane] = append(lanes[f.lane], f)
	}
	for i, lane := range lanes {
		lanes[i] = kindsFirst(lane)
	}
	return lanes
}

// kindsFirst moves the first fault of every kind, at every moment, to the front.
func kindsFirst(lane []*Fault) []*Fault {
	seen := map[string]bool{}
	var front, back []*Fault
	for _, f := range lane {
		if key := f.Kind + f.Moment; !seen[key] {
			seen[key] = true
			front = append(front, f)
		} else {
			back = append(back, f)
		}
	}
	return append(front, back...)
}

var moments = map[faulty.Moment]string{faulty.Before: "before", faulty.During: "while", faulty.After: "after"}

// writes are what a worker writes: a flush, and its progress.
var writes = []string{faulty.Names, faulty.Calendar, faulty.Cells, faulty.Forgotten, faulty.Voices, faulty.Users, faulty.Dead, faulty.Checkpoints, faulty.Reports}

// inFlush are faults at a moment of a write.
func inFlush(lane int, w *servers.Worker) (all []*Fault) {
	for _, write := range writes {
		links := []*wire.Link{w.ClickHouse}
		if write == faulty.Dead {
			links = w.NATS
		}
		for _, moment := range []faulty.Moment{faulty.Before, faulty.During, faulty.After} {
			add := func(kind string, sprung func(ctx context.Context, l *lab.Lab) wire.Outcome, after func() error) {
				all = append(all, &Fault{Kind: kind, Target: w.Name, Write: write, Moment: moments[moment], lane: lane, inject: func(ctx context.Context, l *lab.Lab) error {
					if err := wire.Await(ctx, links, write, moment, func() wire.Outcome { return sprung(ctx, l) }); err != nil {
						return err
					}
					return after()
				}})
			}
			nothing := func() error { return nil }
			add("is cut off", func(context.Context, *lab.Lab) wire.Outcome { return wire.Cut }, nothing)
			add("is killed", func(context.Context, *lab.Lab) wire.Outcome { w.Kill(); return wire.Cut }, w.Start)
			add("is paused past its leases", func(ctx context.Context, l *lab.Lab) wire.Outcome { pauseWorker(ctx, l, w); return wire.Pass }, nothing)
			add("waits for an answer", func(ctx context.Context, _ *lab.Lab) wire.Outcome { wait(ctx, lasting); return wire.Pass }, nothing)
			if write != faulty.Dead {
				add("is told that the disk is full", func(context.Context, *lab.Lab) wire.Outcome { return wire.Refuse }, nothing)
			}
		}
	}
	return all
}

// ofWorker are faults of a worker at any time.
func ofWorker(lane int, w *servers.Worker) []*Fault {
	one := func(kind string, inject func(ctx context.Context, l *lab.Lab) error) *Fault {
		return &Fault{Kind: kind, Target: w.Name, lane: lane, inject: inject}
	}
	return []*Fault{
		one("is killed and started", func(context.Context, *lab.Lab) error { w.Kill(); return w.Start() }),
		one("is killed and stays away", func(ctx context.Context, l *lab.Lab) error {
			pid := w.Pid()
			w.Kill()
			untilMoved(ctx, l, pid)
			return w.Start()
		}),
		one("is stopped and started", func(context.Context, *lab.Lab) error { w.Stop(); return w.Start() }),
		one("is paused past its leases at any time", func(ctx context.Context, l *lab.Lab) error { pauseWorker(ctx, l, w); return nil }),
	}
}

// pauseWorker stops a worker until others have what it held, and lets it wake.
func pauseWorker(ctx context.Context, l *lab.Lab, w *servers.Worker) {
	pid := w.Pid()
	w.Pause()
	defer w.Resume()
	untilMoved(ctx, l, pid)
}

// untilMoved waits until others have what a worker held, or for the longest that it is to be away.
func untilMoved(ctx context.Context, l *lab.Lab, pid int) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for !lab.Once(ctx, func(ctx context.Context) bool { return l.Moved(ctx, pid) }) && ctx.Err() == nil {
		wait(ctx, slowness)
	}
}

// ofLinks are faults of the links between two parties.
func ofLinks(lane int, target string, links ...*wire.Link) []*Fault {
	one := func(kind string, during time.Duration, begin, end func(*wire.Link)) *Fault {
		return &Fault{Kind: kind, Target: target, lane: lane, inject: func(ctx context.Context, _ *lab.Lab) error {
			for _, l := range links {
				begin(l)
			}
			wait(ctx, during)
			for _, l := range links {
				end(l)
			}
			return nil
		}}
	}
	nothing := func(*wire.Link) {}
	free := func(l *wire.Link) { l.Hold(0) }
	return []*Fault{
		one("is cut", 0, (*wire.Link).Cut, nothing),
		one("is refused", brief, func(l *wire.Link) { l.Refuse(true) }, func(l *wire.Link) { l.Refuse(false) }),
		one("is slow", brief, func(l *wire.Link) { l.Delay(slowness) }, func(l *wire.Link) { l.Delay(0) }),
		one("stands still", lasting, func(l *wire.Link) { l.Hold(wire.Client | wire.Server) }, free),
		one("brings no answers", lasting, func(l *wire.Link) { l.Hold(wire.Server) }, free),
		one("is half-closed to who dialled", 0, func(l *wire.Link) { l.HalfClose(wire.Client) }, nothing),
		one("is half-closed to who was dialled", 0, func(l *wire.Link) { l.HalfClose(wire.Server) }, nothing),
	}
}

// ofNode are faults of a NATS server.
func ofNode(lane int, n *servers.Node) []*Fault {
	one := func(kind string, inject func(ctx context.Context) error) *Fault {
		return &Fault{Kind: kind, Target: "server " + n.Name, lane: lane, inject: func(ctx context.Context, _ *lab.Lab) error { return inject(ctx) }}
	}
	all := []*Fault{
		one("is killed and started", func(context.Context) error { n.Kill(); return n.Start() }),
		one("is paused", func(ctx context.Context) error { return pauseNode(ctx, n) }),
		{Kind: "hangs until all goes on without it", Target: "server " + n.Name, lane: lane, patience: 3 * lab.Patience, inject: func(ctx context.Context, l *lab.Lab) error { return hang(ctx, l, n) }},
	}
	if n.Disk != nil {
		all = append(all, one("has a full disk, gets room and is started again", func(ctx context.Context) error { return fillDisk(ctx, n) }))
	}
	return all
}

// hang stops a server for as long as it takes until what comes after that is stored: no connection ends by itself meanwhile.
func hang(ctx context.Context, l *lab.Lab, n *servers.Node) error {
	if err := n.Pause(); err != nil {
		return err
	}
	err := l.GoesOn(ctx)
	if err != nil {
		err = &standstill{err}
	}
	return errors.Join(err, n.Resume())
}

// fillDisk fills a server's disk. A server whose stores could not write opens them again when it is started.
func fillDisk(ctx context.Context, n *servers.Node) error {
	if err := n.Disk.Fill(); err != nil {
		return err
	}
	wait(ctx, lasting)
	if err := n.Disk.Free(); err != nil {
		return err
	}
	n.Kill()
	return n.Start()
}

func pauseNode(ctx context.Context, n *servers.Node) error {
	if err := n.Pause(); err != nil {
		return err
	}
	wait(ctx, lasting)
	return n.Resume()
}

const leases = "KV_FIRSTLIGHT_LEASES"

// ofStreams are faults of who leads a stream, and of Firstlight's own streams.
func ofStreams(lane int) (all []*Fault) {
	one := func(kind, target string, inject func(ctx context.Context, l *lab.Lab) error) {
		all = append(all, &Fault{Kind: kind, Target: target, lane: lane, inject: inject})
	}
	led := func(name string, do func(ctx context.Context, n *servers.Node) error) func(context.Context, *lab.Lab) error {
		return func(ctx context.Context, l *lab.Lab) error {
			n, err := l.Leader(ctx, name)
			if err != nil {
				return err
			}
			return do(ctx, n)
		}
	}
	for _, name := range []string{lab.Stream, stream.DeadStream, leases} {
		one("is killed and started", "the leader of "+name, led(name, func(_ context.Context, n *servers.Node) error { n.Kill(); return n.Start() }))
		one("is killed and stays away", "the leader of "+name, led(name, func(ctx context.Context, n *servers.Node) error {
			n.Kill()
			wait(ctx, lasting)
			return n.Start()
		}))
		one("is paused", "the leader of "+name, led(name, pauseNode))
		one("steps down", "the leader of "+name, func(ctx context.Context, l *lab.Lab) error { return l.StepDown(ctx, name) })
	}
	one("is deleted", stream.DeadStream, func(ctx context.Context, l *lab.Lab) error { return l.Run.Letters.Delete(ctx) })
	for _, name := range []string{leases, stream.AnomalyStream, stream.AnnotationStream} {
		one("is deleted", name, func(ctx context.Context, l *lab.Lab) error {
			if err := l.JS.DeleteStream(ctx, name); err != nil {
				return fmt.Errorf("delete %s: %w", name, err)
			}
			return nil
		})
	}
	return all
}

// ofEngine are faults of the ClickHouse engine.
func ofEngine(lane int) []*Fault {
	return []*Fault{
		{Kind: "is killed and started", Target: "ClickHouse", lane: lane, inject: func(_ context.Context, l *lab.Lab) error { return l.Engine.Kill() }},
		{Kind: "has a full disk", Target: "ClickHouse", lane: lane, inject: func(ctx context.Context, l *lab.Lab) error {
			if err := l.Engine.Full(ctx, true); err != nil {
				return err
			}
			wait(ctx, lasting)
			return l.Engine.Full(ctx, false)
		}},
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Count is how many faults there are.
func Count(lanes [][]*Fault) (n int) {
	for _, lane := range lanes {
		n += len(lane)
	}
	return n
}

// next takes the next fault of a lane, nil when there is none.
func next(lanes [][]*Fault, lane int) *Fault {
	if len(lanes[lane]) == 0 {
		return nil
	}
	f := lanes[lane][0]
	lanes[lane] = slices.Clone(lanes[lane][1:])
	return f
}
