package publish

// What a run does about a stream that holds something already.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// TestHistoryIsRefusedOnlyWhereItWouldBeLate: what the stream holds and the catalog's allowed_lateness decide, nothing else.
func TestHistoryIsRefusedOnlyWhereItWouldBeLate(t *testing.T) {
	year := func(y int) string {
		return fmt.Sprintf(`{"event":"e","userId":"u","messageId":"%d","timestamp":"%d-01-01T00:00:00Z"}`, y, y)
	}
	b := newBench(t)
	p := b.publisher()
	p.Historical = true
	b.run(p, b.file("1998.ndjson", year(1998)+"\n"+year(1999)))

	older := b.file("1997.ndjson", year(2001)+"\n"+year(1997))
	_, err := p.Run(b.ctx, []string{older}, nil)
	if !errors.Is(err, ErrLate) || !strings.Contains(err.Error(), "1 event of this run") || !strings.Contains(err.Error(), "1997-01-01") || !strings.Contains(err.Error(), "allowed_lateness to 730d") {
		t.Errorf("the error is %v", err)
	}
	if n := len(b.stored()); n != 2 {
		t.Errorf("%d messages are stored, want the 2 before", n)
	}
	// Events of which the stream holds all cannot be late.
	if s, _ := b.run(p, b.file("again.ndjson", year(1998))); s.Duplicates != 1 {
		t.Errorf("%+v", s)
	}
	// The catalog allows it; or nobody knows what it allows.
	p.Lateness = func() (time.Duration, error) { return 0, errors.New("no catalog") }
	if _, err := p.Run(b.ctx, []string{older}, nil); !errors.Is(err, ErrLate) || !strings.Contains(err.Error(), "FIRSTLIGHT_CATALOG") {
		t.Errorf("the error is %v", err)
	}
	p.Lateness = func() (time.Duration, error) { return 30 * 365 * 24 * time.Hour, nil }
	if s, _ := b.run(p, older); s.Stored != 2 {
		t.Errorf("%+v", s)
	}
	// A file in which nothing is left to publish needs no stream's clock.
	p.Lateness = func() (time.Duration, error) { return 0, nil }
	if s, _ := b.run(p, b.file("bad.ndjson", "x")); s.refusedLines() != 1 {
		t.Errorf("%+v", s)
	}
	// Another partition has a clock of its own.
	p.Partitions = 64
	other := strings.ReplaceAll(year(1990), `"userId":"u"`, `"userId":"somebody in another partition"`)
	if s, _ := b.run(p, b.file("1990.ndjson", other)); s.Stored != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAnInterruptedRunIsRepeated: after the duplicate window, too; what the stream holds is skipped, in both kinds of runs.
func TestAnInterruptedRunIsRepeated(t *testing.T) {
	for _, historical := range []bool{false, true} {
		for _, sortBytes := range []int{0, 1} {
			t.Run(fmt.Sprintf("historical %v, %d bytes of memory", historical, sortBytes), func(t *testing.T) {
				b := newBench(t)
				var lines []string
				for i := range 300 {
					at := time.Now().Add(time.Duration(i-300) * time.Minute).UTC().Format(time.RFC3339)
					lines = append(lines, fmt.Sprintf(`{"event":"e","userId":"u%d","timestamp":%q}`, i%7, at))
				}
				p := b.publisher()
				p.Historical, p.SortBytes = historical, sortBytes
				ctx, cancel := context.WithCancel(b.ctx)
				defer cancel()
				file := b.file("events.ndjson", strings.Join(lines, "\n"))
				// The first run is cut short: 100 of its events are in the stream.
				b.run(p, b.file("other/events.ndjson", strings.Join(lines[:100], "\n")))
				cancel()
				if _, err := p.Run(ctx, []string{file}, nil); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				b.forget()
				s, _ := b.run(p, file)
				if diff := diff(Summary{Stored: 200, Duplicates: 100}, s); diff != "" {
					t.Error(diff)
				}
				b.forget()
				s, _ = b.run(p, file)
				if diff := diff(Summary{Duplicates: 300}, s); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// forget lets the stream forget the ids of its duplicate window, as time does. The window changes with each try, because a server that
// looks for old ids just before it takes a new window over waits for the old one.
func (b *bench) forget() {
	b.t.Helper()
	window := func(d time.Duration) {
		if _, err := b.js.UpdateStream(b.ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: d}); err != nil {
			b.t.Fatal(err)
		}
	}
	b.probes++
	for try := time.Duration(0); ; try++ { // until an id that was stored is taken again
		window(100*time.Millisecond + try%2*time.Millisecond)
		ack, err := b.js.Publish(b.ctx, "events.x.y", []byte(`{"type":"identify"}`), jetstream.WithMsgID(fmt.Sprintf("x:%d", b.probes)))
		if err != nil {
			b.t.Fatal(err)
		}
		if try > 0 && !ack.Duplicate {
			break
		}
	}
	window(2 * time.Minute)
}

// Apps that leave out Nats-Msg-Id have their ids in the events.
func TestIDsInPayloadsAreFound(t *testing.T) {
	b := newBench(t)
	for _, body := range []string{`{"event":"e","userId":"u","messageId":"m1"}`, `{"specversion":"1.0","type":"e","subject":"u","id":"m2"}`} {
		if _, err := b.js.Publish(b.ctx, event.Subject("web", "u"), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := b.run(b.publisher(), b.file("e.ndjson", `{"event":"e","userId":"u","messageId":"m1"}`+"\n"+`{"event":"e","userId":"u","messageId":"m2"}`+"\n"+
		`{"event":"e","userId":"u","messageId":"m3"}`))
	if diff := diff(Summary{Stored: 1, Duplicates: 2}, s); diff != "" {
		t.Error(diff)
	}
}

// A run that would be late altogether is refused before anything is stored, or at least said to have failed.
func TestARunOfThePastWithoutHistorical(t *testing.T) {
	b := newBench(t)
	past := `{"event":"e","userId":"u","timestamp":"1997-01-01T00:00:00Z"}` + "\n"
	if _, err := b.publisher().Run(b.ctx, []string{b.file("e.ndjson", past)}, nil); !errors.Is(err, ErrLate) || !strings.Contains(err.Error(), "--historical") {
		t.Errorf("the error is %v", err)
	}
	if n := len(b.stored()); n != 0 {
		t.Errorf("%d messages are stored", n)
	}
	s, err := b.publisher().Run(b.ctx, []string{"-"}, strings.NewReader(past))
	if !errors.Is(err, ErrLate) || s.Stored != 1 {
		t.Errorf("from a pipe: %+v, the error is %v", s, err)
	}
}
