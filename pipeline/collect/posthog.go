package collect

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/tidwall/gjson"

	"firstlight/pipeline/event"
)

// posthogTypes are the types of the events that PostHog's SDKs name with a $, where that means something here. All others are what
// people did, and keep their names.
var posthogTypes = map[string]string{
	"$pageview": "page", "$identify": "identify", "$set": "identify", "$create_alias": "alias", "$merge_dangerously": "alias", "$groupidentify": "group",
}

// posthog returns the events of a body in PostHog's form, as ones in Segment's. sent is when the request says that it was sent.
func (in *intake) posthog(e *envelope, sent string) *Batch {
	b := &Batch{Events: make([]Event, 0, len(e.events))}
	if text := sentText(e.sent); text != "" {
		sent = text
	}
	for i, raw := range e.events {
		if !in.fits(b, i, len(raw)) {
			continue
		}
		if raw[0] != '{' {
			in.add(b, i, nil, raw) // it says what is wrong
			continue
		}
		in.add(b, i, nil, in.fromPostHog(raw, sent))
	}
	return b
}

// posthogFields are the fields of an event of PostHog's that mean something here.
type posthogFields struct {
	event, user, uuid, timestamp, offset, sent, properties value
	set, setOnce, options                                  value
}

// posthogProperties are the same of its properties.
type posthogProperties struct {
	user, identified, device, previous, ip, ignoreSent value

	tokens, ips []value // all of that name: none is to be stored
}

// fromPostHog writes an event of PostHog's in Segment's form. Properties stay as they are, but for the write key, and for addresses.
func (in *intake) fromPostHog(raw []byte, sent string) []byte {
	f := readPostHog(raw)
	p := readPostHogProperties(f.properties)
	if !f.user.there() {
		f.user = p.user
	}
	if text := sentText(f.sent); text != "" {
		sent = text
	}
	out := append(make([]byte, 0, len(raw)+128), `{"type":`...)
	name := f.event.text()
	kind := posthogTypes[name]
	switch kind {
	case "":
		out = append(out, `"track"`...)
	default:
		out = append(out, quote(kind)...)
	}
	if kind != "page" {
		out = field(out, "event", f.event)
	}
	anonymous := p.anonymous(f.user)
	if anonymous {
		out = field(out, "anonymousId", f.user)
	} else {
		out = field(out, "userId", f.user)
		if !p.previous.there() {
			p.previous = p.device
		}
		out = field(out, "anonymousId", p.previous)
	}
	out = field(out, "messageId", f.uuid)
	out = in.posthogTime(out, &f)
	if sent != "" && !yes(p.ignoreSent) && !yes(f.options) && f.timestamp.there() {
		out = append(append(out, `,"sentAt":`...), quote(sent)...)
	}
	out = field(out, "$set", f.set)
	out = field(out, "$set_once", f.setOnce)
	out = in.posthogProperties(out, f.properties, &p)
	if in.address != "" {
		address := quote(in.address)
		if p.ip.there() {
			address = p.ip.raw
		}
		out = append(append(append(out, `,"context":{"ip":`...), address...), '}')
	}
	return append(out, '}')
}

func readPostHog(raw []byte) (f posthogFields) {
	each(raw, func(name string, v value) {
		switch name {
		case "event":
			f.event = v
		case "distinct_id":
			f.user = v
		case "uuid":
			f.uuid = v
		case "timestamp":
			f.timestamp = v
		case "offset":
			f.offset = v
		case "sent_at":
			f.sent = v
		case "properties":
			f.properties = v
		case "$set":
			f.set = v
		case "$set_once":
			f.setOnce = v
		case "options":
			if v.object() && bytes.Contains(v.raw, []byte("disable_skew_correction")) {
				each(v.raw, func(name string, v value) {
					if name == "disable_skew_correction" {
						f.options = v
					}
				})
			}
		}
	})
	return f
}

func readPostHogProperties(properties value) (p posthogProperties) {
	if !properties.object() {
		return p
	}
	each(properties.raw, func(name string, v value) {
		switch name {
		case "distinct_id":
			p.user = v
		case "$is_identified":
			p.identified = v
		case "$device_id":
			p.device = v
		case "$anon_distinct_id":
			p.previous = v
		case "token":
			p.tokens = append(p.tokens, v)
		case "$ip":
			p.ip, p.ips = v, append(p.ips, v)
		case "$ignore_sent_at":
			p.ignoreSent = v
		}
	})
	return p
}

// anonymous reports whether a distinct id is only a device's: the SDK says so, or it is the id of the device. Servers have no devices.
func (p *posthogProperties) anonymous(user value) bool {
	switch p.identified.kind {
	case gjson.True:
		return false
	case gjson.False:
		return true
	}
	return p.device.there() && bytes.Equal(p.device.raw, user.raw)
}

// posthogTime writes when an event happened: its timestamp, else offset (ms) before it came.
func (in *intake) posthogTime(out []byte, f *posthogFields) []byte {
	if f.timestamp.there() || f.offset.kind != gjson.Number {
		return field(out, "timestamp", f.timestamp)
	}
	var before float64
	if json.Unmarshal(f.offset.raw, &before) != nil || before < 0 || before > float64(in.received-event.Earliest) {
		return out
	}
	at := time.UnixMilli(in.received - int64(before)).UTC()
	return append(append(out, `,"timestamp":`...), quote(at.Format(rfc3339))...)
}

func (in *intake) posthogProperties(out []byte, properties value, p *posthogProperties) []byte {
	if !properties.object() {
		return field(out, "properties", properties)
	}
	edit := edits{object: properties.raw}
	for _, v := range p.tokens {
		edit.null(v)
	}
	if in.address == "" {
		for _, v := range p.ips {
			edit.null(v)
		}
	}
	return append(append(out, `,"properties":`...), edit.bytes()...)
}

// field adds a field to an object that is being written, unless the value is missing or null.
func field(out []byte, name string, v value) []byte {
	if v.kind == gjson.Null {
		return out
	}
	return append(append(append(append(out, ',', '"'), name...), '"', ':'), v.raw...)
}

// yes reports whether a value is true, in any of the ways in which SDKs write it.
func yes(v value) bool {
	return v.kind == gjson.True || v.kind == gjson.Number && string(v.raw) != "0" || v.text() == "true" || v.text() == "1"
}
