package scenario

// A line of the part "events":
//
//	RECEIVED SOURCE USER EVENT {properties} id=M1 at=TIME …
//	RECEIVED SOURCE USER raw PAYLOAD            the payload as it stands
//	RECEIVED SOURCE USER bytes "PAYLOAD"        the payload as a Go string, for bytes that are no text
//	RECEIVED SOURCE USER headers {HEADERS} PAYLOAD   the payload, with more headers
//	RECEIVED clock                              moves the clock: an identify call, which counts for nothing
//
// RECEIVED is the received time. Without at= the event has no timestamp of its own and so happened when it was
// received. Further words:
//
//	id=…         messageId
//	at=…         timestamp, put into the payload as it stands
//	original=…   originalTimestamp
//	sent=…       sentAt
//	type=…       type
//	context={…}  context
//	anonymous    the user is only an anonymousId
//	pad=N        a property of N bytes
//	stored=TIME  the stream's own timestamp, else the received time
//	header=…     the header's text, else the received time

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"firstlight/pipeline/oracle"
)

func (s *Scenario) events(lines []string) error {
	for _, line := range lines {
		m, received, err := s.message(line)
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		m.Sequence = uint64(len(s.messages) + 1)
		s.messages = append(s.messages, m)
		if received.After(s.asOf) {
			s.asOf = received
		}
	}
	return nil
}

func (s *Scenario) message(line string) (m oracle.Message, received time.Time, err error) {
	first, rest := cut(line)
	if received, err = parseTime(first); err != nil {
		return m, received, err
	}
	m = oracle.Message{
		Stored: received,
		Header: map[string]string{oracle.ReceivedAt: received.Format(time.RFC3339Nano)},
	}
	source, rest := cut(rest)
	if source == "clock" {
		m.Subject = subject("clock", "clock")
		m.Data = []byte(`{"type":"identify","userId":"clock"}`)
		return m, received, nil
	}
	user, rest := cut(rest)
	m.Subject = subject(source, user)
	name, rest := cut(rest)
	switch name {
	case "raw":
		m.Data = []byte(rest)
		return m, received, nil
	case "bytes":
		data, err := strconv.Unquote(rest)
		m.Data = []byte(data)
		return m, received, err
	case "headers":
		headers, body, err := next(rest)
		if err == nil {
			err = json.Unmarshal([]byte(headers), &m.Header) // adds to what is there
		}
		m.Data = []byte(body)
		return m, received, err
	}
	m.Data, err = s.payload(&m, user, name, rest)
	if m.Stored.Before(received) {
		received = m.Stored
	}
	return m, received, err
}

// payload builds a Segment-style event; words about the message change the message.
func (s *Scenario) payload(m *oracle.Message, user, name, rest string) ([]byte, error) {
	event := []field{{"event", quote(name)}, {"userId", quote(user)}}
	for rest != "" {
		var word string
		var err error
		if word, rest, err = next(rest); err != nil {
			return nil, err
		}
		key, value, _ := strings.Cut(word, "=")
		switch {
		case word[0] == '{':
			event = append(event, field{"properties", word})
		case word == "anonymous":
			event[1].name = "anonymousId"
		case key == "id":
			event = append(event, field{"messageId", quote(value)})
		case key == "at":
			event = append(event, field{"timestamp", quote(seconds(value))})
		case key == "original":
			event = append(event, field{"originalTimestamp", quote(seconds(value))})
		case key == "sent":
			event = append(event, field{"sentAt", quote(seconds(value))})
		case key == "type":
			event = append(event, field{"type", quote(value)})
		case key == "context":
			event = append(event, field{"context", value})
		case key == "pad":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, err
			}
			event = append(event, field{"properties", `{"pad":` + quote(strings.Repeat("x", n)) + `}`})
		case key == "stored":
			s.NeedsStored = true
			if m.Stored, err = parseTime(value); err != nil {
				return nil, err
			}
		case key == "header":
			s.NeedsStored = true
			m.Header[oracle.ReceivedAt] = value
		default:
			return nil, fmt.Errorf("unknown word %q", word)
		}
	}
	return object(event), nil
}

// field is one field of a JSON object; its value is JSON.
type field struct{ name, value string }

func object(fields []field) []byte {
	var b bytes.Buffer
	for i, f := range fields {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.WriteString(quote(f.name) + ":" + f.value)
	}
	b.WriteString("}")
	return b.Bytes()
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return string(b)
}

// seconds adds the seconds that RFC 3339 asks for; anything else stays as it stands.
func seconds(text string) string {
	if t, err := time.Parse("2006-01-02T15:04Z07:00", text); err == nil {
		return t.Format(time.RFC3339)
	}
	return text
}

// cut splits off the first word.
func cut(line string) (word, rest string) {
	word, rest, _ = strings.Cut(line, " ")
	return word, strings.TrimSpace(rest)
}

// next splits off the next word; a JSON object, alone or after key=, is one word whatever spaces it holds.
func next(line string) (word, rest string, err error) {
	start := strings.IndexByte(line, '{')
	space := strings.IndexByte(line, ' ')
	if start < 0 || space >= 0 && space < start {
		word, rest = cut(line)
		return word, rest, nil
	}
	decoder := json.NewDecoder(strings.NewReader(line[start:]))
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return "", "", err
	}
	end := start + int(decoder.InputOffset())
	return line[:end], strings.TrimSpace(line[end:]), nil
}

// subject is where a product app publishes an event of a user.
func subject(source, user string) string {
	sum := sha256.Sum256([]byte(user))
	return "events." + source + "." + hex.EncodeToString(sum[:])[:32]
}
