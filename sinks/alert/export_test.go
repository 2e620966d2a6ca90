package alert

import (
	"context"
	"runtime"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/anomaly"
)

// RetryAfter sets the first wait after a failure.
func (a *Alerts) RetryAfter(d time.Duration) {
	for _, c := range a.couriers {
		c.retry = d
	}
}

// CrashAt lets couriers die where f says so: before or after sending, before or after an entry of the ledger is written. Like a
// process that is killed, a courier does nothing after that.
func (a *Alerts) CrashAt(f func(destination, at string) bool) {
	for _, c := range a.couriers {
		name := c.to.name()
		die := func(at string) {
			if f(name, at) {
				runtime.Goexit()
			}
		}
		c.to, c.book.kv = decorate(c.to, die), &crashingLedger{c.book.kv, die}
	}
}

// crashing is a destination at which couriers die.
type crashing struct {
	destination
	die func(at string)
}

func (c *crashing) deliver(ctx context.Context, e *entry, p plan) (string, error) {
	c.die("before sending")
	defer c.die("after sending")
	return c.destination.deliver(ctx, e, p)
}

// decorate keeps what else a destination can do.
func decorate(to destination, die func(string)) destination {
	c := &crashing{to, die}
	switch more := to.(type) {
	case rounds:
		return &struct {
			*crashing
			rounds
		}{c, more}
	case digests:
		return &struct {
			*crashing
			digests
		}{c, more}
	}
	return c
}

type crashingLedger struct {
	jetstream.KeyValue
	die func(at string)
}

func (c *crashingLedger) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	c.die("before the ledger")
	defer c.die("after the ledger")
	return c.KeyValue.Put(ctx, key, value)
}

// Postable is an alert as Alertmanager takes it.
type Postable = postable

func (c Config) manager() *alertmanager {
	c.fill()
	all, err := c.alertmanagers()
	if err != nil {
		panic(err)
	}
	return all[0].(*alertmanager)
}

// Firing is the alert of an open incident.
func Firing(c Config, m anomaly.Message) Postable {
	d := c.manager()
	return d.firing(d.labels(&m), &m)
}

// SendAlerts posts alerts in one batch.
func SendAlerts(ctx context.Context, c Config, alerts []Postable) error {
	_, err := c.manager().send(ctx, alerts)
	return err
}

// WriteWithin sets how long the ledger is waited for.
func (a *Alerts) WriteWithin(d time.Duration) {
	for _, c := range a.couriers {
		c.book.patience = d
	}
}

// AnswerWithin sets how long HTTP servers are waited for.
func (a *Alerts) AnswerWithin(d time.Duration) {
	for _, c := range a.couriers {
		switch to := c.to.(type) {
		case *slack:
			to.post.timeout = d
		case *pagerDuty:
			to.post.timeout = d
		case *webhook:
			to.post.timeout = d
		}
	}
}

// Waiting is how many messages wait for a destination.
func (a *Alerts) Waiting(destination string) (n int) {
	for _, c := range a.couriers {
		if c.to.name() == destination {
			c.mu.Lock()
			n += len(c.waiting)
			c.mu.Unlock()
		}
	}
	return n
}

// KeyToken and KeyText write texts as tokens of keys, and read them.
var (
	KeyToken = keyToken
	KeyText  = keyText
)
