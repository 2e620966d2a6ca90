package event

import "github.com/tidwall/gjson"

// Envelope is what a publisher needs to know of a well-formed event, also of one that Parse ignores.
type Envelope struct {
	User       string // user id, else anonymous id; empty when there is none that Parse would take
	IDField    string // the field of the event's form that holds its id: messageId, or id in a CloudEvent
	ID         string // as in Event
	NoID       bool   // IDField is missing, null or empty; an id that cannot be used is there, and ID is empty
	Time       int64  // timestamp, else originalTimestamp (in a CloudEvent: time), as written, ms; 0 when missing or unreadable
	Sent       int64  // sentAt, ms; 0 when missing or unreadable
	ReceivedAt int64  // receivedAt in either form, ms; 0 when missing
	// BadReceivedAt says that receivedAt is there, and no time that the header Firstlight-Received-At may hold.
	BadReceivedAt bool
}

// Open reads the envelope of an event. It reports false where Parse says too_large or malformed.
func Open(data []byte) (e Envelope, ok bool) {
	var f fields
	if len(data) > MaxPayload || f.read(data) != "" {
		return Envelope{}, false
	}
	return f.envelope(), true
}

// Inspect is Parse for who stores an event instead of applying it: the same judgement, with anonymous users taken, since only the
// catalog leaves them out, and the envelope under which to store it. That is empty where Open would report false.
func Inspect(m *Message) (Envelope, Result) {
	var f fields
	var ev Event
	r := f.judge(m, true, &ev)
	if r.Verdict == Dead && (r.Reason == Malformed || r.Reason == TooLarge) {
		return Envelope{}, r
	}
	return f.envelope(), r
}

// envelope is that of a well-formed event.
func (f *fields) envelope() Envelope {
	e := Envelope{IDField: "messageId", ID: f.id(), NoID: f.absent(f.messageID)}
	if f.cloud {
		e.IDField = "id"
	}
	if user, _, _, problem := f.user(); problem == "" {
		e.User = string(user)
	}
	when, _ := f.when()
	e.Time = f.clock(when)
	e.Sent = f.clock(f.sentAt)
	e.ReceivedAt = f.clock(f.receivedAt)
	e.BadReceivedAt = e.ReceivedAt == 0 && f.receivedAt.kind != gjson.Null
	return e
}
