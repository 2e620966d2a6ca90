package event

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// ReceivedHeader names the header that carries the received time of a historical import, in RFC 3339.
const ReceivedHeader = "Firstlight-Received-At"

const (
	skewLimit = 60_000         // ms between a device's clock and ours that need no correction, and may lie ahead
	earliest  = 31_536_000_000 // 1971-01-01T00:00:00Z, ms: what lies before comes from a clock that was never set

	shortestTime = len("2006-01-02T15:04:05Z")
)

// receivedTime returns the message's received time, and what is wrong with its header.
//
// The header counts where it is earlier than the stream's own time. An unreadable one is as if there were
// none. One before 1971 gives 0, so that it cannot move an arrival clock. An event with either is
// bad_timestamp.
func receivedTime(m *Message) (received int64, problem string) {
	text, ok := header(m.Header, ReceivedHeader)
	if !ok {
		return m.Stored, ""
	}
	at, ok := parseTime([]byte(text))
	switch {
	case !ok:
		return m.Stored, fmt.Sprintf("the header %s, %+.40q, is not an RFC 3339 time", ReceivedHeader, text)
	case at < earliest:
		return min(m.Stored, 0), fmt.Sprintf("the header %s, %+.40q, lies before 1971", ReceivedHeader, text)
	}
	return min(at, m.Stored), ""
}

// header returns the first value of a header. NATS keeps the case of names and not all clients agree
// on one, so the name as given comes first and then any other spelling, the first in byte order.
func header(h map[string][]string, name string) (string, bool) {
	values, ok := h[name]
	if !ok {
		spelled := ""
		for k := range h {
			if len(k) == len(name) && strings.EqualFold(k, name) && (spelled == "" || k < spelled) {
				spelled = k
			}
		}
		values, ok = h[spelled]
	}
	if !ok || len(values) == 0 {
		return "", ok
	}
	return values[0], true
}

// eventTime returns the event's time and whether it was clamped to the received time, or what is wrong
// with it.
func (f *fields) eventTime(received int64) (at int64, clamped bool, problem string) {
	v, field := f.when()
	if v.kind == gjson.Null {
		return received, false, ""
	}
	if v.kind != gjson.String {
		return 0, false, field + " is not a string with an RFC 3339 time"
	}
	at, ok := parseTime(f.text(v))
	if !ok {
		return 0, false, fmt.Sprintf("%s, %+.40q, is not an RFC 3339 time such as 2026-03-01T09:30:00Z", field, f.text(v))
	}
	if at < earliest {
		return 0, false, field + " lies before 1971"
	}
	if !f.corrected() {
		at = unskew(at, f.clock(f.sentAt), received)
	}
	if at < earliest {
		return 0, false, field + " lies before 1971 once corrected by sentAt"
	}
	if at > received+skewLimit {
		return received, true, ""
	}
	return at, false, ""
}

// when returns the value that holds the event's time, and its name.
func (f *fields) when() (v value, field string) {
	switch {
	case f.cloud:
		return f.timestamp, "time"
	case f.timestamp.kind == gjson.Null && f.original.kind != gjson.Null:
		return f.original, "originalTimestamp"
	}
	return f.timestamp, "timestamp"
}

// corrected reports whether a server has freed the timestamp of the device's clock skew already: it then keeps what
// the device said as originalTimestamp.
func (f *fields) corrected() bool {
	return f.timestamp.kind != gjson.Null && f.original.kind != gjson.Null
}

// clock returns the time of v, and 0 when it is none or lies before 1971.
func (f *fields) clock(v value) int64 {
	if v.kind != gjson.String {
		return 0
	}
	at, ok := parseTime(f.text(v))
	if !ok || at < earliest {
		return 0
	}
	return at
}

// unskew moves a device's time by how far its clock, when it sent the event (0: unknown), was off.
func unskew(at, sent, received int64) int64 {
	skew := received - sent
	if sent == 0 || -skewLimit <= skew && skew <= skewLimit {
		return at
	}
	return at + skew
}

// parseTime reads an RFC 3339 time as Unix milliseconds; further digits are cut. It takes what the
// RFC allows and clients do send: lower-case t and z, a space in place of T, and the second :60
// at the end of a UTC month, which as in POSIX is the first second of the next.
func parseTime(text []byte) (ms int64, ok bool) {
	if t, ok := strictTime(text); ok {
		return t.UnixMilli(), true
	}
	text, leap, ok := plain(text)
	if !ok {
		return 0, false
	}
	t, ok := strictTime(text)
	if !ok || !leap {
		return t.UnixMilli(), ok
	}
	t = t.Add(time.Second).UTC()
	return t.UnixMilli(), t.Day() == 1 && t.Hour() == 0 && t.Minute() == 0
}

// strictTime is the standard library's reading of RFC 3339 without what that lets pass: hours of one digit,
// a comma before the fraction, offsets beyond 23:59 (go.dev/issue/54580).
func strictTime(text []byte) (t time.Time, ok bool) {
	if len(text) < shortestTime || text[13] != ':' || text[19] == ',' || t.UnmarshalText(text) != nil {
		return time.Time{}, false
	}
	if text[len(text)-1] != 'Z' {
		hour, minute := text[len(text)-5:len(text)-3], text[len(text)-2:]
		ok = string(hour) <= "23" && string(minute) <= "59"
		return t, ok
	}
	return t, true
}

// plain rewrites an unusual but valid RFC 3339 time in the usual form; leap says that the second was :60
// and is now :59. It reports false when text is too short to be a time.
func plain(text []byte) (out []byte, leap, ok bool) {
	const date, minute, second = len("2006-01-02"), len("2006-01-02T15:04"), len("2006-01-02T15:04:05")
	if len(text) < shortestTime {
		return nil, false, false
	}
	out = bytes.Clone(text)
	if out[date] == 't' || out[date] == ' ' {
		out[date] = 'T'
	}
	if last := len(out) - 1; out[last] == 'z' {
		out[last] = 'Z'
	}
	if string(out[minute:second]) == ":60" {
		copy(out[minute:], ":59")
		leap = true
	}
	return out, leap, true
}
