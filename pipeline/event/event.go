// Package event turns one stream message into a product event, or into the reason why it is none.
//
// The package is pure: it reads bytes and headers, never a clock or the network. All times are Unix
// milliseconds in UTC; digits below the millisecond are cut.
package event

// Message is a stored stream message as the worker hands it in. Data must not change while an Event
// parsed from it is in use: the Event's byte slices point into it.
type Message struct {
	Subject  string              // events.<source>.<user-token>
	Header   map[string][]string // message headers, nil when there are none
	Stored   int64               // the stream's own timestamp, ms
	Sequence uint64              // the stream sequence
	Data     []byte

	head head // see ReadHead
}

// Event is one accepted product event.
type Event struct {
	Source     string // the publishing app, second token of the subject
	Name       string // 1-200 bytes
	User       string // user id, 1-256 bytes
	ID         string // message id, empty when missing or over-long
	Time       int64  // event time, ms, skew-corrected and clamped
	Received   int64  // received time, ms
	Clamped    bool   // the event time lay more than 60 s after Received and became Received
	Properties []byte // raw JSON object, nil when there is none
	Context    []byte // raw JSON object, nil when there is none
	Payload    []byte // the whole message body
}

// Verdict says which account a message belongs to.
type Verdict uint8

// The verdicts. Whether an accepted event is late is the worker's to judge: it needs the arrival clock.
const (
	Accepted Verdict = iota
	Ignored
	Dead
)

// Reason names why a message is dead; it is a subject token of the dead-letter stream.
type Reason string

// The reasons of the contract.
const (
	Malformed    Reason = "malformed"
	MissingEvent Reason = "missing_event"
	MissingUser  Reason = "missing_user"
	InvalidUser  Reason = "invalid_user"
	BadTimestamp Reason = "bad_timestamp"
	TooLarge     Reason = "too_large"
	Late         Reason = "late"
)

// Result is what became of a message. Received is set whatever the verdict: it drives the arrival clock. Only messages of
// the server's own have none.
type Result struct {
	Verdict  Verdict
	Reason   Reason // set when Dead
	Detail   string // one sentence for the publisher of the event, set when Dead
	Received int64  // ms
}
