package worker

import (
	"errors"
	"strings"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// waiting are items that were taken and cannot be applied yet, because the first is about a user who is away; and whom they need.
type waiting struct {
	items []stream.Item
	first int
	bytes int
	next  map[wanted]bool // to be asked for
	asked map[wanted]bool // being read
	// blocked says that the first item is about a user who is away and was asked for.
	blocked bool
	event   event.Event // of an item that comes to wait
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
	q.bytes += len(item.Message.Data)
}

// pop takes the first item out. It moves the rest once that is less than what went, so that the list does not grow for ever.
func (q *waiting) pop() {
	q.bytes -= len(q.items[q.first].Message.Data)
	q.items[q.first] = stream.Item{}
	if q.first++; 2*q.first >= len(q.items) {
		n := copy(q.items, q.items[q.first:])
		clear(q.items[n:])
		q.items, q.first = q.items[:n], 0
	}
}

// want has a user be asked for, unless that was done.
func (q *waiting) want(w wanted) {
	if !q.asked[w] {
		q.next[w] = true
	}
}

// block says whom the first item needs.
func (q *waiting) block(lacking wanted) {
	q.blocked = true
	q.want(lacking)
}

// wait has an item wait behind the others. Whom it needs is asked for at once, as far as its subject tells: the rest is found out when
// its turn comes.
func (l *life) wait(item stream.Item) {
	l.queue.push(item)
	switch {
	case l.queue.len() == 1:
		l.queue.block(l.p.away.lacking)
	case item.Mark == nil && item.Gap == nil:
		if w, ok := l.p.foresee(&item.Message, &l.queue.event); ok {
			l.queue.want(w)
		}
	}
	l.askBack()
}

// proceed applies the items that wait, until one needs a user who is away or a snapshot is full. It reports whether it stopped at
// neither.
func (l *life) proceed() (more bool) {
	for n := 0; l.queue.len() > 0 && !l.queue.blocked && !l.full(); n++ {
		if n == queueLength {
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

// askBack has those read back who are wanted next, once those who were asked for have come.
func (l *life) askBack() {
	if len(l.queue.asked) > 0 || len(l.queue.next) == 0 || l.overtaken.Load() {
		return
	}
	l.queue.asked, l.queue.next = l.queue.next, l.queue.asked
	r := l.p.request(l.queue.asked, l.back)
	r.ended = l.ended
	l.readBack(r)
}

// comeBack takes users who were read back. Where another worker has overtaken this one, nothing more is applied: the partition is
// started again, where this worker still is to run it.
func (l *life) comeBack(back *readBack) error {
	clear(l.queue.asked)
	switch {
	case errors.Is(back.err, errOvertaken):
		l.overtaken.Store(true)
		l.overtook(back.err)
		return nil
	case back.err != nil:
		return back.err
	}
	l.queue.blocked = false
	return l.p.comeBack(back)
}

// foresee returns the user a message is about, where its subject tells that the user is away.
func (p *partition) foresee(m *event.Message, into *event.Event) (w wanted, away bool) {
	if p.away.absent.Len() == 0 || !p.away.absent.has(p.away.keyOfToken(tokenOf(m.Subject))) {
		return w, false
	}
	if token, ok := event.Forgets(m); ok {
		return wanted{token: token}, p.away.absent.has(p.away.keyOfToken(token))
	}
	if event.Parse(m, p.catalog.AllUsers, into).Verdict != event.Accepted || !p.isAway(into.User) {
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
