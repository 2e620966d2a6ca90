package collect

import (
	"net/http"
	"strings"

	"firstlight/pipeline/event"
)

// cloudHeaders are the attributes of a CloudEvent in binary mode, as headers of the stream's message; nil when the request is none.
func cloudHeaders(h http.Header) map[string][]string {
	if h.Get("Ce-Specversion") == "" {
		return nil
	}
	out := map[string][]string{}
	for name, values := range h {
		if len(name) > len("Ce-") && name[:len("Ce-")] == "Ce-" {
			out[strings.ToLower(name)] = values[:1]
		}
	}
	return out
}

// binary returns a CloudEvent in binary mode: its attributes are headers, the body is its data.
func (in *intake) binary(attributes map[string][]string, data []byte) *Batch {
	b := &Batch{}
	size := len(data)
	for name, values := range attributes {
		size += len(name) + len(values[0])
	}
	if in.fits(b, 0, size) {
		in.add(b, 0, attributes, data)
	}
	return b
}

// structured returns CloudEvents in structured or batched mode: they are stored as they came.
func (in *intake) structured(e *envelope) *Batch {
	b := &Batch{Events: make([]Event, 0, len(e.events))}
	for i, raw := range e.events {
		if !in.fits(b, i, len(raw)) {
			continue
		}
		versioned := raw[0] != '{'
		if !versioned {
			each(raw, func(name string, _ value) { versioned = versioned || name == "specversion" })
		}
		if !versioned {
			b.refuse(Refusal{Index: i, Reason: event.Malformed, Detail: `the content type says CloudEvents, and there is no specversion: send "specversion":"1.0", or application/json for events in Segment's form`})
			continue
		}
		in.add(b, i, nil, raw)
	}
	return b
}
