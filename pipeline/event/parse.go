package event

import (
	"fmt"
	"strings"
)

// The bounds of an event, in bytes. What a longer name, user or id means is said at Parse.
const (
	MaxPayload = 256 << 10
	MaxName    = 200
	MaxUser    = 256
	MaxID      = 100
	MaxDepth   = 64 // levels of nested objects and arrays, the event itself being the first
)

// Parse judges one message and, when it is Accepted, fills *ev; otherwise *ev stays as it was. The caller
// may use one Event again and again: strings are copied out of m.Data, byte slices point into it.
// allUsers is the catalog's `users: all`: events with only an anonymous id count.
//
// A message of the server's own (Message.Own) is Ignored and has no received time, whatever it holds. All others are
// events in Segment's form, CloudEvents in structured mode (the body has a key specversion), or CloudEvents in binary
// mode (there is a header ce-specversion; the body is the data, and may be empty). Of these the judgements come in this
// order, and the first that fails decides:
//
//  1. too_large: the body is longer than MaxPayload.
//  2. malformed: the body is not one JSON object (RFC 8259, nothing but white space around it), is not
//     UTF-8, is nested beyond MaxDepth, or its properties (in a CloudEvent: data) are neither an object
//     nor null. Of a key that appears twice the last one counts, here and below.
//  3. Ignored: type is identify, group or alias. No user, name or time is asked for, in either form.
//  4. missing_event: the name is missing, empty, longer than MaxName, or not a string. A type of page or
//     screen is the name itself; in a CloudEvent any type is.
//  5. missing_user: neither a user id nor an anonymous id; null and "" are none. An empty user id falls
//     back to the anonymous id.
//  6. invalid_user: the id is neither a string nor a number, is longer than MaxUser, or is a text that
//     broken clients send for "no user", in any case (null, undefined, none, nil, NaN, true, false, 0,
//     [object Object], anonymous, guest), or nothing but white space and characters without width. It does not
//     fall back. A number is its text as the JSON writes it: 7, 7.0 and 7e0 are three users, and no digit
//     is lost. White space around a text is part of the id.
//  7. Ignored: an event with only an anonymous id, unless allUsers.
//  8. bad_timestamp: an unreadable Firstlight-Received-At, or one before 1971.
//  9. bad_timestamp: a timestamp (where that is missing: originalTimestamp) that is neither null nor an RFC 3339 string, or that lies before 1971, as
//     sent or once corrected for clock skew. An event that has both was corrected by a server before, and is
//     not corrected again.
//
// Never a reason to refuse: a sentAt that is unreadable or before 1971 (it is left out), an id that is too
// long or neither string nor number (the event has none; a number is its text), a context that is not an
// object (there is none), unknown fields, escapes of NUL and of lone surrogates (these become U+FFFD).
func Parse(m *Message, allUsers bool, ev *Event) Result {
	var f fields
	return f.judge(m, allUsers, ev)
}

// judge is Parse; it leaves in f what it has found by then.
func (f *fields) judge(m *Message, allUsers bool, ev *Event) Result {
	head := m.judgeHead()
	if head.own {
		return Result{Verdict: Ignored}
	}
	received := head.received
	refuse := func(r Reason, detail string) Result {
		return Result{Verdict: Dead, Reason: r, Detail: detail, Received: received}
	}
	if len(m.Data) > MaxPayload {
		return refuse(TooLarge, fmt.Sprintf("the event has %d bytes, the limit is %d", len(m.Data), MaxPayload))
	}
	if problem := f.readMessage(m, &head); problem != "" {
		return refuse(Malformed, problem)
	}
	if f.ignored() {
		return Result{Verdict: Ignored, Received: received}
	}
	name, problem := f.name()
	if problem != "" {
		return refuse(MissingEvent, problem)
	}
	user, anonymous, reason, problem := f.user()
	if problem != "" {
		return refuse(reason, problem)
	}
	if anonymous && !allUsers {
		return Result{Verdict: Ignored, Received: received}
	}
	if head.flawed {
		_, problem = receivedTime(m)
		return refuse(BadTimestamp, problem)
	}
	at, clamped, problem := f.eventTime(received)
	if problem != "" {
		return refuse(BadTimestamp, problem)
	}
	*ev = Event{
		Source:     source(m.Subject),
		Name:       reuse(ev.Name, name),
		User:       reuse(ev.User, user),
		ID:         f.id(),
		Time:       at,
		Received:   received,
		Clamped:    clamped,
		Properties: f.object(f.properties),
		Context:    f.object(f.context),
		Payload:    m.Data,
	}
	return Result{Verdict: Accepted, Received: received}
}

// UserOf returns the user of a message, by user id or anonymous id, whatever Parse makes of it: also one that says who somebody is
// (identify, group, alias), and one that is refused for something else. It is empty where none can be read.
func UserOf(m *Message) string {
	var f fields
	head := m.judgeHead()
	if head.own || len(m.Data) > MaxPayload || f.readMessage(m, &head) != "" {
		return ""
	}
	user, _, _, problem := f.user()
	if problem != "" {
		return ""
	}
	return string(user)
}

// readMessage finds the fields of a message in whichever form it is, or says what is wrong with a malformed one.
func (f *fields) readMessage(m *Message, head *head) (problem string) {
	if head.binary {
		return f.readBinary(m.Header, m.Data)
	}
	return f.read(m.Data)
}

// source is the second token of a subject, and empty when there is none.
func source(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	token, _, _ := strings.Cut(rest, ".")
	return token
}

// reuse returns b as a string; neighbouring events often share name and user, which then cost no allocation.
func reuse(old string, b []byte) string {
	if old == string(b) {
		return old
	}
	return string(b)
}
