package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
)

// TestPartitionIsTheServers: partition(n, token) of a subject transform and Partition agree.
func TestPartitionIsTheServers(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	const n = 7
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "P", Subjects: []string{"events.*.*"}, Storage: jetstream.MemoryStorage,
		SubjectTransform: &jetstream.SubjectTransformConfig{Source: "events.*.*", Destination: fmt.Sprintf("{{partition(%d,2)}}.{{wildcard(1)}}.{{wildcard(2)}}", n)},
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for i := range 100 {
		subject := event.Subject("web", fmt.Sprint("user ", i))
		ack, err := js.Publish(t.Context(), subject, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(t.Context(), "P")
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetMsg(t.Context(), ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		number, _, _ := strings.Cut(m.Subject, ".")
		if got := stream.Partition(subject, n); fmt.Sprint(got) != number {
			t.Errorf("%s is in partition %d, the server says %s", subject, got, number)
		}
		seen[stream.Partition(subject, n)] = true
	}
	if len(seen) != n {
		t.Errorf("100 users fall into %d of %d partitions", len(seen), n)
	}
}

func TestPartitionOfOddSubjects(t *testing.T) {
	for _, subject := range []string{"", ".", "..", "events", "events.", "events.x", "events..", "a.b.c.d.e"} {
		if p := stream.Partition(subject, 3); p < 0 || p >= 3 {
			t.Errorf("%q is in partition %d of 3", subject, p)
		}
	}
}

// TestEnsure: a stream that fits is used as it is, one that does not is explained.
func TestEnsure(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	for _, c := range []struct {
		name   string
		config jetstream.StreamConfig
		advice string // part of the error, empty when the stream fits
	}{
		{"all events", jetstream.StreamConfig{Subjects: []string{"events.>"}}, ""},
		{"one app", jetstream.StreamConfig{Subjects: []string{"events.web.*"}}, ""},
		{"everything of an account", jetstream.StreamConfig{Subjects: []string{"events.>", "orders.>"}, MaxAge: 1e12}, ""},
		{"whatever an app publishes", jetstream.StreamConfig{Subjects: []string{"events.web.>"}}, ""},
		{"other subjects", jetstream.StreamConfig{Subjects: []string{"orders.>"}}, "events.>"},
		{"events of no user", jetstream.StreamConfig{Subjects: []string{"events.*"}}, "events.>"},
		{"events of another shape", jetstream.StreamConfig{Subjects: []string{"events.orders", "events.*.*.*"}}, "events.>"},
		{"a work queue", jetstream.StreamConfig{Subjects: []string{"events.>"}, Retention: jetstream.WorkQueuePolicy}, "limits"},
		{"interest", jetstream.StreamConfig{Subjects: []string{"events.>"}, Retention: jetstream.InterestPolicy}, "limits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Name, c.config.Storage = "S", jetstream.MemoryStorage
			if _, err := js.CreateStream(t.Context(), c.config); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = js.DeleteStream(t.Context(), "S") }()
			s, err := stream.Ensure(t.Context(), js, "S")
			switch {
			case c.advice == "" && err != nil:
				t.Errorf("it fits, but: %v", err)
			case c.advice == "" && s.CachedInfo().Config.MaxAge != c.config.MaxAge:
				t.Error("the stream was changed")
			case c.advice != "" && (err == nil || !strings.Contains(err.Error(), c.advice) || strings.Contains(err.Error(), "\n")):
				t.Errorf("the error is %v, want one line with %q", err, c.advice)
			}
		})
	}
}

// TestEnsureAnnotations: the stream is created where there is none, and used as it is; what does not fit, or holds its
// subjects under another name, is explained.
func TestEnsureAnnotations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config *jetstream.StreamConfig
		advice string // part of the error, empty when the stream fits
	}{
		{"none", nil, ""},
		{"one's own", &jetstream.StreamConfig{Name: "ANNOTATIONS", Subjects: []string{"annotations.*"}, MaxAge: 1e12}, ""},
		{"other subjects", &jetstream.StreamConfig{Name: "ANNOTATIONS", Subjects: []string{"notes.>"}}, "annotations.>"},
		{"of another shape", &jetstream.StreamConfig{Name: "ANNOTATIONS", Subjects: []string{"annotations.*.*"}}, "annotations.>"},
		{"a work queue", &jetstream.StreamConfig{Name: "ANNOTATIONS", Subjects: []string{"annotations.>"}, Retention: jetstream.WorkQueuePolicy}, "limits"},
		{"another name", &jetstream.StreamConfig{Name: "MY_NOTES", Subjects: []string{"annotations.>"}}, "MY_NOTES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, js := streamtest.Connect(t)
			if c.config != nil {
				c.config.Storage = jetstream.MemoryStorage
				if _, err := js.CreateStream(t.Context(), *c.config); err != nil {
					t.Fatal(err)
				}
			}
			s, err := stream.EnsureAnnotations(t.Context(), js)
			switch {
			case c.advice == "" && err != nil:
				t.Errorf("it fits, but: %v", err)
			case c.advice == "" && c.config != nil && s.CachedInfo().Config.MaxAge != c.config.MaxAge:
				t.Error("the stream was changed")
			case c.advice != "" && (err == nil || !strings.Contains(err.Error(), c.advice) || strings.Contains(err.Error(), "\n")):
				t.Errorf("the error is %v, want one line with %q", err, c.advice)
			}
		})
	}
}

func letters(n int, data string) []stream.DeadLetter {
	var out []stream.DeadLetter
	for i := range n {
		out = append(out, stream.DeadLetter{Subject: "events.web.u", Sequence: uint64(i + 1), Reason: event.Malformed, Detail: "no JSON", Data: []byte(data)})
	}
	return out
}

// TestLettersAreReadBack: what was sent before a crash is known after it, letters of other streams are not mixed up.
func TestLettersAreReadBack(t *testing.T) {
	t.Parallel()
	conn, js := streamtest.Connect(t)
	s, err := stream.EnsureDead(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	ours := &stream.DeadLetters{JS: js, Stream: s, Source: "EVENTS@1", MaxSize: int(conn.MaxPayload())}
	others := &stream.DeadLetters{JS: js, Stream: s, Source: "EVENTS@2", MaxSize: int(conn.MaxPayload())}
	if sent, err := ours.SentAfter(t.Context(), 0); err != nil || len(sent) != 0 {
		t.Fatalf("%v were sent (%v) before any", sent, err)
	}
	for _, d := range []*stream.DeadLetters{others, ours} {
		if err := d.Send(t.Context(), letters(3, "x")[:2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.Send(t.Context(), letters(3, "x")); err != nil { // the first two again: within the duplicate window
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "dead.by.hand", []byte("no letter of ours")); err != nil {
		t.Fatal(err)
	}
	restarted := &stream.DeadLetters{JS: js, Stream: s, Source: "EVENTS@1", MaxSize: int(conn.MaxPayload())}
	sent, err := restarted.SentAfter(t.Context(), 0)
	if err != nil || fmt.Sprint(sent) != "map[1:0 2:0 3:0]" {
		t.Errorf("after a restart %v are known as sent (%v), want 1, 2 and 3", sent, err)
	}
	if restarted.Last() != 6 {
		t.Errorf("the last letter known is %d, want 6", restarted.Last())
	}
	if sent, err := restarted.SentAfter(t.Context(), 4); err != nil || fmt.Sprint(sent) != "map[3:0]" {
		t.Errorf("after letter 4 %v are known as sent (%v), want 3", sent, err)
	}
	if sent, err := restarted.SentAfter(t.Context(), 600); err != nil || len(sent) != 0 {
		t.Errorf("after a letter that never was %v are known as sent (%v), want none", sent, err)
	}
}

// TestLettersFit: whatever a subject or detail is, the server takes the letter, and its headers stay one line each.
func TestLettersFit(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	s, err := stream.EnsureDead(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	d := &stream.DeadLetters{JS: js, Stream: s, Source: "EVENTS", MaxSize: 1 << 20}
	for i, l := range []stream.DeadLetter{
		{Subject: "events.web.u", Detail: "a\r\nFirstlight-Reason: forged\x00\x7f"},
		{Subject: "events", Detail: ""},
		{Subject: "events." + strings.Repeat("a.", 2000) + "b", Detail: strings.Repeat("ü", 3000)},
		{Subject: "events.web.u", Detail: "x", Data: []byte(strings.Repeat("x", 1<<20))},
		{Subject: "events." + strings.Repeat("a", 4000), Detail: strings.Repeat("d", 3000), Data: []byte(strings.Repeat("x", 1<<20))},
	} {
		l.Sequence, l.Reason = uint64(i+1), event.Malformed
		if err := d.Send(t.Context(), []stream.DeadLetter{l}); err != nil {
			t.Fatalf("letter %d: %v", i+1, err)
		}
		m, err := s.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(m.Subject, "dead.malformed.") || m.Header.Get(stream.HeaderSubject) != l.Subject || m.Header.Get(stream.HeaderReason) != "malformed" {
			t.Errorf("letter %d has the subject %.50s and the headers %.300v", i+1, m.Subject, m.Header)
		}
		size := len(m.Data)
		for k, v := range m.Header {
			size += len(k) + len(v[0]) + 4
		}
		if size > 1<<20 {
			t.Errorf("letter %d has %d bytes, more than the limit", i+1, size)
		}
		if cut := m.Header.Get(stream.HeaderOriginal) != ""; cut != (len(m.Data) < len(l.Data)) {
			t.Errorf("letter %d says cut: %t, but holds %d of %d bytes", i+1, cut, len(m.Data), len(l.Data))
		}
	}
}

// TestEmbeddedAddresses: what the embedded server cannot listen on is one line of advice.
func TestEmbeddedAddresses(t *testing.T) {
	t.Parallel()
	conn, _ := streamtest.Connect(t)
	taken := strings.TrimPrefix(conn.ConnectedUrl(), "nats://")
	for _, address := range []string{taken, "0.0.0.0:0", "192.0.2.1:4222", "example.com:4222", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:70000"} {
		s, err := stream.StartEmbedded(address, t.TempDir())
		if err == nil {
			s.Shutdown()
			t.Errorf("a server started on %s", address)
			continue
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), address) {
			t.Errorf("the error for %s is not one line that names it: %v", address, err)
		}
	}
}

// TestTransformedStreams: a stream that stores events under other subjects than they were published on does not fit, because source and
// user would be taken from those.
func TestTransformedStreams(t *testing.T) {
	_, js := streamtest.Connect(t)
	for to, fits := range map[string]bool{
		"events.{{wildcard(1)}}.{{wildcard(2)}}":                     true,
		"events.{{partition(16,2)}}.{{wildcard(1)}}.{{wildcard(2)}}": false,
		"events.all.{{wildcard(2)}}":                                 false,
		"events.{{wildcard(1)}}.{{partition(16,2)}}":                 false,
		"ev.{{wildcard(1)}}.{{wildcard(2)}}":                         false,
	} {
		c := jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, SubjectTransform: &jetstream.SubjectTransformConfig{Source: "events.*.*", Destination: to}}
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		_, err := stream.Ensure(t.Context(), js, "EVENTS")
		if (err == nil) != fits || !fits && !strings.Contains(err.Error(), "take the transform out") {
			t.Errorf("transformed to %q: %v", to, err)
		}
		if err := js.DeleteStream(t.Context(), "EVENTS"); err != nil {
			t.Fatal(err)
		}
	}
}
