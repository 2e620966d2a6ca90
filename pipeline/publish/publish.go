// Package publish reads newline-delimited JSON events from files and puts them into the event stream.
//
// Every line is judged as the pipeline will judge it; a line it would refuse is named and left out, the
// rest goes on. A line without an id gets one made of its file's name, its number and its content
// (events.ndjson:12:1a2b3c4d), so a run can be repeated: the stream drops what it already has, by
// Nats-Msg-Id, for as long as its duplicate window lasts (2 minutes unless set otherwise). After that a
// repeated run stores its events a second time.
//
// A Historical run replays the past: events go in the order in which they were received, and carry that time.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Sink stores messages in the order of the calls.
type Sink interface {
	// Publish hands over a message. It may return before the message is stored, and then keeps its data,
	// but holds only so many unstored. An error is final unless it is ErrTooLarge.
	Publish(ctx context.Context, m *Message) error
	// Flush waits until everything handed over is stored, and says how many messages since the last Flush
	// the stream already had.
	Flush(ctx context.Context) (duplicates uint64, err error)
	// Clock returns the received time of the stream's newest message in ms, and 0 for an empty stream.
	Clock(ctx context.Context) (int64, error)
}

// Message is one event on its way into the stream.
type Message struct {
	Subject  string
	ID       string // Nats-Msg-Id: <source>:<messageId>
	Received int64  // Firstlight-Received-At in ms; 0 for none
	Data     []byte
}

// ErrTooLarge says that the server takes no message of this size; the next one may fit.
var ErrTooLarge = errors.New("larger than the NATS server takes")

// ErrClockPast says that a stream already holds newer events than a historical run would bring.
var ErrClockPast = errors.New("the stream's clock is already past the first event")

// DefaultSource is the source of events that name none.
const DefaultSource = "import"

// Publisher puts files of events into the stream.
type Publisher struct {
	Sink       Sink
	Source     string    // the publishing app, one subject token; DefaultSource when empty
	Historical bool      // sort by received time, and keep it
	Stderr     io.Writer // progress, a bar on a terminal, and one line per refused line
	TempDir    string    // where a Historical run sorts what does not fit in memory; the system's when empty
	SortBytes  int       // what a Historical run holds in memory; 64 MiB when 0

	progress *progress
	summary  Summary
}

// Summary counts the lines of a run that are not blank.
type Summary struct {
	Published  uint64 // stored, Duplicates included
	Duplicates uint64 // of them, those the stream already had
	Refused    uint64 // named on Stderr
	Old        uint64 // of the published, events a day and more old in a run that is not Historical
}

// String says it in a sentence or two.
func (s Summary) String() string {
	text := fmt.Sprintf("%d events published", s.Published)
	if s.Duplicates > 0 {
		text += fmt.Sprintf(", %d of them already in the stream", s.Duplicates)
	}
	if s.Refused > 0 {
		text += fmt.Sprintf(", %d lines refused", s.Refused)
	}
	if s.Old > 0 {
		text += fmt.Sprintf(". %d are more than a day old and count as arriving now: "+
			"they may be late, and sentAt moves their times. Use --historical for events of the past", s.Old)
	}
	return text
}

// Run publishes the files in order; "-" is stdin, and a name that ends in .gz is decompressed. The error is
// about the run as a whole: a file that cannot be read, a server that does not answer, ErrClockPast. What
// was stored before it stays stored. Refused lines are not an error.
func (p *Publisher) Run(ctx context.Context, files []string, stdin io.Reader) (Summary, error) {
	if p.Source == "" {
		p.Source = DefaultSource
	}
	if err := CheckSource(p.Source); err != nil {
		return Summary{}, err
	}
	in, err := openInputs(files, stdin)
	if err != nil {
		return Summary{}, err
	}
	p.summary = Summary{}
	if p.Historical {
		err = p.replay(ctx, in)
	} else {
		err = p.forward(ctx, in)
	}
	return p.summary, err
}

// forward publishes events as they are read.
func (p *Publisher) forward(ctx context.Context, in *inputs) error {
	p.progress = newProgress(p.Stderr, "publishing", in.size, ofBytes)
	defer p.progress.end()
	err := in.each(ctx, func(l *line) error {
		p.progress.to(in.read, p.summary.Published)
		m, old, refusal := p.message(l, time.Now().UnixMilli())
		if refusal != nil {
			p.refuse(l.name(), refusal)
			return nil
		}
		if old {
			p.summary.Old++
		}
		return p.publish(ctx, l.name, m)
	})
	return p.flush(ctx, err)
}

// replay sorts events by received time, then publishes them.
func (p *Publisher) replay(ctx context.Context, in *inputs) error {
	s := newSorter(p.TempDir, p.SortBytes)
	defer s.close()
	if err := p.sort(ctx, in, s); err != nil {
		return err
	}
	if err := p.checkClock(ctx, s); err != nil {
		return err
	}
	p.progress = newProgress(p.Stderr, "publishing", int64(s.count), ofEvents)
	defer p.progress.end()
	err := s.each(func(m *Message) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.progress.to(int64(p.summary.Published), p.summary.Published)
		return p.publish(ctx, func() string { return m.ID }, m)
	})
	return p.flush(ctx, err)
}

// sort fills s with the events that are not refused.
func (p *Publisher) sort(ctx context.Context, in *inputs, s *sorter) error {
	p.progress = newProgress(p.Stderr, "sorting", in.size, ofBytes)
	defer p.progress.end()
	return in.each(ctx, func(l *line) error {
		p.progress.to(in.read, s.count)
		m, _, refusal := p.message(l, 0)
		if refusal != nil {
			p.refuse(l.name(), refusal)
			return nil
		}
		return s.add(m)
	})
}

// checkClock refuses to replay events that the pipeline would take for late ones.
func (p *Publisher) checkClock(ctx context.Context, s *sorter) error {
	if s.count == 0 {
		return nil
	}
	clock, err := p.Sink.Clock(ctx)
	if err != nil {
		return err
	}
	if clock > s.first {
		return fmt.Errorf("%w: the stream is at %s, the first event was received at %s and may be judged late. Replay "+
			"into an empty stream (another FIRSTLIGHT_STREAM, or delete this one), all files in one run or the oldest first",
			ErrClockPast, rfc3339(clock), rfc3339(s.first))
	}
	return nil
}

// publish hands one message over and counts it.
func (p *Publisher) publish(ctx context.Context, name func() string, m *Message) error {
	err := p.Sink.Publish(ctx, m)
	switch {
	case errors.Is(err, ErrTooLarge):
		p.refuse(name(), tooLarge(err.Error()))
		return nil
	case err != nil:
		return fmt.Errorf("publish %s: %w", name(), err)
	}
	p.summary.Published++
	return nil
}

// flush waits for the last messages. Of several failures the run's own is the one to report.
func (p *Publisher) flush(ctx context.Context, run error) error {
	duplicates, err := p.Sink.Flush(ctx)
	p.summary.Duplicates = duplicates
	if run != nil {
		return run
	}
	return err
}

// refuse names a line that is left out, and why.
func (p *Publisher) refuse(name string, r *refusal) {
	p.summary.Refused++
	p.progress.say(fmt.Sprintf("%s: %s: %s", name, r.reason, r.detail))
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
