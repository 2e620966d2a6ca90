package collect

// Events in Segment's form, which RudderStack's SDKs share, and which is the stream's own: their bytes are stored as they came, but
// for what a request says once for all its events.

import (
	"bytes"
	"encoding/json"
	"time"

	"firstlight/pipeline/event"
)

// segment returns the events of a body in Segment's form. kind is the type that the path says of events that name none; empty: any.
func (in *intake) segment(e *envelope, kind string) *Batch {
	b := &Batch{Events: make([]Event, 0, len(e.events))}
	sent := sentText(e.sent)
	for i, raw := range e.events {
		if !in.fits(b, i, len(raw)) {
			continue
		}
		if raw[0] != '{' || e.lines && event.CheckObject("the event", raw) != "" {
			in.add(b, i, nil, raw) // it says what is wrong
			continue
		}
		in.add(b, i, nil, in.complete(raw, kind, sent))
	}
	return b
}

// complete adds to an event what its request says of it, and takes out what is not to be stored: the write key, and addresses.
func (in *intake) complete(raw []byte, kind, sent string) []byte {
	edit := edits{object: raw}
	var typed, dated, cloud bool
	var context value
	each(raw, func(name string, v value) {
		switch name {
		case "type":
			typed = v.there()
		case "sentAt":
			dated = v.there()
		case "specversion":
			cloud = true
		case "writeKey":
			if v.there() {
				edit.null(v)
			}
		case "context":
			if context.there() { // of two the last counts
				edit.null(context)
			}
			context = v
		case "ip", "request_ip": // RudderStack's servers write it
			if in.address == "" && v.there() {
				edit.null(v)
			}
		case "properties":
			if in.address == "" {
				noAddress(&edit, v, "$ip")
			}
		}
	})
	if cloud {
		return edit.bytes()
	}
	if !typed && kind != "" && kind != "track" {
		edit.field("type", quote(kind))
	}
	if !dated && sent != "" {
		edit.field("sentAt", quote(sent))
	}
	in.addressIn(&edit, context)
	return edit.bytes()
}

// noAddress lets an object's field of an address be nothing.
func noAddress(edit *edits, object value, field string) {
	if !object.object() || !bytes.Contains(object.raw, []byte(field)) && !bytes.Contains(object.raw, []byte(`\u`)) {
		return
	}
	inner := edits{object: object.raw}
	each(object.raw, func(name string, v value) {
		if name == field && v.there() {
			inner.null(v)
		}
	})
	if len(inner.spans) > 0 {
		edit.spans = append(edit.spans, span{object.from, object.to, string(inner.bytes())})
	}
}

// addressIn leaves in an event's context the client's address, if addresses are stored, and none otherwise.
func (in *intake) addressIn(edit *edits, context value) {
	if in.address == "" {
		noAddress(edit, context, "ip")
		return
	}
	if !context.object() {
		edit.field("context", append(append([]byte(`{"ip":`), quote(in.address)...), '}'))
		return
	}
	known := false
	each(context.raw, func(name string, v value) {
		if name == "ip" {
			known = v.there()
		}
	})
	if known {
		return
	}
	inner := edits{object: context.raw}
	inner.field("ip", quote(in.address))
	edit.spans = append(edit.spans, span{context.from, context.to, string(inner.bytes())})
}

// quote is a text as JSON.
func quote(text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil {
		panic("BUG: a string that is no JSON: " + err.Error())
	}
	return raw
}

// sentText is when a client sent a request, as events say it: a text as it is, ms since 1970 in RFC 3339. It is empty for anything else.
func sentText(v value) string {
	if text := v.text(); text != "" {
		return text
	}
	return msText(v.raw)
}

// msText is a number of ms since 1970 in RFC 3339; empty when it is none that counts.
func msText(raw []byte) string {
	var ms int64
	if json.Unmarshal(raw, &ms) != nil || ms < event.Earliest || ms > latest {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(rfc3339)
}

// rfc3339 writes a time in UTC, with milliseconds.
const rfc3339 = "2006-01-02T15:04:05.000Z"

// latest is the last millisecond that RFC 3339 can write, 9999-12-31T23:59:59.999Z.
const latest = 253_402_300_799_999
