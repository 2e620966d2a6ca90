package oracle

// One stored message read as a product event, or the reason why it is none.

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// event is one applied event. Times are milliseconds since 1970.
type event struct {
	source, name, user, id string
	at                     int64
	fields                 map[string]any // event, properties, context: what conditions and segments see
	payload                []byte
	sequence               uint64
}

// before orders events by time, then message id, then payload bytes.
func (e *event) before(f *event) bool {
	if e.at != f.at {
		return e.at < f.at
	}
	if e.id != f.id {
		return e.id < f.id
	}
	return bytes.Compare(e.payload, f.payload) < 0
}

// verdict is what became of a message; lateness is judged by the caller.
type verdict struct {
	received int64
	ignored  bool
	dead     string // the reason
	clamped  bool
	event    *event
}

const (
	maxPayload = 256 << 10
	maxDepth   = 64
	tolerance  = 60_000 // ms, of clock skew
)

var year1971 = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

func read(m Message, anonymousToo bool) verdict {
	for _, ownMessage := range []string{"Nats-Marker-Reason", "Nats-Schedule", "Firstlight-Control"} {
		if _, ok := m.Header[ownMessage]; ok {
			return verdict{ignored: true}
		}
	}
	received, headerOK := receivedAt(m)
	v := verdict{received: received}
	if len(m.Data) > maxPayload {
		v.dead = "too_large"
		return v
	}
	object, ok := parseObject(m.Data)
	if attributes := cloudHeaders(m.Header); attributes != nil {
		object, ok = withData(attributes, m.Data)
	}
	if !ok {
		v.dead = "malformed"
		return v
	}
	e := &event{source: strings.Split(m.Subject, ".")[1], payload: m.Data, sequence: m.Sequence}
	kind, _ := object["type"].(string)
	if _, cloud := object["specversion"]; cloud {
		object = asSegment(object)
	}
	properties, isObject := object["properties"].(map[string]any)
	if object["properties"] != nil && !isObject {
		v.dead = "malformed"
		return v
	}
	e.name = text(object["event"])
	switch kind {
	case "identify", "group", "alias":
		v.ignored = true
		return v
	case "page", "screen":
		e.name = kind
	}
	if e.name == "" || len(e.name) > 200 {
		v.dead = "missing_event"
		return v
	}
	user, reason := identifier(object["userId"])
	anonymous := user == "" && reason == ""
	if anonymous {
		user, reason = identifier(object["anonymousId"])
	}
	if user == "" && reason == "" {
		reason = "missing_user"
	}
	if reason != "" {
		v.dead = reason
		return v
	}
	if anonymous && !anonymousToo {
		v.ignored = true
		return v
	}
	e.user = user
	e.id = messageID(object["messageId"])
	at, ok := eventTime(object, received)
	if !ok || !headerOK {
		v.dead = "bad_timestamp"
		return v
	}
	if at > received+tolerance {
		at, v.clamped = received, true
	}
	e.at = at
	context, _ := object["context"].(map[string]any)
	e.fields = map[string]any{"event": e.name, "properties": properties, "context": context}
	v.event = e
	return v
}

// receivedAt is the stream's timestamp, or the header's where that is earlier.
func receivedAt(m Message) (ms int64, ok bool) {
	stored := m.Stored.UnixMilli()
	header, present := m.Header[ReceivedAt]
	if !present {
		return stored, true
	}
	at, err := time.Parse(time.RFC3339Nano, header)
	switch {
	case err != nil:
		return stored, false
	case at.UnixMilli() < year1971:
		return 0, false
	}
	return min(stored, at.UnixMilli()), true
}

// eventTime is the timestamp, shifted by the sender's clock skew unless a server did that before; the received time
// where there is none.
func eventTime(object map[string]any, received int64) (ms int64, ok bool) {
	written, original := object["timestamp"], object["originalTimestamp"]
	if written == nil && original == nil {
		return received, true
	}
	if written == nil {
		written, original = original, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text(written))
	if err != nil || at.UnixMilli() < year1971 {
		return 0, false
	}
	ms = at.UnixMilli()
	if original != nil {
		return ms, true
	}
	sent, err := time.Parse(time.RFC3339Nano, text(object["sentAt"]))
	if err != nil || sent.UnixMilli() < year1971 {
		return ms, true
	}
	if skew := received - sent.UnixMilli(); skew > tolerance || skew < -tolerance {
		ms += skew
	}
	return ms, ms >= year1971
}

// cloudHeaders are the attributes of a CloudEvent in binary mode, by name; nil when the headers are of no such event.
func cloudHeaders(headers map[string]string) map[string]any {
	attributes := map[string]any{}
	for name, value := range headers {
		name = strings.ToLower(name)
		if name == "content-type" && strings.HasPrefix(strings.ToLower(value), "application/cloudevents") {
			return nil
		}
		if attribute, ok := strings.CutPrefix(name, "ce-"); ok {
			if decoded, err := url.PathUnescape(value); err == nil {
				value = decoded
			}
			attributes[attribute] = value
		}
	}
	if _, ok := attributes["specversion"]; !ok {
		return nil
	}
	return attributes
}

// withData adds the body to the attributes; none and null are no data.
func withData(attributes map[string]any, body []byte) (event map[string]any, ok bool) {
	for _, name := range []string{"type", "id", "time", "subject"} {
		if !utf8.ValidString(text(attributes[name])) {
			return nil, false
		}
	}
	event = map[string]any{"specversion": "1.0"}
	for _, name := range []string{"type", "id", "time", "subject"} {
		if v, there := attributes[name]; there {
			event[name] = v
		}
	}
	switch strings.Trim(string(body), " \t\r\n") {
	case "", "null":
		return event, true
	}
	data, ok := parseObject(body)
	event["data"] = data
	return event, ok
}

// asSegment renames the fields of a CloudEvent.
func asSegment(cloud map[string]any) map[string]any {
	user := cloud["subject"]
	data, _ := cloud["data"].(map[string]any)
	if user == nil || user == "" {
		user = data["userId"]
	}
	return map[string]any{
		"event": cloud["type"], "userId": user, "anonymousId": data["anonymousId"],
		"messageId": cloud["id"], "timestamp": cloud["time"], "properties": cloud["data"],
	}
}

// identifier reads a user id: text or a number; nothing when it is missing, null or empty.
func identifier(v any) (id, reason string) {
	switch id := v.(type) {
	case nil:
		return "", ""
	case string:
		if id == "" || len(id) <= 256 && !noUser.MatchString(id) {
			return id, ""
		}
	case json.Number:
		if len(id) <= 256 && id != "0" {
			return id.String(), ""
		}
	}
	return "", "invalid_user"
}

// noUser matches what broken clients send instead of a user, and texts that show nothing.
var noUser = regexp.MustCompile(`^(?i:null|undefined|none|nil|nan|true|false|0|\[object object\]|anonymous|guest)$|` +
	`^[\s\p{Z}\p{Cf}\x{85}\v\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{3164}\x{FFA0}\x{FE00}-\x{FE0F}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]+$`)

// messageID is text or a number of at most 100 bytes; anything else is no id.
func messageID(v any) string {
	id := text(v)
	if n, ok := v.(json.Number); ok {
		id = n.String()
	}
	if len(id) > 100 {
		return ""
	}
	return id
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// parseObject reads one JSON object of at most 64 levels, numbers kept as they are written.
func parseObject(data []byte) (map[string]any, bool) {
	if !utf8.Valid(data) || depth(data) > maxDepth || !json.Valid(data) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, false
	}
	return object, true
}

// depth counts the deepest nesting of brackets outside of strings.
func depth(data []byte) int {
	deepest, level := 0, 0
	inString, escaped := false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}
