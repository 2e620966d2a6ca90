package stream

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// Fingerprint tells a message from another that a stream may hold at its sequence: it is of the subject, the time at which it
// was stored, and the payload. Headers are left out, because servers add some of their own.
func Fingerprint(m *event.Message) uint64 {
	var h xxhash.Digest
	h.Reset()
	_, _ = h.WriteString(m.Subject) // a hash takes everything
	var stored [9]byte
	binary.LittleEndian.PutUint64(stored[1:], uint64(m.Stored))
	_, _ = h.Write(stored[:])
	_, _ = h.Write(m.Data)
	return h.Sum64()
}

// RawFingerprint is the fingerprint of a message that was looked up.
func RawFingerprint(m *jetstream.RawStreamMsg) uint64 {
	return Fingerprint(&event.Message{Subject: m.Subject, Stored: m.Time.UnixMilli(), Data: m.Data})
}
