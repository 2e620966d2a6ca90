package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/trouble"
)

const (
	// maxWaiting bounds the messages that wait for one destination, of some kilobytes each.
	maxWaiting = 10_000
	// farewell is how long messages are still delivered after the end was asked for.
	farewell = 3 * time.Second
	// The wait after a failure doubles from retryFirst to retryMost, and varies by half.
	retryFirst = time.Second
	retryMost  = time.Minute
	sweepEvery = 24 * time.Hour
)

// courier brings messages to one destination: one goroutine, one message at a time.
type courier struct {
	to      destination
	book    *ledger
	clock   clockwork.Clock
	log     *zap.Logger
	metrics *Metrics
	trouble *trouble.Board
	limit   *rate.Limiter
	digest  time.Duration
	retry   time.Duration // wait after the first failure

	failures  int            // in a row
	notBefore time.Time      // of the next attempt
	refusals  map[string]int // by incident, of the message that is next
	burst     burst
	swept     time.Time
	round     time.Time // of the last round; zero: one is due
	wake      chan struct{}

	mu        sync.Mutex
	again     bool // a round is due: something open was told again, after a restart
	waiting   []*anomaly.Message
	open      map[string]*anomaly.Message // newest message of each open incident that was told
	idle      chan struct{}               // closed while nothing waits
	lastError error
}

// rounds is a destination that has to be told again and again what goes on.
type rounds interface {
	every() time.Duration
	// tell tells what is open and was delivered before.
	tell(ctx context.Context, open []*anomaly.Message) error
}

// digests is a destination that is told of withheld messages in one.
type digests interface {
	sumUp(ctx context.Context, withheld []entry) error
}

func newCourier(cfg *Config, d destination, book *ledger, log *zap.Logger) *courier {
	c := &courier{
		to: d, book: book, clock: cfg.Clock, log: log.With(zap.String("destination", d.name())), metrics: cfg.Metrics, trouble: cfg.Trouble,
		limit: rate.NewLimiter(rate.Limit(float64(cfg.PerHour)/time.Hour.Seconds()), cfg.PerHour), digest: cfg.Digest, retry: retryFirst,
		wake: make(chan struct{}, 1), refusals: map[string]int{}, open: map[string]*anomaly.Message{}, idle: make(chan struct{}),
	}
	close(c.idle)
	cfg.Metrics.known(d.name())
	return c
}

// take queues messages that are news to the destination.
func (c *courier) take(messages []anomaly.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := map[string]uint64{} // of each incident, waiting
	for _, m := range c.waiting {
		last[m.Incident] = m.Seq
	}
	for i := range messages {
		m := &messages[i]
		c.know(m)
		if m.Seq <= last[m.Incident] || m.Seq <= c.book.get(m.Incident).Seq {
			continue
		}
		c.waiting = append(c.waiting, m)
		last[m.Incident] = m.Seq
	}
	if over := len(c.waiting) - maxWaiting; over > 0 {
		c.log.Error("too many messages wait, the oldest are dropped", zap.Int("dropped", over))
		c.metrics.withheld(c.to.name(), over)
		c.waiting = c.waiting[over:]
	}
	c.updateIdle()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// know keeps the newest message of each incident that is open. mu is held.
func (c *courier) know(m *anomaly.Message) {
	known := c.open[m.Incident]
	switch {
	case known != nil && known.Seq > m.Seq:
	case m.Open():
		c.again = c.again || known == nil
		c.open[m.Incident] = m
	default:
		delete(c.open, m.Incident)
	}
}

// updateIdle opens or closes idle. mu is held.
func (c *courier) updateIdle() {
	busy := len(c.waiting) > 0 || c.book.unwritten()
	select {
	case <-c.idle:
		if busy {
			c.idle = make(chan struct{})
		}
	default:
		if !busy {
			close(c.idle)
		}
	}
}

// drained is closed once nothing waits.
func (c *courier) drained() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle
}

// behind says what waits, and why.
func (c *courier) behind() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprintf("%d messages wait for %s", len(c.waiting), c.to.name())
	if len(c.waiting) == 1 {
		text = "1 message waits for " + c.to.name()
	}
	if c.lastError != nil {
		text += " (" + c.lastError.Error() + ")"
	}
	return text
}

// run delivers until ctx ends, and what it can at once after that.
func (c *courier) run(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })()
	for {
		worked, err := c.attempt(sending)
		c.account(err)
		if !worked || err != nil {
			c.burst.log(c.log)
			c.burst = burst{}
		}
		switch {
		case ctx.Err() != nil && (err != nil || !worked):
			return
		case !worked || err != nil:
			c.pause(ctx)
		}
	}
}

// attempt does one piece of work, if there is any and it is time for it.
func (c *courier) attempt(ctx context.Context) (worked bool, err error) {
	now := c.clock.Now()
	if ctx.Err() != nil || now.Before(c.notBefore) {
		return false, nil
	}
	var unwritten error // holds up nothing: messages are worth more than the ledger
	if c.book.unwritten() {
		unwritten = c.write(ctx)
	}
	for _, work := range []func(context.Context, time.Time) (bool, error){c.next, c.goRound, c.sumUp} {
		if worked, err := work(ctx, now); worked || err != nil {
			return worked, err
		}
	}
	if now.Sub(c.swept) >= sweepEvery && unwritten == nil {
		c.swept = now
		unwritten = c.book.sweep(ctx, now)
	}
	return false, unwritten
}

// delivering is what the trouble of a courier is about.
const delivering = "messages about incidents"

// write stores what changed in the ledger, and says so when it cannot: it is written later.
func (c *courier) write(ctx context.Context) error {
	err := c.book.write(ctx)
	if err == nil || ctx.Err() == nil {
		c.trouble.Report(trouble.NATS, "the ledger of messages to "+c.to.name(), err)
	}
	return err
}

// account keeps account of an attempt's outcome.
func (c *courier) account(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if err == nil {
		if c.failures > 0 && !now.Before(c.notBefore) {
			c.trouble.Report(c.to.name(), delivering, nil)
			c.failures, c.lastError = 0, nil
		}
		c.updateIdle()
		return
	}
	c.lastError = err
	c.failures++
	wait := min(c.retry<<min(c.failures-1, 10), retryMost)
	wait = wait/2 + rand.N(wait)
	var answer *answerError
	if errors.As(err, &answer) {
		wait = max(wait, answer.after)
	}
	c.notBefore = now.Add(wait)
	c.log.Debug("tried again later", zap.Error(err), zap.Duration("in", wait))
	c.trouble.Report(c.to.name(), delivering, err)
}

// pause waits for a message, for the time of the next attempt, or for the end.
func (c *courier) pause(ctx context.Context) {
	timer := c.clock.NewTimer(c.nextTime().Sub(c.clock.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-c.wake:
	case <-timer.Chan():
	}
}

// nextTime is when there is something to do even if nothing is told.
func (c *courier) nextTime() time.Time {
	at := c.swept.Add(sweepEvery)
	if r, ok := c.to.(rounds); ok {
		at = earlier(at, c.round.Add(r.every()))
	}
	if since := c.book.withheldSince(); !since.IsZero() {
		at = earlier(at, since.Add(c.digest))
	}
	if c.failures > 0 {
		at = c.notBefore
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// mine are the waiting messages of the incident that is next.
func (c *courier) mine() (mine []*anomaly.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.waiting {
		if m.Incident == c.waiting[0].Incident {
			mine = append(mine, m)
		}
	}
	return mine
}

// next deals with the incident whose message waits longest.
func (c *courier) next(ctx context.Context, now time.Time) (bool, error) {
	mine := c.mine()
	if len(mine) == 0 {
		return false, nil
	}
	e := c.book.get(mine[0].Incident)
	p := c.to.plan(&e, mine)
	if p.do == limited {
		p.do = send
		if c.limit.TokensAt(now) < 1 {
			p.do = withhold
		}
	}
	switch p.do {
	case skip:
		p.after = e.handled(p.message)
	case withhold:
		p.after = c.withhold(e, mine, now)
	case send:
		if err := c.send(ctx, e, &p, now); err != nil {
			c.queueLast(p.message.Incident)
			return false, err
		}
	}
	c.done(ctx, &p, now)
	return true, nil
}

// queueLast lets other incidents go first: what a server fails at may be this one.
func (c *courier) queueLast(incident string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var others, mine []*anomaly.Message
	for _, m := range c.waiting {
		if m.Incident == incident {
			mine = append(mine, m)
		} else {
			others = append(others, m)
		}
	}
	c.waiting = append(others, mine...)
}

// withhold counts what is not told one by one.
func (c *courier) withhold(e entry, mine []*anomaly.Message, now time.Time) entry {
	c.metrics.withheld(c.to.name(), len(mine))
	c.burst.withheld += len(mine)
	if _, ok := c.to.(digests); ok {
		e.Withheld += len(mine)
		if e.WithheldSince.IsZero() {
			e.WithheldSince = now.UTC()
		}
	}
	return e.handled(newest(mine))
}

// send delivers a message. A message that is refused for good is given up: p.after then says that nobody was told.
func (c *courier) send(ctx context.Context, e entry, p *plan, now time.Time) error {
	c.announce(ctx, e, p, now)
	_, err := c.to.deliver(ctx, &e, *p)
	if err != nil {
		c.metrics.failed(c.to.name())
	}
	var answer *answerError
	answered := errors.As(err, &answer)
	if answered && answer.refused() {
		c.refusals[p.message.Incident]++
	}
	switch {
	case err == nil:
		delete(c.refusals, p.message.Incident)
	case answered && answer.refused() && c.refusals[p.message.Incident] >= answer.patience():
		delete(c.refusals, p.message.Incident)
		c.log.Error("a message was refused and is given up", zap.String("message", p.message.ID()), zap.Error(err))
		p.after = e.handled(p.message)
		return nil
	default:
		if answered && answer.untouched() {
			c.book.set(p.message.Incident, e, now) // nobody was told for sure
		}
		return fmt.Errorf("message %s: %w", p.message.ID(), err)
	}
	c.limit.AllowN(now, 1) // what always passes counts too
	c.metrics.sent(c.to.name(), now)
	p.after.Withheld, p.after.WithheldSince = 0, time.Time{} // what was just told is newer
	c.burst.delivered = append(c.burst.delivered, p.message.ID())
	return nil
}

// announce writes down that an incident may be open at the destination before it is: should the process die while
// sending, the end of the incident is still sent.
func (c *courier) announce(ctx context.Context, e entry, p *plan, now time.Time) {
	before := e
	before.Firing = union(e.Firing, p.after.Firing)
	if !e.Open && p.after.Open {
		before.Open, before.Doubt = true, true
	} else if len(before.Firing) == len(e.Firing) {
		return
	}
	c.book.set(p.message.Incident, before, now)
	_ = c.write(ctx) // not reaching the ledger must not hold back a page
}

// done stores where the incident stands, and removes what was dealt with.
func (c *courier) done(ctx context.Context, p *plan, now time.Time) {
	c.book.set(p.message.Incident, p.after, now)
	c.mu.Lock()
	left := c.waiting[:0:0]
	for _, m := range c.waiting {
		if m.Incident != p.message.Incident || m.Seq > p.message.Seq {
			left = append(left, m)
		}
	}
	c.waiting = left
	c.mu.Unlock()
	_ = c.write(ctx) // it is written later
}

// goRound tells again what is open.
func (c *courier) goRound(ctx context.Context, now time.Time) (bool, error) {
	r, ok := c.to.(rounds)
	if !ok {
		return false, nil
	}
	var open []*anomaly.Message
	c.mu.Lock()
	due := c.again || !now.Before(c.round.Add(r.every()))
	c.again = false
	for _, incident := range sortedKeys(c.open) {
		if e := c.book.get(incident); e.Open && e.Seq >= c.open[incident].Seq {
			open = append(open, c.open[incident])
		}
	}
	c.mu.Unlock()
	if !due {
		return false, nil
	}
	if err := r.tell(ctx, open); err != nil && !c.gaveUp(err, "a repetition") {
		c.round = time.Time{}
		return false, err
	}
	c.round = now
	return true, nil
}

// sumUp sends the digest of what was withheld, once the oldest of it is old enough.
func (c *courier) sumUp(ctx context.Context, now time.Time) (bool, error) {
	d, ok := c.to.(digests)
	since := c.book.withheldSince()
	if !ok || since.IsZero() || now.Before(since.Add(c.digest)) {
		return false, nil
	}
	incidents, entries := c.book.withheld()
	switch err := d.sumUp(ctx, entries); {
	case err == nil:
		c.metrics.sent(c.to.name(), now)
		c.log.Info("delivered a digest of what was withheld", zap.Int("incidents", len(incidents)))
	case !c.gaveUp(err, "a digest"):
		return false, err
	}
	for i, incident := range incidents {
		e := entries[i]
		e.Withheld, e.WithheldSince = 0, time.Time{}
		c.book.set(incident, e, now)
	}
	return true, c.book.write(ctx)
}

// gaveUp counts a failure and reports whether it makes no sense to try again.
func (c *courier) gaveUp(err error, what string) bool {
	c.metrics.failed(c.to.name())
	var answer *answerError
	if !errors.As(err, &answer) || !answer.refused() {
		return false
	}
	c.log.Error(what+" was refused and is given up", zap.Error(err))
	return true
}
