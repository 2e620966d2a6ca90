package collect

import (
	"bytes"
	"cmp"
	"net/http"

	"github.com/tidwall/gjson"
)

// maxEvents bounds the events of a request.
const maxEvents = 5000

// envelope is a body taken apart: its events as they came, and what it says of all of them.
type envelope struct {
	events [][]byte // valid JSON values, unless lines is set
	lines  bool     // each event is a line, and not checked to be JSON
	key    string   // the write key that the body carries; empty: none
	sent   value    // when the client sent the list, by its clock: text, or ms
}

// open takes a body apart that is one JSON value: an event, a list of events, or an object with the list batch.
func open(body []byte) (*envelope, *Problem) {
	if p := checkJSON(body); p != nil {
		return nil, p
	}
	e := &envelope{}
	var batch, sent value
	switch body[0] {
	case '{':
		each(body, func(key string, v value) {
			switch key {
			case "batch":
				batch = v
			case "sentAt", "sent_at", "created_at":
				if v.there() {
					sent = v
				}
			case "writeKey", "api_key", "token":
				e.key = cmp.Or(e.key, v.text())
			}
		})
		if !batch.array() {
			e.events = [][]byte{body}
			break
		}
		e.sent = sent
		if p := e.list(batch.raw); p != nil {
			return nil, p
		}
	case '[':
		if p := e.list(body); p != nil {
			return nil, p
		}
	default:
		return nil, problem(http.StatusBadRequest, "the body is JSON, and neither an object nor a list: send an event as a JSON object")
	}
	if e.key == "" && len(e.events) > 0 {
		e.key = keyOf(e.events[0])
	}
	return e, nil
}

// list adds the members of a list.
func (e *envelope) list(array []byte) *Problem {
	each(array, func(_ string, v value) {
		if len(e.events) <= maxEvents {
			e.events = append(e.events, v.raw)
		}
	})
	return e.few()
}

func (e *envelope) few() *Problem {
	if len(e.events) > maxEvents {
		return problem(http.StatusRequestEntityTooLarge, "the body holds more than %d events: send fewer at once", maxEvents)
	}
	return nil
}

// openLines takes a body apart that is an event per line, or one JSON value on as many lines as it likes. said: the sender calls it
// lines, so that none of them need be whole.
func openLines(body []byte, said bool) (*envelope, *Problem) {
	first, rest, several := bytes.Cut(body, []byte{'\n'})
	if !several || len(bytes.TrimSpace(rest)) == 0 || !(body[0] == '{' && looksWhole(first)) && !(said && checkJSON(body) != nil) {
		return open(body)
	}
	e := &envelope{lines: true}
	for line := range bytes.SplitSeq(body, []byte{'\n'}) {
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		e.events = append(e.events, line)
		if p := e.few(); p != nil {
			return nil, p
		}
		if e.key == "" && len(e.events) <= keyWithin && looksWhole(line) {
			e.key = keyOf(line)
		}
	}
	return e, nil
}

// keyWithin is how many lines are looked through for the write key.
const keyWithin = 10

// looksWhole reports whether a line is a JSON object of its own.
func looksWhole(line []byte) bool { return checkJSON(line) == nil && line[0] == '{' }

// keyOf is the write key that a JSON object carries, by any of the names that SDKs have for it.
func keyOf(object []byte) (key string) {
	if object[0] != '{' {
		return ""
	}
	each(object, func(name string, v value) {
		switch name {
		case "writeKey", "api_key", "token":
			key = cmp.Or(key, v.text())
		case "properties":
			if v.object() && key == "" && bytes.Contains(v.raw, []byte(`"token"`)) {
				key = gjson.GetBytes(v.raw, "token").String()
			}
		}
	})
	return key
}
