package event

import (
	"unsafe"

	"github.com/tidwall/gjson"
)

// each calls visit for every field of a valid JSON object, in order. Keys must not be kept.
func each(object []byte, visit func(key string, v value)) {
	s := scanner{data: object}
	s.next('{')
	for s.space(); s.data[s.at] != '}'; s.space() {
		if s.data[s.at] == ',' {
			s.at++
			s.space()
		}
		key := s.key()
		s.next(':')
		s.space()
		visit(key, s.value())
	}
}

// scanner goes through JSON that is known to be valid: nothing is checked again.
type scanner struct {
	data []byte
	at   int
}

// space passes white space.
func (s *scanner) space() {
	for s.data[s.at] <= ' ' {
		s.at++
	}
}

// next passes white space and the byte that must follow it.
func (s *scanner) next(byte) {
	s.space()
	s.at++
}

// key passes the key of a field and returns its text.
func (s *scanner) key() string {
	from := s.at
	if escaped := s.quoted(); escaped {
		return string(text(s.data[from:s.at]))
	}
	name := s.data[from+1 : s.at-1]
	return unsafe.String(unsafe.SliceData(name), len(name)) // the body does not change while we look at it
}

// quoted passes a string, and reports whether there are escapes in it.
func (s *scanner) quoted() (escaped bool) {
	data, at := s.data, s.at+1
	for ; data[at] != '"'; at++ {
		if data[at] == '\\' {
			escaped = true
			at++
		}
	}
	s.at = at + 1
	return escaped
}

// value passes a value and returns where it lies.
func (s *scanner) value() value {
	v := value{kind: kindAt(s.data[s.at]), from: int32(s.at)}
	switch v.kind {
	case gjson.String:
		s.quoted()
	case gjson.JSON:
		s.nested()
	default:
		s.plain()
	}
	v.to = int32(s.at)
	return v
}

// kindAt is the kind of the value that begins with a byte.
func kindAt(first byte) gjson.Type {
	switch first {
	case '"':
		return gjson.String
	case '{', '[':
		return gjson.JSON
	case 't':
		return gjson.True
	case 'f':
		return gjson.False
	case 'n':
		return gjson.Null
	default:
		return gjson.Number
	}
}

// nested passes an object or an array.
func (s *scanner) nested() {
	for depth := 0; ; {
		switch s.data[s.at] {
		case '"':
			s.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if s.at++; depth == 0 {
			return
		}
	}
}

// plain passes a number or a word.
func (s *scanner) plain() {
	for ; s.data[s.at] > ' '; s.at++ {
		switch s.data[s.at] {
		case ',', '}', ']':
			return
		}
	}
}
