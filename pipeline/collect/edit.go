package collect

import (
	"bytes"
	"slices"
	"unsafe"

	"github.com/tidwall/gjson"
)

// edits are changes of one JSON object that keep all its other bytes as they came. Nothing is copied while there are none.
type edits struct {
	object []byte
	spans  []span
	fields []byte // to stand at the end, each with a comma before it
}

// span is a piece of the object, and what stands in its place.
type span struct {
	from, to int
	text     string
}

// null lets a value be nothing.
func (e *edits) null(v value) { e.spans = append(e.spans, span{v.from, v.to, "null"}) }

// field adds a field at the end, where it counts even if the object has one of that name.
func (e *edits) field(name string, raw []byte) {
	e.fields = append(append(append(append(e.fields, ',', '"'), name...), '"', ':'), raw...)
}

// bytes is the object after all changes.
func (e *edits) bytes() []byte {
	if len(e.spans) == 0 && len(e.fields) == 0 {
		return e.object
	}
	slices.SortFunc(e.spans, func(a, b span) int { return a.from - b.from })
	out, at := make([]byte, 0, len(e.object)+len(e.fields)+len("null")*len(e.spans)), 0
	for _, s := range e.spans {
		out = append(append(out, e.object[at:s.from]...), s.text...)
		at = s.to
	}
	end := bytes.LastIndexByte(e.object, '}')
	out = append(out, e.object[at:end]...)
	fields := e.fields
	if trimmed := bytes.TrimRight(out, " \t\r\n"); len(fields) > 0 && trimmed[len(trimmed)-1] == '{' {
		fields = fields[1:]
	}
	return append(append(out, fields...), e.object[end:]...)
}

// value is where a JSON value lies in the object that holds it.
type value struct {
	kind     gjson.Type
	from, to int
	raw      []byte
}

// text is what a string says, and empty for any other value.
func (v value) text() string {
	if v.kind != gjson.String {
		return ""
	}
	return gjson.ParseBytes(v.raw).Str
}

// there reports whether a value is there and says something: neither null nor the empty text.
func (v value) there() bool { return v.kind != gjson.Null && string(v.raw) != `""` }

// object reports whether the value is one.
func (v value) object() bool { return v.kind == gjson.JSON && v.raw[0] == '{' }

// array reports whether the value is one.
func (v value) array() bool { return v.kind == gjson.JSON && v.raw[0] == '[' }

// each calls visit for every member of a valid JSON object or array, in order; members of an array have no key. Keys must not be kept.
func each(container []byte, visit func(key string, v value)) {
	// gjson wants a string; the body does not change while we look at it.
	whole := gjson.Result{Type: gjson.JSON, Raw: unsafe.String(unsafe.SliceData(container), len(container))}
	whole.ForEach(func(key, v gjson.Result) bool {
		from := v.Index
		visit(key.Str, value{v.Type, from, from + len(v.Raw), container[from : from+len(v.Raw) : from+len(v.Raw)]})
		return true
	})
}
