package wire

import (
	"bytes"
	"io"
	"sync/atomic"

	"firstlight/pipeline/worker/faulty"
)

// What a client sends with a dead letter, and what the server answers once it is stored.
var (
	deadLetter = []byte("HPUB dead.")
	stored     = []byte(`"stream":"EVENTS_DEAD"`)
)

// acknowledged is a trap that waits for the answer to what has been sent on.
type acknowledged struct{ trap atomic.Pointer[trap] }

// handNATS hands bytes of a NATS client or server on; false when the connection is to end.
func (l *Link) handNATS(out io.Writer, from Side, data []byte, acked *acknowledged) bool {
	if from == Server {
		return handAnswers(out, data, acked)
	}
	first := bytes.Index(data, deadLetter)
	if first < 0 {
		_, err := out.Write(data)
		return err == nil
	}
	set := l.take(faulty.Dead)
	if set == nil {
		_, err := out.Write(data)
		return err == nil
	}
	at := len(data) // what goes on before the trap is sprung
	switch set.moment {
	case faulty.Before:
		at = first
	case faulty.During:
		at = (first + len(data)) / 2
	case faulty.After:
		acked.trap.Store(set)
		_, err := out.Write(data)
		return err == nil
	}
	if _, err := out.Write(data[:at]); err != nil {
		set.spring()
		return false
	}
	if set.spring() != Pass {
		return false
	}
	_, err := out.Write(data[at:])
	return err == nil
}

// handAnswers springs a trap that waits for an acknowledgement before it is handed on.
func handAnswers(out io.Writer, data []byte, acked *acknowledged) bool {
	if set := acked.trap.Load(); set != nil && bytes.Contains(data, stored) && acked.trap.CompareAndSwap(set, nil) {
		if set.spring() != Pass {
			return false
		}
	}
	_, err := out.Write(data)
	return err == nil
}
