package publish

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

func TestEventsAreStoredAsTheyAreWithAnID(t *testing.T) {
	b := newBench(t)
	file := b.file("events.ndjson", strings.Join([]string{
		"\ufeff" + `{"event":"opened","userId":"ann","messageId":"m1","a":[1, 2]}`,
		`{ "event":"opened", "userId":7 } `,
		``,
		"{\"event\":\"opened\",\"anonymousId\":\"a1\"}\r",
		" \t\r",
		`{"type":"identify","traits":{}}`,
		`{"specversion":"1.0","type":"opened","subject":"ann","id":"c1"}`,
		`{"specversion":"1.0","type":"opened","subject":"ann","messageId":"no id in this form"}`,
		`{"event":"opened","userId":"ann","messageId":null}`,
		`{"event":"opened","userId":"ann","messageId":"` + strings.Repeat("long", 30) + `"}`,
		`{}`,
		`{"event":"the last line has no end","userId":"ann","messageId":"m2"}`,
	}, "\n"))
	summary, stderr := b.run(b.publisher(), file)
	if diff := diff(Summary{Stored: 9, Refused: refused("missing_event", 1)}, summary); diff != "" {
		t.Error(diff)
	}
	if want := "events.ndjson:11: missing_event: the event has no name: event is missing or empty\n"; stderr != want {
		t.Errorf("stderr is %q, want %q", stderr, want)
	}
	// Generated ids end in the CRC-32 (IEEE) of the line.
	type stored struct{ user, id, data string }
	want := []stored{
		{"ann", "m1", `{"event":"opened","userId":"ann","messageId":"m1","a":[1, 2]}`},
		{"7", "events.ndjson:2:1f3bd82c", `{ "event":"opened", "userId":7 ,"messageId":"events.ndjson:2:1f3bd82c"} `},
		{"a1", "events.ndjson:4:9a33a3b6", `{"event":"opened","anonymousId":"a1","messageId":"events.ndjson:4:9a33a3b6"}`},
		{"", "events.ndjson:6:f457e757", `{"type":"identify","traits":{},"messageId":"events.ndjson:6:f457e757"}`},
		{"ann", "c1", `{"specversion":"1.0","type":"opened","subject":"ann","id":"c1"}`},
		{"ann", "events.ndjson:8:ffa067f5", `{"specversion":"1.0","type":"opened","subject":"ann","messageId":"no id in this form","id":"events.ndjson:8:ffa067f5"}`},
		{"ann", "events.ndjson:9:987903f5", `{"event":"opened","userId":"ann","messageId":null,"messageId":"events.ndjson:9:987903f5"}`},
		{"ann", "events.ndjson:10:2991193e", `{"event":"opened","userId":"ann","messageId":"` + strings.Repeat("long", 30) + `"}`},
		{"ann", "m2", `{"event":"the last line has no end","userId":"ann","messageId":"m2"}`},
	}
	messages := b.stored()
	if len(messages) != len(want) {
		t.Fatalf("%d messages are stored, want %d", len(messages), len(want))
	}
	for i, m := range messages {
		if m.Subject != event.Subject("web", want[i].user) {
			t.Errorf("message %d has subject %s, want the one of %q", i, m.Subject, want[i].user)
		}
		if diff := cmp.Diff(want[i].data, string(m.Data)); diff != "" {
			t.Errorf("message %d: want (-), got (+):\n%s", i, diff)
		}
		header := nats.Header{nats.MsgIdHdr: {"web:" + want[i].id}}
		if diff := cmp.Diff(header, m.Header); diff != "" {
			t.Errorf("message %d: want (-), got (+):\n%s", i, diff)
		}
	}
}

func TestARepeatedRunAddsNothing(t *testing.T) {
	b := newBench(t)
	lines := strings.Repeat(`{"event":"opened","userId":"ann"}`+"\n", 3)
	b.run(b.publisher(), b.file("monday/events.ndjson", lines))
	// The same file from another folder, compressed: still the same events.
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write([]byte(lines)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	summary, _ := b.run(b.publisher(), b.file("copy/events.ndjson.gz", gz.String()))
	if diff := diff(Summary{Duplicates: 3}, summary); diff != "" {
		t.Error(diff)
	}
	// Another file of the same name: other events.
	summary, _ = b.run(b.publisher(), b.file("tuesday/events.ndjson", strings.ReplaceAll(lines, "ann", "bob")))
	if diff := diff(Summary{Stored: 3}, summary); diff != "" {
		t.Error(diff)
	}
	if n := len(b.stored()); n != 6 {
		t.Errorf("%d messages are stored, want 6", n)
	}
}

func TestRefusedLinesAreNamed(t *testing.T) {
	b := newBench(t)
	event := func(field string) string { return `{"event":"opened","userId":"ann",` + field + `}` }
	pad := func(size int) string {
		return event(`"pad":"` + strings.Repeat("x", size-len(event(`"pad":""`))) + `"`)
	}
	lines := []string{
		`not JSON`,
		`{"event":"opened"}`,
		`{"userId":"ann"}`,
		`{"event":"opened","userId":"undefined"}`,
		event(`"timestamp":"noon"`),
		event(`"timestamp":"1970-01-01T00:00:00Z"`),
		event(`"properties":[]`),
		"\xff\xfe",
		strings.Repeat("[", 1000),
		pad(256<<10 + 1),
		strings.Repeat("x", 10<<20),
		pad(256 << 10), // an id is yet to come
		pad(200 << 10),
	}
	summary, stderr := b.run(b.publisher(), b.file("events.ndjson", strings.Join(lines, "\n")+"\n"))
	if summary.Stored != 1 || summary.refusedLines() != uint64(len(lines)-1) {
		t.Errorf("%+v", summary)
	}
	want := []string{
		"events.ndjson:1: malformed: ", "events.ndjson:2: missing_user: ", "events.ndjson:3: missing_event: ",
		"events.ndjson:4: invalid_user: ", "events.ndjson:5: bad_timestamp: ", "events.ndjson:6: bad_timestamp: ",
		"events.ndjson:7: malformed: ", "events.ndjson:8: malformed: ", // and 9: three of a reason are named
		"events.ndjson:10: too_large: the event has 262145 bytes", "events.ndjson:11: too_large: the event has 10485761 bytes",
		"events.ndjson:12: too_large: with the messageId that it lacks the event has ",
	}
	got := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines on stderr, want %d:\n%s", len(got), len(want), stderr)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("stderr line %d is %q, want %q…", i+1, got[i], want[i])
		}
	}
}

func TestHistoricalEventsAreSortedAndKeepTheirTime(t *testing.T) {
	for _, sortBytes := range []int{0, 1} { // in memory, and every event on disk
		t.Run(fmt.Sprintf("%d bytes of memory", sortBytes), func(t *testing.T) {
			b := newBench(t)
			first := b.file("first.ndjson", `
				{"messageId":"3","event":"e","userId":"u","timestamp":"1997-03-01T00:00:00Z"}
				{"messageId":"no time","event":"e","userId":"u"}
				{"messageId":"1","event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z"}
				{"messageId":"5","event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z","sentAt":"1997-05-01T01:02:03.4567+01:00"}
				{"messageId":"6","event":"e","userId":"u","timestamp":"1997-06-01T00:00:00Z","sentAt":"1996-01-01T00:00:00Z"}
				{"messageId":"4","event":"e","userId":"u","timestamp":"1997-07-01T00:00:00Z","receivedAt":"1997-04-01T00:00:00Z"}
				{"messageId":"7","type":"identify","receivedAt":"1997-07-01T00:00:00Z"}
				{"messageId":"bad","event":"e","userId":"u","timestamp":"1997-07-01T00:00:00Z","receivedAt":"then"}
				{"id":"9","specversion":"1.0","type":"e","subject":"u","time":"1997-09-01T00:00:00Z"}`)
			second := b.file("second.ndjson", `
				{"messageId":"2","event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z"}
				{"messageId":"8","event":"e","userId":"u","sentAt":"1997-08-01T00:00:00Z"}`)
			p := b.publisher()
			p.Historical, p.SortBytes = true, sortBytes
			summary, stderr := b.run(p, first, second)
			if diff := diff(Summary{Stored: 9, Refused: refused("bad_timestamp", 2)}, summary); diff != "" {
				t.Error(diff)
			}
			if want := "first.ndjson:3: bad_timestamp: an event of the past needs a timestamp (in a CloudEvent: time), a sentAt or a receivedAt\n" +
				"first.ndjson:9: bad_timestamp: receivedAt is not an RFC 3339 time of 1971 or later\n"; stderr != want {
				t.Errorf("stderr is\n%swant\n%s", stderr, want)
			}
			var got []string
			for _, m := range b.stored() {
				got = append(got, m.Header.Get(nats.MsgIdHdr)+" "+m.Header.Get(event.ReceivedHeader))
			}
			want := []string{
				"web:1 1997-01-01T00:00:00.000Z", // of equal times the first in the files
				"web:2 1997-01-01T00:00:00.000Z",
				"web:3 1997-03-01T00:00:00.000Z",
				"web:4 1997-04-01T00:00:00.000Z", // receivedAt
				"web:5 1997-05-01T00:02:03.456Z", // the later of sentAt and timestamp
				"web:6 1997-06-01T00:00:00.000Z",
				"web:7 1997-07-01T00:00:00.000Z",
				"web:8 1997-08-01T00:00:00.000Z",
				"web:9 1997-09-01T00:00:00.000Z",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
			left, err := filepath.Glob(filepath.Join(b.dir, "firstlight-sort-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// Thousands of lines with one fault are a few lines to read.
func TestManyRefusedLinesAreCounted(t *testing.T) {
	b := newBench(t)
	s, stderr := b.run(b.publisher(), b.file("e.ndjson", strings.Repeat(`{"event":"e","userId":"u","timestamp":"2026-03-02 10:00:00"}`+"\n", 5000)+"x\n"))
	if n := strings.Count(stderr, "\n"); n != shownLines+1 {
		t.Errorf("%d lines on stderr:\n%s", n, stderr)
	}
	if !strings.Contains(stderr, `e.ndjson:1: bad_timestamp: timestamp, "2026-03-02 10:00:00", has no offset from UTC: add --zone`) {
		t.Error(stderr)
	}
	if want := "0 events stored, 5001 refused (bad_timestamp 5000, malformed 1)"; s.String() != want {
		t.Errorf("%q, want %q", s, want)
	}
}

func TestOldEventsWithoutHistoricalAreMentioned(t *testing.T) {
	b := newBench(t)
	recent := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	s, _ := b.run(b.publisher(), b.file("events.ndjson",
		`{"event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z"}`+"\n"+`{"event":"e","userId":"u","timestamp":"`+recent+`"}`))
	if s.Old != 1 || !strings.Contains(s.String(), "--historical") {
		t.Errorf("%+v: %s", s, s)
	}
}

func TestStdin(t *testing.T) {
	b := newBench(t)
	p := b.publisher()
	p.Source = ""
	s, err := p.Run(b.ctx, []string{"-"}, strings.NewReader(`{"event":"e","userId":"u"}`+"\nx\n"))
	if err != nil || s.Stored != 1 || s.refusedLines() != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	m := b.stored()[0]
	if !strings.HasPrefix(m.Header.Get(nats.MsgIdHdr), "import:stdin:1:") || !strings.HasPrefix(m.Subject, "events.import.") {
		t.Errorf("%s %v", m.Subject, m.Header)
	}
	if !strings.HasPrefix(b.stderr.String(), "stdin:2: malformed") {
		t.Errorf("stderr is %q", b.stderr.String())
	}
}

func TestWhatCannotBePublished(t *testing.T) {
	b := newBench(t)
	good := b.file("good.ndjson", `{"event":"e","userId":"u"}`)
	cut := b.file("cut.ndjson.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xab")
	tests := []struct {
		name   string
		source string
		files  []string
		want   string
	}{
		{"no file", "", nil, "nothing to publish"},
		{"a missing file, before anything is published", "", []string{good, filepath.Join(b.dir, "missing")}, "missing: no such file"},
		{"a folder", "", []string{b.dir}, "is a folder"},
		{"stdin twice", "", []string{"-", "-"}, "only once"},
		{"a source with a dot", "a.b", []string{good}, `source "a.b"`},
		{"a source with a space", "a b", []string{good}, `source "a b"`},
		{"a wildcard", ">", []string{good}, `source ">"`},
		{"CSV, before anything is published", "", []string{good, b.file("x.csv", "event,userId,timestamp\na,b,c\n")}, "x.csv is CSV: convert it"},
		{"a table of Excel", "", []string{b.file("x.txt", "event;userId;time\r\na;b;c\r\n")}, "x.txt is CSV"},
		{"tabs", "", []string{b.file("x.tsv", "event\tuserId\na\tb\n")}, "x.tsv is a table with tabs"},
		{"a zip archive", "", []string{b.file("x.ndjson", "PK\x03\x04abc")}, "x.ndjson is a zip archive"},
		{"zstd", "", []string{b.file("x.zst", "\x28\xb5\x2f\xfdabc")}, "zstd -dc"},
		{"Parquet", "", []string{b.file("x", "PAR1abc")}, "Parquet"},
		{"an SQL dump", "", []string{b.file("x.sql", "-- MySQL dump 10.13\nINSERT INTO events VALUES (1);\n")}, "SQL dump"},
		{"HTML", "", []string{b.file("x.html", "<!doctype html>")}, "XML or HTML"},
		{"a gzip file that is cut short", "", []string{cut}, "unexpected EOF"},
		{"an array that is cut short", "", []string{b.file("x.json", `[{"event":"e"},`)}, "x.json ends inside its array"},
		{"an array that is cut in a value", "", []string{b.file("y.json", `[{"event":"e"}, {"eve`)}, "y.json ends inside its array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := b.publisher()
			p.Source = tt.source
			_, err := p.Run(b.ctx, tt.files, strings.NewReader(""))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v, want one line with %q", err, tt.want)
			}
		})
	}
	if n := len(b.stored()); n != 0 {
		t.Errorf("%d messages are stored", n)
	}
}

func TestACancelledRunStops(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	for _, historical := range []bool{false, true} {
		p := b.publisher()
		p.Historical = historical
		if _, err := p.Run(ctx, []string{b.file("e", `{"event":"e","userId":"u"}`)}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("historical %v: the error is %v", historical, err)
		}
	}
}

func TestNoDiskToSortOn(t *testing.T) {
	b := newBench(t)
	p := b.publisher()
	p.Historical, p.SortBytes, p.TempDir = true, 1, filepath.Join(b.dir, "missing")
	_, err := p.Run(b.ctx, []string{b.file("e", `{"event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z"}`)}, nil)
	if err == nil || !strings.Contains(err.Error(), "TMPDIR") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

func TestTheServersTroubleIsNamed(t *testing.T) {
	many := strings.Repeat(`{"event":"e","userId":"u"}`+"\n", 20_000)

	t.Run("the stream is missing", func(t *testing.T) {
		b := newBench(t)
		_, err := NewJetStream(b.ctx, b.nc, "MISSING")
		if !errors.Is(err, jetstream.ErrStreamNotFound) || !strings.Contains(err.Error(), "FIRSTLIGHT_STREAM") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the stream does not take the subject", func(t *testing.T) {
		b := newBench(t)
		b.subjects("other.>")
		_, err := b.publisher().Run(b.ctx, []string{b.file("e", many)}, nil)
		if !errors.Is(err, jetstream.ErrNoStreamResponse) || !strings.Contains(err.Error(), "no stream takes subject events.web.") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("another stream takes the subject", func(t *testing.T) {
		b := newBench(t)
		b.subjects("other.>")
		if _, err := b.js.CreateStream(b.ctx, jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"events.>"}}); err != nil {
			t.Fatal(err)
		}
		_, err := b.publisher().Run(b.ctx, []string{b.file("e", many)}, nil)
		if err == nil || !strings.Contains(err.Error(), "stream OTHER took the events instead of EVENTS") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the stream is full", func(t *testing.T) {
		b := newBench(t)
		_, err := b.js.UpdateStream(b.ctx, jetstream.StreamConfig{
			Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute, MaxMsgs: 100, Discard: jetstream.DiscardNew,
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := b.publisher().Run(b.ctx, []string{b.file("e", many)}, nil)
		if err == nil || !strings.Contains(err.Error(), "stream EVENTS is full: it holds at most 100 messages") || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is %v", err)
		}
		if s.Stored != 100 || s.Failed == 0 || s.Complete() || len(b.stored()) != 100 {
			t.Errorf("%+v, %d are stored", s, len(b.stored()))
		}
	})
	t.Run("the stream has no room", func(t *testing.T) {
		b := newBench(t)
		_, err := b.js.UpdateStream(b.ctx, jetstream.StreamConfig{
			Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute, MaxBytes: 20_000, Discard: jetstream.DiscardNew,
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := b.publisher().Run(b.ctx, []string{b.file("e", many)}, nil)
		if err == nil || !strings.Contains(err.Error(), "it holds at most 20000 bytes") || s.Stored != uint64(len(b.stored())) || s.Stored == 0 {
			t.Errorf("%+v, the error is %v", s, err)
		}
	})
	t.Run("the stream is sealed", func(t *testing.T) {
		b := newBench(t)
		c := jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute, Sealed: true}
		if _, err := b.js.UpdateStream(b.ctx, c); err != nil {
			t.Fatal(err)
		}
		s, err := b.publisher().Run(b.ctx, []string{b.file("e", many)}, nil)
		if err == nil || !strings.Contains(err.Error(), "sealed") || s.Stored != 0 || s.Failed == 0 {
			t.Errorf("%+v, the error is %v", s, err)
		}
	})
	t.Run("the stream acknowledges nothing", func(t *testing.T) {
		b := newBench(t)
		c := jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute, NoAck: true}
		if _, err := b.js.UpdateStream(b.ctx, c); err != nil {
			t.Fatal(err)
		}
		if _, err := NewJetStream(b.ctx, b.nc, "EVENTS"); err == nil || !strings.Contains(err.Error(), "no_ack") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the stream takes no more of a user", func(t *testing.T) {
		b := newBench(t)
		_, err := b.js.UpdateStream(b.ctx, jetstream.StreamConfig{
			Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 2 * time.Minute, MaxMsgsPerSubject: 2, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		s, stderr := b.run(b.publisher(), b.file("e", strings.Repeat(`{"event":"e","userId":"u"}`+"\n", 5)+`{"event":"e","userId":"v"}`))
		if diff := diff(Summary{Stored: 3, Refused: refused("not_stored", 3)}, s); diff != "" || !strings.Contains(stderr, "web:e:3:") {
			t.Errorf("%s\n%s", diff, stderr)
		}
	})
	t.Run("the source is none of the stream's", func(t *testing.T) {
		b := newBench(t)
		b.subjects("events.direct.*")
		s, err := b.publisher().Run(b.ctx, []string{b.file("e", many)}, nil)
		if err == nil || !strings.Contains(err.Error(), "stream EVENTS takes events.direct.*; choose --source") || s.Stored != 0 {
			t.Errorf("%+v, the error is %v", s, err)
		}
		p := b.publisher()
		p.Source = "direct"
		b.sink, _ = NewJetStream(b.ctx, b.nc, "EVENTS")
		p.Stream = b.sink
		if s, _ := b.run(p, b.file("e", `{"event":"e","userId":"u"}`)); s.Stored != 1 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("the server goes away", func(t *testing.T) {
		b := newBench(t)
		stdin := &interrupted{data: []byte(many), then: func() { b.server.Shutdown(); b.server.WaitForShutdown() }}
		_, err := b.publisher().Run(b.ctx, []string{"-"}, stdin)
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

// subjects changes what the event stream takes.
func (b *bench) subjects(subject string) {
	b.t.Helper()
	_, err := b.js.UpdateStream(b.ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{subject}, Duplicates: 2 * time.Minute})
	if err != nil {
		b.t.Fatal(err)
	}
}

// interrupted reads data again and again; after the first time something happens.
type interrupted struct {
	data []byte
	at   int
	then func()
}

func (r *interrupted) Read(b []byte) (int, error) {
	if r.at == len(r.data) {
		r.at = 0
		if r.then != nil {
			r.then()
			r.then = nil
		}
	}
	n := copy(b, r.data[r.at:])
	r.at += n
	return n, nil
}

// Exports of other products are refused with what to rename.
func TestForeignExports(t *testing.T) {
	b := newBench(t)
	for line, want := range map[string]string{
		`{"event":"Signed up","properties":{"time":1772445600,"distinct_id":"u1"}}`:    "it has properties.distinct_id: rename that to userId, and properties.time to timestamp",
		`{"event_type":"Signed up","user_id":"u1","event_time":"2026-03-02 10:00:00"}`: "it has event_type: rename that to event, and event_time to timestamp",
		`{"event":"a","user_id":"u1","timestamp":"2026-03-02T10:00:00Z"}`:              "it has user_id: rename that to userId\n",
		`{"event":"a","userId":"u1","timestamp":1772445600000}`:                        "of milliseconds since 1970 it seems: write it as RFC 3339, such as with jq -c '.timestamp |= (. / 1000 | floor | todate)'",
		`{"event":"a","userId":"u1","timestamp":1772445600}`:                           "of seconds since 1970",
		`{"batch":[{"event":"a","userId":"u1"}]}`:                                      "jq -c '.batch[]'",
		`{"event":"a","userId":"u1","timestamp":"02/03/2026 10:00"}`:                   "is not an RFC 3339 time such as",
	} {
		if s, stderr := b.run(b.publisher(), b.file("e.ndjson", line)); s.Complete() || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s\n%s", line, stderr)
		}
	}
}

// refused is what Summary says of lines refused for one reason.
func refused(reason event.Reason, n uint64) map[event.Reason]uint64 {
	return map[event.Reason]uint64{reason: n}
}

// diff compares what a summary says.
func diff(want, got Summary) string { return cmp.Diff(want, got, cmpopts.IgnoreUnexported(Summary{})) }
