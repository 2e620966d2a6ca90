package alert

import (
	"context"
	"time"

	"firstlight/pipeline/anomaly"
)

// RetryAfter sets the first wait after a failure.
func (a *Alerts) RetryAfter(d time.Duration) {
	for _, c := range a.couriers {
		c.retry = d
	}
}

// CrashAt lets couriers die where f says so.
func (a *Alerts) CrashAt(f func(destination, at string) bool) {
	for _, c := range a.couriers {
		c.crash = func(at string) bool { return f(c.to.name(), at) }
	}
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

// Hurry sets how long HTTP servers and the ledger are waited for.
func (a *Alerts) Hurry(d time.Duration) {
	for _, c := range a.couriers {
		c.book.patience = d
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
