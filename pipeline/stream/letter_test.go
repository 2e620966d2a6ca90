package stream

import (
	"testing"

	"firstlight/pipeline/event"
)

// The letter of a CloudEvent in binary mode keeps its attributes: without them nobody can mend and send it again.
func TestLettersKeepAttributes(t *testing.T) {
	headers := map[string][]string{"ce-specversion": {"1.0"}, "Ce-Type": {"opened"}, "ce-id": {"m1"}, "Nats-Msg-Id": {"web:m1"}}
	d := &DeadLetters{Source: "EVENTS", MaxSize: 1 << 20}
	m := d.message(&DeadLetter{Subject: "events.web.u", Sequence: 7, Reason: event.MissingUser, Data: []byte(`{}`), Attributes: event.Attributes(headers)})
	if m.Header.Get("ce-specversion") != "1.0" || m.Header.Get("Ce-Type") != "opened" || m.Header.Get("ce-id") != "m1" {
		t.Errorf("the letter's headers are %v", m.Header)
	}
	if event.Attributes(map[string][]string{"ce-type": {"opened"}}) != nil {
		t.Error("a message without ce-specversion has attributes")
	}
}
