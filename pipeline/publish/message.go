package publish

// One line, judged and made into a message.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"unicode/utf8"

	"firstlight/pipeline/event"
)

// message makes l's message, which shares no memory with it, or says why the pipeline would refuse the event.
// now is when the event would arrive, in ms; those of a Historical run have their own received time.
func (p *Publisher) message(l *line, now int64) (*Message, *refusal) {
	if l.size > event.MaxPayload {
		return nil, tooLarge(fmt.Sprintf("the event has %d bytes, the limit is %d", l.size, event.MaxPayload))
	}
	data := l.data
	e, wellFormed := event.Open(data)
	if wellFormed && p.Zone != nil {
		data = withOffsets(data, p.Zone)
		e, _ = event.Open(data)
	}
	received, problem := now, ""
	if p.Historical && wellFormed {
		received, problem = arrival(&e)
	}
	at, r := judge(data, received)
	if r == nil && problem != "" {
		r = &refusal{event.BadTimestamp, problem}
	}
	if r != nil {
		if wellFormed {
			r.advise(data)
		}
		if r.reason == event.BadTimestamp && p.Zone == nil {
			r.detail = cmp.Or(lacksOffset(data), r.detail)
		}
		return nil, r
	}
	m := &Message{Subject: event.Subject(p.Source, e.User), Time: at, Written: e.Time}
	id := e.ID
	if id == "" {
		id = l.id()
	}
	m.ID = p.Source + ":" + id
	if e.NoID {
		m.Data = withField(data, e.IDField, id)
	} else {
		m.Data = bytes.Clone(data)
	}
	if len(m.Data) > event.MaxPayload {
		return nil, tooLarge(fmt.Sprintf("with the %s that it lacks the event has %d bytes, the limit is %d",
			e.IDField, len(m.Data), event.MaxPayload))
	}
	if p.Historical {
		m.Received = received
	}
	return m, nil
}

// judge returns when an event happened, 0 when it is ignored, or says why the pipeline would refuse it. Whether it takes
// anonymous users is the catalog's to say, so their events are judged like those of known ones.
func judge(data []byte, received int64) (at int64, _ *refusal) {
	var ev event.Event
	r := event.Parse(&event.Message{Stored: received, Data: data}, true, &ev)
	if r.Verdict == event.Dead {
		return 0, &refusal{r.Reason, r.Detail}
	}
	return ev.Time, nil
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
	number := l.number
	if l.element > 0 { // several may be on one line
		number = l.element
	}
	return fmt.Sprintf("%s:%d:%08x", base, number, crc32.ChecksumIEEE(l.data))
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
