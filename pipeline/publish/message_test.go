package publish

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"firstlight/pipeline/event"
)

func TestIDsFitAndAreText(t *testing.T) {
	for _, base := range []string{"e", strings.Repeat("long", 50), strings.Repeat("é", 100), "", `"quoted"`} {
		l := line{base: base, number: 1<<63 - 1, data: []byte("x")}
		id := l.id()
		if len(id) > event.MaxID {
			t.Errorf("the id of a line of %q has %d bytes", base, len(id))
		}
		var back struct{ MessageID string }
		if err := json.Unmarshal(withField([]byte(`{}`), "messageId", id), &back); err != nil || back.MessageID != id {
			t.Errorf("%q comes back as %q (%v)", id, back.MessageID, err)
		}
	}
}

// FuzzMessage: a line is published exactly if the pipeline accepts or ignores it; adding an id changes nothing else.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		`{"event":"e","userId":"u"}`, `{"event":"e","userId":"u","messageId":null , "a":{"}":1}}  `, `{}`, `{"type":"alias"  }`,
		`{"specversion":"1.0","type":"e","data":{"userId":7}}`, `{"event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	const now = int64(1_800_000_000_000)
	f.Fuzz(func(t *testing.T, data []byte, historical bool) {
		p := Publisher{Source: "web", Historical: historical}
		before := bytes.Clone(data)
		m, refusal := p.message(&line{file: "f", base: "f", number: 1, data: data, size: len(data)}, now)
		if !bytes.Equal(before, data) {
			t.Fatal("the line was changed")
		}
		var was event.Event
		verdict := event.Parse(&event.Message{Subject: "events.web.t", Stored: now, Data: data}, true, &was)
		if refusal != nil {
			if !historical && verdict.Verdict != event.Dead {
				t.Fatalf("%q is refused: %+v", data, refusal)
			}
			return
		}
		header := map[string][]string{}
		if historical {
			header[event.ReceivedHeader] = []string{rfc3339(m.Received)}
		}
		var is event.Event
		r := event.Parse(&event.Message{Subject: m.Subject, Header: header, Stored: now, Data: m.Data}, true, &is)
		if r.Verdict == event.Dead || !historical && r.Verdict != verdict.Verdict {
			t.Fatalf("%q, %+v, became %q, %+v", data, verdict, m.Data, r)
		}
		if historical && m.Received < now && r.Received != m.Received {
			t.Fatalf("received %d, the header says %d", r.Received, m.Received)
		}
		if r.Verdict != event.Accepted || historical {
			return
		}
		if m.Subject != event.Subject("web", is.User) || is.ID != "" && m.ID != "web:"+is.ID {
			t.Fatalf("%q has subject %s and id %s", data, m.Subject, m.ID)
		}
		was.ID, was.Payload, is.ID, is.Payload = "", nil, "", nil
		if !reflect.DeepEqual(was, is) {
			t.Fatalf("%+v became %+v", was, is)
		}
	})
}
