package simulate

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
)

// Live is the product from a moment on, at a steady rate of events: users of the past go on, new ones sign up,
// and visits of users fill the rest.
type Live struct {
	Users []User // who signed up since start, in that order

	random    *rand.Rand
	start     int64
	last      int64
	perMs     float64
	sent      float64 // events since start
	visits    int
	product   Product
	people    []string
	scheduled schedule
}

// signUps is the share of live events that are sign-ups.
const signUps = 0.05

// NewLive returns the product from start (Unix ms) on. Events of users after start are still to come.
func NewLive(start int64, perSecond float64, users []User) *Live {
	l := &Live{
		random: rand.New(rand.NewPCG(uint64(start), 0)), start: start, last: start, perMs: perSecond / 1000,
		product: Product{Seed: uint64(start)},
	}
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

// Next returns the events since the last call up to now (Unix ms), in order of time. After a pause it goes on from
// now.
func (l *Live) Next(now int64) (events []Event) {
	if now-l.last > longPause {
		l.start, l.last, l.sent = now, now, 0
	}
	for ; l.last < now; l.last++ {
		for due := float64(l.last-l.start+1) * l.perMs; ; {
			if len(l.scheduled) > 0 && l.scheduled[0].Time <= l.last {
				events = append(events, heap.Pop(&l.scheduled).(Event))
				l.sent++
				continue
			}
			if l.sent >= due {
				break
			}
			l.spontaneous()
		}
	}
	return events
}

// longPause (ms) is what a computer that slept makes of two calls.
const longPause = 60_000

// spontaneous schedules a sign-up or a visit for now.
func (l *Live) spontaneous() {
	if len(l.people) == 0 || l.random.Float64() < signUps {
		u := l.product.user(fmt.Sprintf("live%d-%d", l.product.Seed, len(l.Users)), l.last)
		l.Users = append(l.Users, u)
		l.join(&u)
		return
	}
	l.visits++
	who := l.people[l.random.IntN(len(l.people))]
	heap.Push(&l.scheduled, Event{Time: l.last, Name: "dashboard_viewed", User: who, ID: fmt.Sprintf("visit%d-%d", l.product.Seed, l.visits)})
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
