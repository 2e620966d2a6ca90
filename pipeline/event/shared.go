package event

// What annotations are judged by as well: the same JSON, times and headers.

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// Earliest is the first time that counts, 1971-01-01T00:00:00Z in ms.
const Earliest = earliest

// ParseTime reads an RFC 3339 time as Unix milliseconds, with any offset; further digits are cut.
func ParseTime(text string) (ms int64, ok bool) { return parseTime([]byte(text)) }

// ReceivedTime returns a message's received time in ms, and what is wrong with its header Firstlight-Received-At.
func ReceivedTime(m *Message) (received int64, problem string) { return receivedTime(m) }

// Header returns a message's header, in whatever case its name is spelled.
func Header(m *Message, name string) string {
	value, _ := header(m.Header, name)
	return value
}

// Source returns the second token of a subject, and "" when there is none.
func Source(subject string) string { return source(subject) }

// CheckObject returns what keeps data from being one JSON object, in UTF-8 and nested at most MaxDepth levels;
// what names it in the answer.
func CheckObject(what string, data []byte) (problem string) {
	switch {
	case !utf8.Valid(data):
		return what + " is not valid UTF-8"
	case TooDeep(data, MaxDepth): // before anything that recurses
		return fmt.Sprintf("%s is nested beyond %d levels", what, MaxDepth)
	case !gjson.ValidBytes(data):
		return what + " is not valid JSON"
	case bytes.TrimLeft(data, " \t\r\n")[0] != '{':
		return what + " is not a JSON object"
	}
	return ""
}
