package event

import (
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// None is the segment value of events that lack one.
const None = "(none)"

// MaxText is the longest segment value, in bytes.
const MaxText = 200

// Text returns the value at path as a segment value. path[0] is "properties" or "context", the rest are
// keys, one per level; of a key that appears twice the last one counts.
//
// A text is as it is, also when empty; a number or boolean is as the JSON writes it (1.0 stays 1.0). What
// is longer than MaxText is cut there, between characters. Anything else, missing values too, is None.
func (e *Event) Text(path []string) string {
	raw, kind := e.at(path)
	switch kind {
	case gjson.String:
		raw = text(raw)
	case gjson.Number, gjson.True, gjson.False:
	default:
		return None
	}
	return cut(raw)
}

// at returns the value at a path, as it is written; of kind Null where there is none.
func (e *Event) at(path []string) (raw []byte, kind gjson.Type) {
	if len(path) < 2 {
		return nil, gjson.Null
	}
	switch path[0] {
	case "properties":
		raw = e.Properties
	case "context":
		raw = e.Context
	default:
		return nil, gjson.Null
	}
	kind = gjson.JSON
	for _, key := range path[1:] {
		if kind != gjson.JSON || len(raw) == 0 || raw[0] != '{' {
			return nil, gjson.Null
		}
		raw, kind = field(raw, key)
	}
	return raw, kind
}

// field returns the last value that a valid JSON object has for key, and nil when there is none.
func field(object []byte, key string) (raw []byte, kind gjson.Type) {
	each(object, func(k string, v value) {
		if k == key {
			raw, kind = object[v.from:v.to], v.kind
		}
	})
	return raw, kind
}

// cut returns at most MaxText bytes of valid UTF-8, ending between two characters.
func cut(b []byte) string {
	if len(b) <= MaxText {
		return string(b)
	}
	n := MaxText
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return string(b[:n])
}
