package publish

// One line, judged and made into a message.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"firstlight/pipeline/event"
)

// refusal is why a line is left out.
type refusal struct {
	reason event.Reason
	detail string
}

func tooLarge(detail string) *refusal { return &refusal{event.TooLarge, detail} }

// message makes l's message, which shares no memory with it, or says why the pipeline would refuse the event.
// now is when the event would arrive, in ms; those of a Historical run have their own received time. old says
// that the event lies more than a day before now.
func (p *Publisher) message(l *line, now int64) (m *Message, old bool, r *refusal) {
	if l.size > event.MaxPayload {
		return nil, false, tooLarge(fmt.Sprintf("the event has %d bytes, the limit is %d", l.size, event.MaxPayload))
	}
	e, wellFormed := event.Open(l.data)
	received, problem := now, ""
	if p.Historical && wellFormed {
		received, problem = arrival(&e)
	}
	if r := judge(l.data, received); r != nil {
		return nil, false, r
	}
	if problem != "" {
		return nil, false, &refusal{event.BadTimestamp, problem}
	}
	m = &Message{Subject: event.Subject(p.Source, e.User)}
	id := e.ID
	if id == "" {
		id = l.id()
	}
	m.ID = p.Source + ":" + id
	if e.NoID {
		m.Data = withField(l.data, e.IDField, id)
	} else {
		m.Data = bytes.Clone(l.data)
	}
	if len(m.Data) > event.MaxPayload {
		return nil, false, tooLarge(fmt.Sprintf("with the %s that it lacks the event has %d bytes, the limit is %d",
			e.IDField, len(m.Data), event.MaxPayload))
	}
	if p.Historical {
		m.Received = received
	}
	return m, e.Time != 0 && e.Time < now-time.Hour.Milliseconds()*24, nil
}

// judge says why the pipeline would refuse an event. Whether it takes anonymous users is the catalog's to
// say, so their events are judged like those of known ones.
func judge(data []byte, received int64) *refusal {
	var ev event.Event
	r := event.Parse(&event.Message{Stored: received, Data: data}, true, &ev)
	if r.Verdict != event.Dead {
		return nil
	}
	return &refusal{r.Reason, r.Detail}
}

// arrival is when a historical event was received, and why that cannot be known for sure.
func arrival(e *event.Envelope) (ms int64, problem string) {
	ms = max(e.Time, e.Sent)
	switch {
	case e.ReceivedAt != 0:
		return e.ReceivedAt, ""
	case e.BadReceivedAt:
		return ms, "receivedAt is not an RFC 3339 time of 1971 or later"
	case ms == 0:
		return 0, "an event of the past needs a timestamp (in a CloudEvent: time), a sentAt or a receivedAt"
	}
	return ms, ""
}

// maxBase bounds the part of an id that comes from a file's name, in bytes.
const maxBase = 64

// id is the id of a line that has none: the same whenever and from wherever the same file is read. The
// checksum of the content keeps files of the same name apart.
func (l *line) id() string {
	base := l.base
	for len(base) > maxBase {
		_, last := utf8.DecodeLastRuneInString(base)
		base = base[:len(base)-last]
	}
	return fmt.Sprintf("%s:%d:%08x", base, l.number, crc32.ChecksumIEEE(l.data))
}

// withField returns a copy of a valid JSON object with one more field at its end, where it counts even if
// the field is there already, as null say.
func withField(object []byte, name, text string) []byte {
	value, err := json.Marshal(text)
	if err != nil {
		panic("BUG: a string that is no JSON: " + err.Error())
	}
	end := bytes.LastIndexByte(object, '}')
	body := object[:end]
	out := make([]byte, 0, len(object)+len(name)+len(value)+len(`,"":`))
	out = append(out, body...)
	if trimmed := bytes.TrimRight(body, " \t\r\n"); trimmed[len(trimmed)-1] != '{' {
		out = append(out, ',')
	}
	out = append(out, '"')
	out = append(out, name...)
	out = append(out, `":`...)
	out = append(out, value...)
	return append(out, object[end:]...)
}

// maxSource bounds a source, in bytes.
const maxSource = 64

// CheckSource says why a source is no subject token.
func CheckSource(source string) error {
	bad := func(r rune) bool {
		return r == '.' || r == '*' || r == '>' || r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	if len(source) > maxSource || strings.ContainsFunc(source, bad) {
		return fmt.Errorf("source %q cannot be part of a subject: use at most %d bytes without dots, spaces, * and >, "+
			"such as web or ios-app", source, maxSource)
	}
	return nil
}
