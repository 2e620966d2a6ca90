package event

// The fields of an event's JSON, in Segment's form or as a CloudEvent, found in one pass over the body.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unsafe"

	"github.com/tidwall/gjson"
)

// value is where a JSON value lies in the body, which MaxPayload bounds. The zero value is null, which
// counts as missing.
type value struct {
	kind     gjson.Type
	from, to int32
}

// fields are the known fields of one body, by what they mean: read maps both forms onto the same ones.
type fields struct {
	data       []byte
	cloud      bool // a CloudEvent
	kind       value
	event      value
	userID     value
	anonymous  value
	messageID  value
	timestamp  value
	original   value // originalTimestamp, which the servers of Segment and RudderStack add
	sentAt     value
	receivedAt value // what publishers of historical events go by; Parse does not
	properties value
	context    value
}

// read checks the body and finds its fields. It returns what is wrong with a malformed one.
func (f *fields) read(data []byte) (problem string) {
	if problem := CheckObject("the event", data); problem != "" {
		return problem
	}
	return f.find(data)
}

// find finds the fields of a JSON object that was checked.
func (f *fields) find(data []byte) (problem string) {
	f.data = data
	var c cloudFields
	each(data, func(key string, v value) {
		switch key {
		case "type":
			f.kind = v
		case "event":
			f.event = v
		case "userId":
			f.userID = v
		case "anonymousId":
			f.anonymous = v
		case "messageId":
			f.messageID = v
		case "timestamp":
			f.timestamp = v
		case "originalTimestamp":
			f.original = v
		case "sentAt":
			f.sentAt = v
		case "receivedAt":
			f.receivedAt = v
		case "properties":
			f.properties = v
		case "context":
			f.context = v
		case "specversion":
			f.cloud = true
		case "subject":
			c.subject = v
		case "id":
			c.id = v
		case "time":
			c.time = v
		case "data":
			c.data = v
		}
	})
	if f.cloud {
		f.useCloud(&c)
	}
	if f.properties.kind != gjson.Null && f.object(f.properties) == nil {
		if f.cloud {
			return "data is not a JSON object"
		}
		return "properties is not a JSON object"
	}
	return ""
}

// cloudFields are the fields that only a CloudEvent has.
type cloudFields struct{ subject, id, time, data value }

// useCloud replaces the fields of Segment's form by those of a CloudEvent.
func (f *fields) useCloud(c *cloudFields) {
	*f = fields{
		data: f.data, cloud: true,
		kind: f.kind, event: f.kind,
		userID: c.subject, messageID: c.id, timestamp: c.time, receivedAt: f.receivedAt, properties: c.data,
	}
	if f.absent(f.userID) && f.object(f.properties) != nil {
		each(f.object(f.properties), func(key string, v value) {
			v.from += f.properties.from
			v.to += f.properties.from
			switch key {
			case "userId":
				f.userID = v
			case "anonymousId":
				f.anonymous = v
			}
		})
	}
}

// ignored reports whether the type is one that says something about users instead of what they did.
func (f *fields) ignored() bool {
	if f.kind.kind != gjson.String {
		return false
	}
	switch string(f.text(f.kind)) {
	case "identify", "group", "alias":
		return true
	}
	return false
}

// name returns the event's name, or what is wrong with it.
func (f *fields) name() (name []byte, problem string) {
	if f.kind.kind == gjson.String {
		switch name := f.text(f.kind); string(name) {
		case "page", "screen":
			return name, ""
		}
	}
	field := "event"
	if f.cloud {
		field = "type"
	}
	if f.absent(f.event) {
		return nil, "the event has no name: " + field + " is missing or empty"
	}
	if f.event.kind != gjson.String {
		return nil, "the event has no name: " + field + " is not a string"
	}
	name = f.text(f.event)
	if len(name) > MaxName {
		return nil, fmt.Sprintf("%s has %d bytes, the limit is %d", field, len(name), MaxName)
	}
	return name, ""
}

// user returns the user's id and whether it is only an anonymous one, or what is wrong with it.
func (f *fields) user() (id []byte, anonymous bool, reason Reason, problem string) {
	v, field := f.userID, "userId"
	if f.cloud {
		field = "the user (subject or data.userId)"
	}
	if f.absent(v) {
		v, field, anonymous = f.anonymous, "anonymousId", true
	}
	if f.absent(v) {
		if f.cloud {
			field = "subject, data.userId and data.anonymousId"
		} else {
			field = "userId and anonymousId"
		}
		return nil, false, MissingUser, "the event has no user: " + field + " are missing or empty"
	}
	if v.kind != gjson.String && v.kind != gjson.Number {
		return nil, false, InvalidUser, field + " is neither a string nor a number"
	}
	id = f.text(v)
	if len(id) > MaxUser {
		return nil, false, InvalidUser, fmt.Sprintf("%s has %d bytes, the limit is %d", field, len(id), MaxUser)
	}
	if nobody(id) {
		return nil, false, InvalidUser, fmt.Sprintf("%s is the text %+q, which no user has", field, id)
	}
	return id, anonymous, "", ""
}

// id returns the message id, and "" when there is none that can be used.
func (f *fields) id() string {
	if f.messageID.kind != gjson.String && f.messageID.kind != gjson.Number {
		return ""
	}
	id := f.text(f.messageID)
	if len(id) > MaxID {
		return ""
	}
	return string(id)
}

// absent reports whether v is missing, null or the empty string.
func (f *fields) absent(v value) bool {
	return v.kind == gjson.Null || v.kind == gjson.String && v.to-v.from == int32(len(`""`))
}

// object returns v's bytes when it is an object, else nil.
func (f *fields) object(v value) []byte {
	if v.kind != gjson.JSON || f.data[v.from] != '{' {
		return nil
	}
	return f.data[v.from:v.to:v.to]
}

// text returns the text of a string or number. It points into the body unless the string has escapes.
func (f *fields) text(v value) []byte { return text(f.data[v.from:v.to]) }

// text returns the content of a valid JSON string, or any other valid JSON value as it is written.
func text(raw []byte) []byte {
	if raw[0] != '"' {
		return raw
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		panic("BUG: a valid JSON string does not decode: " + err.Error())
	}
	return []byte(s)
}

// each calls visit for every field of a valid JSON object, in order. Keys must not be kept.
func each(object []byte, visit func(key string, v value)) {
	// gjson wants a string; the body does not change while we look at it.
	whole := gjson.Result{Type: gjson.JSON, Raw: unsafe.String(unsafe.SliceData(object), len(object))}
	whole.ForEach(func(key, v gjson.Result) bool {
		visit(key.Str, value{kind: v.Type, from: int32(v.Index), to: int32(v.Index + len(v.Raw))})
		return true
	})
}

// TooDeep reports whether data nests objects and arrays beyond so many levels. It need not be valid JSON: up
// to its first error a validator sees the same strings and brackets.
func TooDeep(data []byte, levels int) bool {
	if bytes.Count(data, []byte{'{'})+bytes.Count(data, []byte{'['}) <= levels {
		return false
	}
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > levels {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
