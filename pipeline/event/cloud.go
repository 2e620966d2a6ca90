package event

// CloudEvents in binary mode: the attributes are headers, the body is the data.

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// cloudAttributes are the attributes that mean something here; their headers are called ce-type and so on.
var cloudAttributes = [...]string{"type", "id", "time", "subject"}

// versionHeader tells a CloudEvent in binary mode.
const versionHeader = "ce-specversion"

// binaryMode reports whether the headers are those of a CloudEvent in binary mode. A content type of
// application/cloudevents says that the event is the body, as in structured mode.
func binaryMode(h map[string][]string) bool {
	if len(h) == 0 {
		return false
	}
	if _, cloud := header(h, versionHeader); !cloud {
		return false
	}
	kind, _ := header(h, "Content-Type")
	const structured = "application/cloudevents"
	return len(kind) < len(structured) || !strings.EqualFold(kind[:len(structured)], structured)
}

// Attributes returns the ce- headers of a CloudEvent in binary mode as they stand, and nil for any other message. Without them
// its body means nothing.
func Attributes(h map[string][]string) (out map[string]string) {
	if !binaryMode(h) {
		return nil
	}
	for name, values := range h {
		if len(values) > 0 && len(name) > len("ce-") && strings.EqualFold(name[:len("ce-")], "ce-") {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = values[0]
		}
	}
	return out
}

// readBinary reads a CloudEvent in binary mode, by way of the structured form that says the same.
func (f *fields) readBinary(h map[string][]string, data []byte) (problem string) {
	body := bytes.Trim(data, " \t\r\n")
	if len(body) > 0 && string(body) != "null" {
		if problem := CheckObject("data", body); problem != "" {
			return problem
		}
	}
	event := make([]byte, 0, len(body)+256)
	event = append(event, `{"specversion":"1.0"`...)
	for _, name := range cloudAttributes {
		value, there := header(h, "ce-"+name)
		if !there {
			continue
		}
		if value = unescapeHeader(value); !utf8.ValidString(value) {
			return "the header ce-" + name + " is not valid UTF-8"
		}
		text, err := json.Marshal(value)
		if err != nil {
			panic("BUG: a string that is no JSON: " + err.Error())
		}
		event = append(append(append(event, `,"`...), name...), `":`...)
		event = append(event, text...)
	}
	if len(body) > 0 {
		event = append(append(event, `,"data":`...), body...)
	}
	return f.find(append(event, '}'))
}

// unescapeHeader undoes the percent-encoding that the specification asks of header values; one that was not
// encoded stays as it is.
func unescapeHeader(value string) string {
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}
