// Package collect takes events over HTTP, in the forms in which the SDKs that people have send them, and stores them in the event
// stream. A request that is answered 200 is stored: the stream has acknowledged each of its events that was not refused by name.
//
// The forms are pure: a request's body becomes events as the stream holds them, or reasons why not, by the same judgement by which
// the worker applies them (event.Inspect). The Collector serves them, and a Sender hands them to JetStream. There is no state:
// any number of collectors may run.
package collect

import (
	"cmp"
	"fmt"

	"firstlight/pipeline/event"
)

// Event is one event on its way into the stream.
type Event struct {
	Index   int                 // its place in the request, from 0
	Subject string              // events.<source>.<user-token>
	ID      string              // Nats-Msg-Id, <source>:<messageId>; empty when the event has no id
	Header  map[string][]string // the attributes of a CloudEvent in binary mode; nil of all others
	Data    []byte
}

// Refusal is why one event of a request is not stored.
type Refusal struct {
	Index  int          `json:"index"`
	ID     string       `json:"id,omitempty"` // the event's own id, where it has one
	Reason event.Reason `json:"reason"`
	Detail string       `json:"detail"`
}

// The reasons that only the collector has.
const (
	// NotStored is the reason of an event that the stream does not take, although it takes others.
	NotStored event.Reason = "not_stored"
)

// maxNamed bounds how many refused events an answer names; all are counted.
const maxNamed = 100

// Batch is what the events of a request became.
type Batch struct {
	Events  []Event
	Refused []Refusal // the first maxNamed
	refused int       // all
	reasons map[event.Reason]int
}

func (b *Batch) refuse(r Refusal) {
	if b.reasons == nil {
		b.reasons = map[event.Reason]int{}
	}
	b.refused++
	b.reasons[r.Reason]++
	if len(b.Refused) < maxNamed {
		b.Refused = append(b.Refused, r)
	}
}

// intake is what holds for all events of a request.
type intake struct {
	source   string
	received int64  // ms; the stream's own time follows within moments
	maxEvent int    // bytes of an event as it came
	address  string // of the client, to be stored with the event; empty: no address is stored, one that the event holds neither
}

// add judges an event as it is to be stored, and files it under its user. read is how long it was as it came.
func (in *intake) add(b *Batch, index int, header map[string][]string, data []byte) {
	e, result := event.Inspect(&event.Message{Header: header, Stored: in.received, Data: data})
	if result.Verdict == event.Dead {
		b.refuse(Refusal{index, e.ID, result.Reason, cmp.Or(timeAdvice(result.Reason, data), result.Detail)})
		return
	}
	stored := Event{Index: index, Subject: event.Subject(in.source, e.User), Header: header, Data: data}
	if e.ID != "" {
		stored.ID = in.source + ":" + e.ID
	}
	b.Events = append(b.Events, stored)
}

// fits refuses an event that is longer than it may be.
func (in *intake) fits(b *Batch, index int, size int) bool {
	if size <= in.maxEvent {
		return true
	}
	b.refuse(Refusal{Index: index, Reason: event.TooLarge, Detail: fmt.Sprintf("the event has %d bytes, the limit is %d", size, in.maxEvent)})
	return false
}
