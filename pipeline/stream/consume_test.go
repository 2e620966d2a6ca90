package stream

import "testing"

// TestPlaceOf: the place of a message is read from the subject it would be acknowledged at, and left to the client in any other form.
func TestPlaceOf(t *testing.T) {
	got, ok := placeOf("$JS.ACK.EVENTS.reader.1.7000000001.42.1767225600123456789.99")
	if want := (place{stored: 1767225600123, sequence: 7000000001, ofConsumer: 42}); !ok || got != want {
		t.Errorf("%+v, %v, want %+v", got, ok, want)
	}
	for _, other := range []string{
		"", "_INBOX.a.b.c.d.e.f.g.h",
		"$JS.ACK.EVENTS.reader.1.2.3.4",                 // a token short
		"$JS.ACK._.hash.EVENTS.reader.1.2.3.4.5.random", // with a domain
		"$JS.ACK.EVENTS.reader.1.2.-3.4.5", "$JS.ACK.EVENTS.reader.1.2.3.x.5", "$JS.ACK.EVENTS.reader.1..3.4.5",
	} {
		if got, ok := placeOf(other); ok {
			t.Errorf("%q: %+v", other, got)
		}
	}
}
