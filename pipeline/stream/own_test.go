package stream_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
)

// TestLettersOnce: a letter is stored once however much later it is sent again, by whomever, when the server has long forgotten its
// id; also one that was stored under a subject without its sequence is found when it is read back. A letter about a message of the
// same sequence in another event stream is another one.
func TestLettersOnce(t *testing.T) {
	t.Parallel()
	conn, js := streamtest.Connect(t)
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream.DeadStream, Subjects: []string{"dead.>"}, Duplicates: 100 * time.Millisecond, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	probes := uint64(0)
	forgotten := func() {
		t.Helper()
		probe := func() *jetstream.PubAck {
			ack, err := js.Publish(t.Context(), "dead.probe", nil, jetstream.WithMsgID(fmt.Sprint("probe ", probes)))
			if err != nil {
				t.Fatal(err)
			}
			return ack
		}
		for range 2 {
			eventually(t, "the server has forgotten the ids", func() bool { return !probe().Duplicate })
		}
		probes++
	}
	count := func() uint64 {
		info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("dead.malformed.>"))
		if err != nil {
			t.Fatal(err)
		}
		var n uint64
		for _, of := range info.State.Subjects {
			n += of
		}
		return n
	}
	worker := func(source string) *stream.DeadLetters {
		return &stream.DeadLetters{JS: js, Stream: s, Source: source, MaxSize: int(conn.MaxPayload())}
	}
	first, paused := worker("EVENTS@1"), worker("EVENTS@1")
	if err := first.Send(t.Context(), letters(40, "x")); err != nil {
		t.Fatal(err)
	}
	forgotten()
	if err := paused.Send(t.Context(), letters(50, "x")); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 50 {
		t.Errorf("50 messages have %d letters", n)
	}
	forgotten()
	if err := worker("EVENTS@2").Send(t.Context(), letters(3, "another stream's")); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 53 {
		t.Errorf("50 messages, and 3 of another stream, have %d letters", n)
	}
	forgotten()
	restored := letters(50, "another message of a stream that was restored")
	for i := range restored {
		restored[i].Fingerprint = 7
	}
	if err := worker("EVENTS@1").Send(t.Context(), restored[:2]); err != nil {
		t.Fatal(err)
	}
	forgotten()
	if err := worker("EVENTS@1").Send(t.Context(), restored[:3]); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 56 {
		t.Errorf("50 messages, 3 of another stream and 3 that came after a restore have %d letters", n)
	}

	old := nats.NewMsg("dead.malformed.web.u")
	old.Header.Set(nats.MsgIdHdr, "EVENTS@1:60")
	old.Header.Set(stream.HeaderSequence, "60")
	if _, err := js.PublishMsg(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	sent, err := worker("EVENTS@1").SentAfter(t.Context(), 0)
	if err == nil && (sent[1] != 7 || sent[4] != 0) {
		t.Errorf("message 1 is known by %x and message 4 by %x: the newest letter counts", sent[1], sent[4])
	}
	if _, ok := sent[60]; err != nil || !ok || len(sent) != 51 {
		t.Errorf("%d letters are known as sent (%v), want 51 with that of message 60", len(sent), err)
	}
}

// TestLettersStreamDeleted: a dead-letter stream that is gone is made again by the attempts that miss it, whether they send or read
// back.
func TestLettersStreamDeleted(t *testing.T) {
	t.Parallel()
	conn, js := streamtest.Connect(t)
	s, err := stream.EnsureDead(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	d := &stream.DeadLetters{JS: js, Stream: s, Source: "EVENTS@1", MaxSize: int(conn.MaxPayload())}
	for name, attempt := range map[string]func() error{
		"send":      func() error { return d.Send(t.Context(), letters(2, "x")) },
		"read back": func() error { _, err := d.SentAfter(t.Context(), 0); return err },
	} {
		if err := js.DeleteStream(t.Context(), stream.DeadStream); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+" works again", func() bool { return attempt() == nil })
	}
}

// TestDeadFits: where there is no room for the usual gigabyte, the dead-letter stream takes a share of what there is and leaves the
// rest to the events and the leases; where there is none at all, one line says what to do.
func TestDeadFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		room int64 // of the server
		want int64 // of the stream; 0: an error
	}{{5 << 30, 1 << 30}, {2 << 30, 512 << 20}, {1100 << 20, 256 << 20}, {600 << 20, 128 << 20}, {64 << 20, 16 << 20}, {20 << 20, 4 << 20}, {1 << 20, 0}} {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: c.room})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(time.Minute) {
			t.Fatal("the server is not ready")
		}
		conn, err := nats.Connect(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		made, err := stream.EnsureDead(t.Context(), js)
		switch {
		case c.want == 0 && (err == nil || !strings.Contains(err.Error(), "make room") || strings.Contains(err.Error(), "\n")):
			t.Errorf("room for %d bytes: %v, want a line that says what to do", c.room, err)
		case c.want != 0 && err != nil:
			t.Errorf("room for %d bytes: %v", c.room, err)
		case c.want != 0 && made.CachedInfo().Config.MaxBytes != c.want:
			t.Errorf("room for %d bytes: the stream has %d, want %d", c.room, made.CachedInfo().Config.MaxBytes, c.want)
		}
		if c.want != 0 {
			if _, err := stream.EnsureBucket(t.Context(), js, jetstream.KeyValueConfig{Bucket: "FIRSTLIGHT_LEASES"}); err != nil {
				t.Errorf("room for %d bytes: no bucket beside the dead letters: %v", c.room, err)
			}
			if _, err := stream.Ensure(t.Context(), js, "EVENTS"); err != nil {
				t.Fatal(err)
			}
			if _, err := js.Publish(t.Context(), "events.web.a", make([]byte, 100_000)); err != nil {
				t.Errorf("room for %d bytes: no event beside the dead letters: %v", c.room, err)
			}
		}
		conn.Close()
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// TestLeaseBucketLost: a bucket of leases is on file, and made again when it is gone, also under a lease that is held.
func TestLeaseBucketLost(t *testing.T) {
	t.Parallel()
	_, js := streamtest.Connect(t)
	l, err := stream.NewLease(t.Context(), js, "oncall", "me")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if held, err := l.Hold(t.Context()); err != nil || !held {
			t.Fatalf("held %t, %v", held, err)
		}
		s, err := js.Stream(t.Context(), "KV_FIRSTLIGHT_LEASES")
		if err != nil || s.CachedInfo().Config.Storage != jetstream.FileStorage {
			t.Errorf("the bucket is not on file (%v)", err)
		}
		if err := js.DeleteKeyValue(t.Context(), "FIRSTLIGHT_LEASES"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the lease is held again", func() bool { held, err := l.Hold(t.Context()); return held && err == nil })
	}
}

// BenchmarkLetters measures what it costs that each letter has a subject of its own.
func BenchmarkLetters(b *testing.B) {
	conn, js := streamtest.Connect(b)
	s, err := stream.EnsureDead(b.Context(), js)
	if err != nil {
		b.Fatal(err)
	}
	d := &stream.DeadLetters{JS: js, Stream: s, Source: "EVENTS@1", MaxSize: int(conn.MaxPayload())}
	const batch = 10_000
	data := []byte(strings.Repeat("x", 200))
	sequence := uint64(0)
	for b.Loop() {
		out := make([]stream.DeadLetter, batch)
		for i := range out {
			sequence++
			out[i] = stream.DeadLetter{Subject: event.Subject("web", fmt.Sprint(sequence%1000)), Sequence: sequence, Reason: event.Malformed, Detail: "no JSON", Data: data}
		}
		if err := d.Send(b.Context(), out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sequence)/b.Elapsed().Seconds(), "letters/s")
}

// unanswered is a JetStream that makes streams without saying so, as servers do whose leader changes.
type unanswered struct{ jetstream.JetStream }

func (u unanswered) CreateStream(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	if _, err := u.JetStream.CreateStream(ctx, c); err != nil {
		return nil, err
	}
	return nil, context.DeadlineExceeded
}

// TestAStreamIsMadeAndNobodySaysSo: a stream that was made is taken, although the answer that says so was lost; it is not taken for
// another that holds its subjects.
func TestAStreamIsMadeAndNobodySaysSo(t *testing.T) {
	_, js := streamtest.Connect(t)
	s, err := stream.EnsureDead(t.Context(), unanswered{js})
	if err != nil {
		t.Fatal(err)
	}
	if name := s.CachedInfo().Config.Name; name != stream.DeadStream {
		t.Errorf("it returned the stream %s", name)
	}
}
