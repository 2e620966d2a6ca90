package worker

import (
	"errors"
	"strings"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/stream"
)

// waiting are items that were taken and are not applied yet, because they are looked through for users who are away, or because the first
// is about one; and whom they need.
type waiting struct {
	items  []stream.Item
	first  int
	bytes  int
	pushed uint64          // items that ever came to wait
	next   map[wanted]bool // to be asked for
	asked  map[wanted]bool // being read
	// blocked says that the first item is about a user who is away and was asked for.
	blocked bool
	// nearest is which of the items that ever came to wait is the first about a user who is in next.
	nearest uint64
	since   time.Time     // when the first item began to wait for somebody who was not asked for; zero: it does not
	took    time.Duration // to read back those who were asked for before, mostLinger at most
	event   event.Event   // of an item that comes to wait
}

func newWaiting() waiting { return waiting{next: map[wanted]bool{}, asked: map[wanted]bool{}} }

func (q *waiting) len() int { return len(q.items) - q.first }

func (q *waiting) full(limit *limits) bool {
	return q.len() >= limit.waiting || q.bytes >= limit.waitingSize
}

func (q *waiting) each(visit func(*stream.Item)) {
	for i := q.first; i < len(q.items); i++ {
		visit(&q.items[i])
	}
}

func (q *waiting) push(item stream.Item) {
	q.items = append(q.items, item)
	q.pushed++
	q.bytes += sizeOf(&item)
}

// sizeOf is how many bytes an item takes, about.
func sizeOf(item *stream.Item) int { return besideData + len(item.Message.Data) }

// besideData is what an item takes beside the data of its message: itself, its subject and headers.
const besideData = 512

// pop takes the first item out. It moves the rest once that is less than what went, so that the list does not grow for ever.
func (q *waiting) pop() {
	q.bytes -= sizeOf(&q.items[q.first])
	q.items[q.first] = stream.Item{}
	if q.first++; 2*q.first >= len(q.items) {
		n := copy(q.items, q.items[q.first:])
		clear(q.items[n:])
		q.items, q.first = q.items[:n], 0
	}
}

// want has a user be asked for, unless that was done.
func (q *waiting) want(w wanted) {
	if q.asked[w] {
		return
	}
	if len(q.next) == 0 {
		q.nearest = q.pushed
	}
	q.next[w] = true
}

// enough reports whether it is time to ask for those who are wanted, though nothing waits for them yet: there is much to look through, so
// that a query answers for many, and the first of them is half the way to its turn, so that the rest of it may be what the query takes.
func (q *waiting) enough(limit *limits) bool {
	much := 2*q.len() >= limit.waiting || 2*q.bytes >= limit.waitingSize
	return much && 2*(q.nearest-min(q.nearest, q.pushed-uint64(q.len()))) <= uint64(q.len())
}

// block says whom the first item needs.
func (q *waiting) block(lacking wanted) {
	q.blocked = true
	q.want(lacking)
}

// wait has an item wait behind the others. Whom it needs is wanted at once, as far as its subject tells: the rest is found out when its
// turn comes.
func (l *life) wait(item stream.Item) {
	l.queue.push(item)
	if item.Mark != nil || item.Gap != nil {
		return
	}
	if w, ok := l.p.foresee(&item.Message, &l.queue.event); ok {
		l.queue.want(w)
	}
}

// stride is how many items that wait are applied before others are looked at: so those behind them are read back meanwhile.
const stride = 256

// proceed applies items that wait, until one needs a user who is away or a snapshot is full. It reports whether it stopped at neither.
func (l *life) proceed() (more bool) {
	for n := 0; l.queue.len() > 0 && !l.queue.blocked && !l.full(); n++ {
		if n == stride {
			l.askBack()
			return true
		}
		if !l.apply(&l.queue.items[l.queue.first]) {
			l.queue.block(l.p.away.lacking)
			break
		}
		l.queue.pop()
	}
	l.askBack()
	return false
}

// mostLinger bounds how long an item waits for others before its user is asked for.
const mostLinger = 250 * time.Millisecond

// askBack has those read back who are wanted next, once those who were asked for have come. A query costs as much as hundreds of users, so
// they are asked for when there are enough, or when an item has waited for as long as the query before took.
func (l *life) askBack() {
	q := &l.queue
	switch {
	case len(q.asked) > 0 || len(q.next) == 0 || l.overtaken.Load():
		return
	case q.enough(&l.limit) || q.blocked && q.full(&l.limit):
	case !q.blocked:
		return
	case q.since.IsZero():
		if q.since = time.Now(); q.took > 0 {
			l.linger.Reset(q.took)
			return
		}
	case time.Since(q.since) < q.took:
		return
	}
	l.askNow()
}

// askNow has those read back who are wanted next, unless others are being read.
func (l *life) askNow() {
	q := &l.queue
	if len(q.asked) > 0 || len(q.next) == 0 || l.overtaken.Load() {
		return
	}
	q.since = time.Time{}
	q.asked, q.next = q.next, q.asked
	r := l.p.request(q.asked, l.back)
	r.ended = l.ended
	l.readBack(r)
}

// comeBack takes users who were read back. Where another worker has overtaken this one, nothing more is applied: the partition is
// started again, where this worker still is to run it.
func (l *life) comeBack(back *readBack) error {
	clear(l.queue.asked)
	l.queue.took = min(back.took, mostLinger)
	err := back.err
	if err == nil {
		err = l.p.comeBack(back)
	}
	if l.queue.blocked = errors.Is(err, errOvertaken) || errors.Is(err, facts.ErrUnknownLayout); !l.queue.blocked {
		return err
	}
	l.overtaken.Store(true)
	l.overtook(err)
	return nil
}

// foresee returns the user a message is about, where its subject tells that the user is away. One who is in memory is touched, so as not to
// leave before the message has its turn: each of those would have to be read back alone.
func (p *partition) foresee(m *event.Message, into *event.Event) (w wanted, away bool) {
	if p.away.absent.Len() == 0 {
		return w, false
	}
	if token, ok := event.Forgets(m); ok {
		return wanted{token: token}, p.away.absent.has(p.away.keyOfToken(token))
	}
	if event.Parse(m, p.catalog.AllUsers, into).Verdict != event.Accepted {
		return w, false
	}
	if u, known := p.users.find(into.User); known {
		p.users.recency.touch(u)
		return w, false
	}
	if !p.away.absent.has(p.away.keyOfToken(tokenOf(m.Subject))) || !p.away.absent.has(p.away.key(into.User)) {
		return w, false
	}
	return wanted{id: strings.Clone(into.User)}, true
}

// tokenOf returns the token at the end of a subject.
func tokenOf(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// request asks for users who are wanted, but for those who came meanwhile.
func (p *partition) request(of map[wanted]bool, reply chan<- *readBack) *readBack {
	r := &readBack{Named: Named{Partition: p.id}, upTo: p.away.stored, digits: p.away.digits, keys: map[uint64]*keyed{}, reply: reply}
	for w := range of {
		key := uint64(0)
		if w.token != "" {
			if _, known := p.forgotten.find(w.token, p.users); known {
				continue
			}
			r.Tokens, key = append(r.Tokens, w.token), p.away.keyOfToken(w.token)
		} else {
			if _, known := p.users.find(w.id); known {
				continue
			}
			r.IDs, key = append(r.IDs, w.id), p.away.key(w.id)
		}
		r.keys[key] = &keyed{versions: p.away.absent.versionsOf(key)}
	}
	return r
}
