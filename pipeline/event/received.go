package event

// Received returns a message's received time in ms, as Parse judges it: what drives the arrival clock.
func Received(m *Message) int64 {
	if len(m.Header) == 0 {
		return m.Stored
	}
	received, _ := receivedTime(m)
	return received
}
