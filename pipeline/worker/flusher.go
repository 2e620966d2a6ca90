package worker

import (
	"sync/atomic"
	"time"
)

// flusher writes the snapshots of all partitions of a worker together, so that a flush is one insert for each table however many
// partitions there are. It asks every partition for what changed, writes that, and asks again when the interval is over or a
// partition is full: partitions go on applying messages meanwhile.
type flusher struct {
	every  time.Duration
	behind atomic.Bool // messages wait: flushes are rarer, and larger
	lives  func() []*life
	write  func([]*snapshot) error
	urgent chan struct{} // a partition is full, or ends
}

const (
	intervalsBehind = 5
	looksPerFlush   = 20 // a flush is late by a twentieth of the interval at most
)

func newFlusher(every time.Duration, lives func() []*life, write func([]*snapshot) error) *flusher {
	return &flusher{every: every, lives: lives, write: write, urgent: make(chan struct{}, 1)}
}

// urge has the next flush begin as soon as the one that is being written is stored.
func (f *flusher) urge() { signal(f.urgent) }

// interval is how often changes are written. A worker that is behind writes larger snapshots, less often: a user or cell that changes
// many times is then written once, and nobody waits for the newest events yet.
func (f *flusher) interval() time.Duration {
	if f.behind.Load() {
		return f.every * intervalsBehind
	}
	return f.every
}

// run flushes until end is closed. The partitions must have ended before.
func (f *flusher) run(end <-chan struct{}) {
	tick := time.NewTicker(max(time.Millisecond, min(f.every, time.Second)/looksPerFlush))
	defer tick.Stop()
	for last := time.Now(); ; {
		urgent := false
		select {
		case <-f.urgent:
			urgent = true
		case <-tick.C:
			if time.Since(last) < f.interval() {
				continue
			}
		case <-end:
			return
		}
		if !urgent {
			last = time.Now()
		}
		f.flush(!urgent)
	}
}

// flush writes what changed: of all partitions, or of those that are full, nearly full or ending.
func (f *flusher) flush(all bool) {
	var asked, writing []*life
	for _, l := range f.lives() {
		select {
		case l.ask <- all:
			asked = append(asked, l)
		case <-l.ended:
		}
	}
	var group []*snapshot
	for _, l := range asked {
		select {
		case s := <-l.answer:
			if s != nil {
				group, writing = append(group, s), append(writing, l)
			}
		case <-l.ended:
		}
	}
	if len(group) == 0 {
		return
	}
	err := f.write(group)
	for _, l := range writing {
		l.stored <- err
	}
}
