package simulate

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
)

// Live is a product from a moment on, at its own pace: users of the past go on, and new ones sign up as they did. Where more events
// are asked for, visits fill up.
type Live struct {
	Users []User // who signed up since start, in that order

	product   Product
	random    *rand.Rand
	start     int64
	last      int64
	perMs     float64
	sent      float64 // events since start
	visits    int
	people    []string
	scheduled schedule
}

// NewLive returns the product from start (Unix ms) on, with at least so many events per second. users are those of the past, of
// whom events after start are still to come.
func NewLive(p *Product, start int64, perSecond float64, users []User) *Live {
	l := &Live{product: *p, random: rand.New(rand.NewPCG(uint64(start), 0)), start: start, last: start, perMs: perSecond / 1000}
	for i := range users {
		l.join(&users[i])
	}
	return l
}

func (l *Live) join(u *User) {
	l.people = append(l.people, u.ID)
	for _, e := range u.Events {
		if e.Time >= l.last {
			heap.Push(&l.scheduled, e)
		}
	}
}

// Next returns the events since the last call up to now (Unix ms), in order of time. Visits are not made up for after a long
// pause.
func (l *Live) Next(now int64) (events []Event) {
	if now <= l.last {
		return nil
	}
	paused := now-l.last > longPause
	if paused {
		l.start = now
	}
	l.signUp(now)
	for ; l.last < now; l.last++ {
		events = l.happened(events)
		for len(l.people) > 0 && l.sent < float64(l.last-l.start+1)*l.perMs {
			l.visit()
			events = l.happened(events)
		}
	}
	if paused {
		l.sent = 0
	}
	return events
}

// longPause (ms) is what a computer that slept makes of two calls.
const longPause = 60_000

// happened appends what is scheduled up to last.
func (l *Live) happened(events []Event) []Event {
	for len(l.scheduled) > 0 && l.scheduled[0].Time <= l.last {
		events = append(events, heap.Pop(&l.scheduled).(Event))
		l.sent++
	}
	return events
}

// signUp lets those join who sign up before now.
func (l *Live) signUp(now int64) {
	p := l.product
	p.From, p.Until = l.last, now
	joined := p.Users()
	for i := range joined {
		l.join(&joined[i])
	}
	l.Users = append(l.Users, joined...)
}

// visit schedules a visit of somebody for now.
func (l *Live) visit() {
	l.visits++
	who := l.people[l.random.IntN(len(l.people))]
	heap.Push(&l.scheduled, Event{Time: l.last, Name: "dashboard_viewed", User: who, ID: fmt.Sprintf("visit%d-%d", l.start, l.visits)})
}

// schedule is a heap of events by time.
type schedule []Event

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].Time < s[j].Time }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *schedule) Push(x any) { *s = append(*s, x.(Event)) }

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	old := *s
	last := old[len(old)-1]
	*s = old[:len(old)-1]
	return last
}
