package worker

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// lookingAhead returns the life of a partition of whose users one is in memory and two are away, and what it has asked for.
func lookingAhead(t *testing.T, limit limits) (*life, *[]*readBack) {
	t.Helper()
	l := newLife(0, limit, func() {})
	l.recovered(newPartition(0, product(t, "24h"), Identity{}))
	l.p.addUser("here", l.p.blank)
	l.p.away.note("away", 1)
	l.p.away.note("gone", 2)
	l.p.away.stored = 2
	asked := &[]*readBack{}
	l.readBack = func(r *readBack) { *asked = append(*asked, r) }
	return l, asked
}

// about is a message about a user.
func about(user string, sequence int) stream.Item {
	return stream.Item{Message: event.Message{
		Subject: event.Subject("web", user), Stored: 1_770_000_000_000, Sequence: uint64(sequence),
		Data: fmt.Appendf(nil, `{"event":"signed_up","userId":%q,"messageId":"m-%d"}`, user, sequence),
	}}
}

// takeAll has a life take items as the reader hands them.
func takeAll(l *life, items ...stream.Item) {
	go func() {
		for _, item := range items[1:] {
			l.in <- item
		}
	}()
	l.take(items[0])
	for l.queue.len() < len(items) && !l.queue.full(&l.limit) {
		l.take(<-l.in)
	}
}

// TestLookingAhead: users who are away are asked for together, before the first message about one of them has its turn, once there is
// much to look through.
func TestLookingAhead(t *testing.T) {
	l, asked := lookingAhead(t, limits{messages: 1000, users: 1000, cells: 100_000, deadLetters: 10, deadBytes: 1000, waiting: 20})
	var items []stream.Item
	for i := range 20 {
		user := "here"
		switch i {
		case 15:
			user = "away"
		case 17:
			user = "gone"
		}
		items = append(items, about(user, 11+i))
	}
	takeAll(l, items...)
	if len(*asked) > 0 {
		t.Fatalf("%v is asked for far ahead of its turn, when others may come to be looked at", (*asked)[0].IDs)
	}
	for i := 31; len(*asked) == 0; i++ {
		if !l.apply(&l.queue.items[l.queue.first]) {
			t.Fatal("a user is not asked for before the message about it has its turn")
		}
		l.queue.pop()
		l.take(about("here", i))
	}
	if len(*asked) != 1 || len((*asked)[0].IDs) != 2 || l.queue.blocked {
		t.Fatalf("before any waits for it, %d queries are made: %+v", len(*asked), *asked)
	}
	if l.proceed() || !l.queue.blocked || l.p.applied != 25 {
		t.Errorf("the message that needs the first of them is not waited for: %d is applied", l.p.applied)
	}
}

// TestWaitedForStay: a user in memory whom a message that waits is about does not leave before others, though touched before them, because
// each who leaves then has to be read back alone.
func TestWaitedForStay(t *testing.T) {
	l, _ := lookingAhead(t, limits{messages: 1000, users: 1000, cells: 100_000, deadLetters: 10, deadBytes: 1000, waiting: 20})
	l.p.addUser("idle", l.p.blank)
	takeAll(l, about("away", 11), about("here", 12))
	l.p.away.share = l.p.users.size() - 1 + l.p.away.absent.size()
	l.p.shed()
	_, here := l.p.users.find("here")
	if _, idle := l.p.users.find("idle"); !here || idle {
		t.Errorf("the user a message waits for stayed: %v; the idle one stayed: %v", here, idle)
	}
}

// TestLingering: where nothing else is at hand, a user is asked for once its message has waited for as long as the query before took.
func TestLingering(t *testing.T) {
	l, asked := lookingAhead(t, limits{messages: 1000, users: 1000, cells: 100_000, deadLetters: 10, deadBytes: 1000, waiting: 20})
	l.queue.took = time.Hour
	takeAll(l, about("away", 11))
	if l.proceed(); len(*asked) > 0 || !l.queue.blocked {
		t.Fatal("it is asked for at once, alone")
	}
	l.take(about("gone", 12))
	l.queue.since = time.Now().Add(-l.queue.took)
	if l.askBack(); len(*asked) != 1 || len((*asked)[0].IDs) != 2 {
		t.Fatalf("after that time %+v are asked for", *asked)
	}
	if l.askBack(); len(*asked) != 1 {
		t.Error("somebody is asked for twice")
	}
}

// TestRallying: when one partition asks for users, others ask for whom they want, though it is not time for that yet, so that one query
// answers for all.
func TestRallying(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	lives, asked, ended := make([]atomic.Pointer[life], 2), make(chan *readBack, 2), make(chan error, 2)
	w := &Worker{}
	w.lives.Store(&lives)
	for i := range lives {
		l, _ := lookingAhead(t, limits{messages: 1000, users: 1000, cells: 100_000, deadLetters: 10, deadBytes: 1000, waiting: 20})
		l.queue.took = time.Hour // as long as it lingers
		l.readBack = func(r *readBack) { asked <- r }
		lives[i].Store(l)
		l.in <- about("away", 11)
		go func() { ended <- l.run(ctx) }()
	}
	for len(asked) < 2 && ctx.Err() == nil {
		w.rally(ctx)
	}
	if len(asked) < 2 {
		t.Fatal("not all partitions ask for whom they want")
	}
	stop()
	for range 2 {
		if r := <-asked; len(r.IDs) != 1 || r.IDs[0] != "away" {
			t.Errorf("asked for %q", r.IDs)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
