package event

// Received returns a message's received time in ms, as Parse judges it: what drives the arrival clock. It is 0 of a message
// of the server's own.
func Received(m *Message) int64 {
	if len(m.Header) == 0 {
		return m.Stored
	}
	if Housekeeping(m.Header) {
		return 0
	}
	received, _ := receivedTime(m)
	return received
}

// Live reports whether an event came live: it carries no received time of its own.
func Live(header map[string][]string) bool {
	_, imported := header[ReceivedHeader]
	return !imported
}
