package alert

import (
	"context"
	"crypto/sha256"
	"fmt"

	"firstlight/pipeline/anomaly"
)

// destination is one place messages go to. It keeps no state: that is in the ledger.
type destination interface {
	name() string    // for people and in metrics
	key() string     // in the ledger: stays the same while it is the same place
	setting() string // switches it on
	// plan says what is to be done about the messages of one incident that wait, oldest first.
	plan(e *entry, waiting []*anomaly.Message) plan
	// deliver sends a message and returns the server's answer.
	deliver(ctx context.Context, e *entry, p plan) (answer string, err error)
	// test sends a test message and says what was sent and answered.
	test(ctx context.Context, m *anomaly.Message) (sent, answer string, err error)
}

// plan is what a destination wants to do about an incident.
type plan struct {
	do      action
	message *anomaly.Message // it is done with all messages of the incident up to this one
	news    news
	after   entry // how the ledger reads once it is done
}

type action int

const (
	skip     action = iota // it is not for this destination
	withhold               // it is told in a digest only
	send                   // it is sent
	limited                // it is sent while not too much was, else withheld
)

// news is what a message changes for somebody who follows an incident.
type news string

const (
	opens    news = "opened"
	raises   news = "raised"
	loses    news = "no data"
	ends     news = "resolved"
	goesOn   news = "updated"
	wasShort news = "opened and resolved" // before anybody was told
	follows  news = "followed up"         // what came of an action about it
)

// newsFor compares an incident's newest message with what the destination shows. open says whether the destination
// is to show the incident as open.
func newsFor(e *entry, m *anomaly.Message, open bool) news {
	switch {
	case !open && e.Open:
		return ends
	case !open:
		return wasShort
	case !e.Open || e.Doubt:
		return opens
	case m.Severity == anomaly.Critical && e.Severity != anomaly.Critical:
		return raises
	case m.State == anomaly.NoData && e.State != anomaly.NoData:
		return loses
	default:
		return goesOn
	}
}

// told is the entry after somebody was told of m.
func (e entry) told(m *anomaly.Message, open bool) entry {
	e = e.handled(m)
	e.Open, e.Doubt, e.Severity, e.State = open, false, m.Severity, m.State
	return e
}

// handled is the entry after m was dealt with, nobody being told.
func (e entry) handled(m *anomaly.Message) entry {
	e.Seq, e.Title, e.Over = m.Seq, m.Title, !m.Open()
	return e
}

func newest(waiting []*anomaly.Message) *anomaly.Message { return waiting[len(waiting)-1] }

// inOrder is the plan of destinations that take every message. Nothing stands open there.
func inOrder(e *entry, waiting []*anomaly.Message) plan {
	m := waiting[0]
	return plan{do: send, message: m, after: e.told(m, false)}
}

// place names a destination in the ledger without giving away its address.
func place(kind, address string) string {
	sum := sha256.Sum256([]byte(address))
	return fmt.Sprintf("%s-%x", kind, sum[:6])
}
