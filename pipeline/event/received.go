package event

import "strings"

// head is what the headers of a message say of it.
type head struct {
	received int64 // ms, as Received returns it
	read     bool
	own      bool // the message is one of the server's or of Firstlight's own
	live     bool // it carries no received time of its own
	binary   bool // it is a CloudEvent in binary mode
	flawed   bool // something is wrong with its received time
}

// ReadHead reads the headers, so that whoever asks for what they say need not read them again. They must not change any more.
func (m *Message) ReadHead() { m.head = m.judgeHead() }

// judgeHead returns what the headers say.
func (m *Message) judgeHead() head {
	if m.head.read {
		return m.head
	}
	h := head{read: true, received: m.Stored, live: true}
	imported, cloud := false, false
	for name := range m.Header {
		switch {
		case name == markerHeader, name == scheduleHeader, name == ControlHeader:
			h.own = true
		case len(name) == len(ReceivedHeader) && strings.EqualFold(name, ReceivedHeader):
			imported, h.live = true, false
		case len(name) == len(versionHeader) && strings.EqualFold(name, versionHeader):
			cloud = true
		}
	}
	if h.own {
		h.received = 0
		return h
	}
	if imported {
		received, problem := receivedTime(m)
		h.received, h.flawed = received, problem != ""
	}
	h.binary = cloud && binaryMode(m.Header)
	return h
}

// Received returns a message's received time in ms, as Parse judges it: what drives the arrival clock. It is 0 of a message
// of the server's own.
func Received(m *Message) int64 { return m.judgeHead().received }

// Own reports whether the server or Firstlight stored a message for itself: it is no event, is ignored, and moves no clock.
func (m *Message) Own() bool { return m.judgeHead().own }

// Live reports whether a message came live: it carries no received time of its own.
func (m *Message) Live() bool { return m.judgeHead().live }
