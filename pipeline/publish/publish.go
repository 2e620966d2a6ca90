// Package publish reads JSON events from files and puts them into the event stream.
//
// Every line is judged as the pipeline will judge it; a line it would refuse is counted and left out, the first of each
// reason are named, the rest goes on. A line without an id gets one made of its file's name, its number and its content
// (events.ndjson:12:1a2b3c4d). So a run can be repeated, whenever: an event whose id the stream holds is skipped. What is
// read from a pipe cannot be compared with the stream before it is sent, unless the run is Historical; it is protected by
// the stream's duplicate window only.
//
// A Historical run replays the past: events go in the order in which they were received, and carry that time.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// Message is one event on its way into the stream.
type Message struct {
	Subject  string
	ID       string // Nats-Msg-Id: <source>:<messageId>
	Received int64  // Firstlight-Received-At in ms; 0 for none
	Time     int64  // when the pipeline takes it to have happened, ms; 0 when it ignores the event
	Written  int64  // the time that the event itself says, ms; 0 for none
	Number   uint64 // of the event in the run, refused ones left out, from 0
	Data     []byte
}

// ErrTooLarge says that the server takes no message of this size; the next one may fit.
var ErrTooLarge = errors.New("larger than the NATS server takes")

// ErrLate says that events would be dead-lettered as late.
var ErrLate = errors.New("too late for the catalog's allowed_lateness")

// DefaultSource is the source of events that name none.
const DefaultSource = "import"

// Publisher puts files of events into the stream.
type Publisher struct {
	Stream     *JetStream
	Source     string         // the publishing app, one subject token; DefaultSource when empty
	Historical bool           // sort by received time, and keep it
	Zone       *time.Location // of times without an offset; nil: such an event is refused
	Partitions int            // of the workers, which judge lateness in each; 1 when 0
	Stderr     io.Writer      // progress, a bar on a terminal, and the first refused lines of each reason
	TempDir    string         // where a run sorts what does not fit in memory; the system's when empty
	SortBytes  int            // what it holds in memory for that; 64 MiB when 0

	// Lateness is the catalog's allowed_lateness; an error says why that is not known. It must be set.
	Lateness func() (time.Duration, error)

	progress *progress
	summary  Summary
}

// Summary counts the events of a run.
type Summary struct {
	Stored     uint64 // acknowledged by the stream
	Duplicates uint64 // skipped, because the stream held them
	Refused    map[event.Reason]uint64
	Failed     uint64 // handed over, and not acknowledged
	Old        uint64 // of those sent without Historical, a day and more old by what they say
	late       uint64 // of those sent without Historical, late
}

// String says it in a sentence or two.
func (s Summary) String() string {
	text := fmt.Sprintf("%s stored", events(s.Stored))
	if s.Duplicates > 0 {
		text += fmt.Sprintf(", %d already in the stream", s.Duplicates)
	}
	if s.Failed > 0 {
		text += fmt.Sprintf(", %d not stored", s.Failed)
	}
	if n := s.refusedLines(); n > 0 {
		text += fmt.Sprintf(", %d refused (%s)", n, s.reasons())
	}
	if s.Old > 0 {
		text += fmt.Sprintf(". %d are more than a day old and count as arriving now: "+
			"they may be late, and sentAt moves their times. Use --historical for events of the past", s.Old)
	}
	return text
}

func events(n uint64) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

// Empty reports whether nothing became of anything.
func (s Summary) Empty() bool { return s.Stored+s.Duplicates+s.Failed+s.refusedLines() == 0 }

// Complete reports whether everything in the files is in the stream.
func (s Summary) Complete() bool { return s.Failed == 0 && s.refusedLines() == 0 }

// Run publishes the files in order; "-" is stdin. The error is about the run as a whole: a file that cannot be read, a
// stream that takes no more, ErrLate. What was stored before it stays stored. Refused lines are not an error.
func (p *Publisher) Run(ctx context.Context, files []string, stdin io.Reader) (Summary, error) {
	if p.Source == "" {
		p.Source = DefaultSource
	}
	if err := event.CheckSource(p.Source); err != nil {
		return Summary{}, err
	}
	in, err := openInputs(files, stdin)
	if err != nil {
		return Summary{}, err
	}
	p.summary = Summary{}
	switch {
	case p.Historical:
		err = p.replay(ctx, in)
	case in.again:
		err = p.forward(ctx, in)
	default:
		err = p.pass(ctx, in, nil)
	}
	return p.summary, err
}

// forward publishes files that can be read twice: first to learn what the stream holds of them, and whether they are of
// the past, then to publish the rest.
func (p *Publisher) forward(ctx context.Context, in *inputs) error {
	h, err := p.holdings(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	good, late, horizon := uint64(0), uint64(0), p.horizon()
	p.progress = newProgress(p.Stderr, "checking", in.size, ofBytes)
	err = p.eachGood(ctx, in, true, func(_ *line, m *Message) error {
		if m.Time != 0 && m.Time < horizon {
			late++
		}
		good++
		return h.sieve.inFiles(m.ID, m.Number)
	})
	p.progress.end()
	if err != nil {
		return err
	}
	held, err := h.sieve.held()
	if err != nil {
		return err
	}
	if late == good && late > 0 && held.count() < good {
		return fmt.Errorf("%w: all %s of this run lie before %s. Nothing was published: add --historical, so that they count as received when they were",
			ErrLate, events(good), rfc3339(horizon))
	}
	in.read, p.summary = 0, Summary{}
	return p.pass(ctx, in, held)
}

// pass publishes events as they are read, but for those that the stream holds.
func (p *Publisher) pass(ctx context.Context, in *inputs, held numbers) error {
	p.progress = newProgress(p.Stderr, "publishing", in.size, ofBytes)
	defer p.progress.end()
	sent, horizon := uint64(0), p.horizon()
	err := p.eachGood(ctx, in, false, func(l *line, m *Message) error {
		if held.has(m.Number) {
			p.summary.Duplicates++
			return nil
		}
		if m.Written != 0 && m.Written < time.Now().Add(-24*time.Hour).UnixMilli() {
			p.summary.Old++
		}
		if m.Time != 0 && m.Time < horizon {
			p.summary.late++
		}
		sent++
		return p.publish(ctx, l.name, m)
	})
	err = p.flush(ctx, err)
	if err == nil && sent > 0 && p.summary.late == sent {
		return fmt.Errorf("%w: all %s of this run lie before %s and go to the dead letters. Add --historical, so that they count as received when they were",
			ErrLate, events(sent), rfc3339(horizon))
	}
	return err
}

// eachGood calls visit for every event that is not refused. silently: refused lines are not named, because another pass
// names them.
func (p *Publisher) eachGood(ctx context.Context, in *inputs, silently bool, visit func(*line, *Message) error) error {
	number := uint64(0)
	return in.each(ctx, func(l *line) error {
		p.progress.to(in.read, number)
		m, refusal := p.message(l, time.Now().UnixMilli())
		if refusal != nil {
			if !silently {
				p.refuse(l.name(), refusal)
			}
			return nil
		}
		m.Number = number
		number++
		return visit(l, m)
	})
}

// horizon is the time before which an event that arrives now is late, in ms.
func (p *Publisher) horizon() int64 {
	lateness, err := p.Lateness()
	if err != nil {
		lateness = 24 * time.Hour
	}
	return time.Now().Add(-lateness).UnixMilli()
}

// replay sorts events by received time, then publishes what the stream does not hold.
func (p *Publisher) replay(ctx context.Context, in *inputs) error {
	h, err := p.holdings(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	s := newSorter(p.TempDir, p.SortBytes)
	defer s.close()
	p.progress = newProgress(p.Stderr, "sorting", in.size, ofBytes)
	err = p.eachGood(ctx, in, false, func(_ *line, m *Message) error {
		h.see(m)
		if err := h.sieve.inFiles(m.ID, m.Number); err != nil {
			return err
		}
		return s.add(m)
	})
	p.progress.end()
	if err != nil {
		return err
	}
	held, err := h.sieve.held()
	if err != nil {
		return err
	}
	if err := h.check(s, held); err != nil {
		return err
	}
	p.progress = newProgress(p.Stderr, "publishing", int64(s.count), ofEvents)
	defer p.progress.end()
	done := uint64(0)
	err = s.each(func(m *Message) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		done++
		p.progress.to(int64(done), done)
		if held.has(m.Number) {
			p.summary.Duplicates++
			return nil
		}
		return p.publish(ctx, func() string { return m.ID }, m)
	})
	return p.flush(ctx, err)
}

// holdings reads what the stream holds.
func (p *Publisher) holdings(ctx context.Context) (*holdings, error) {
	h := &holdings{sieve: newSieve(p.TempDir, p.SortBytes), clocks: make([]int64, max(p.Partitions, 1))}
	h.lateness, h.unknown = p.Lateness()
	progress := newProgress(p.Stderr, "comparing with the stream", -1, ofEvents)
	defer progress.end()
	n := uint64(0)
	err := p.Stream.Held(ctx, func(m *Stored) error {
		n++
		progress.to(int64(n), n)
		partition := stream.Partition(m.Subject, len(h.clocks))
		h.clocks[partition] = max(h.clocks[partition], m.Received)
		if m.ID == "" {
			return nil
		}
		return h.sieve.inStream(m.ID)
	})
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// publish hands one message over.
func (p *Publisher) publish(ctx context.Context, name func() string, m *Message) error {
	err := p.Stream.Publish(ctx, m)
	switch {
	case errors.Is(err, ErrTooLarge):
		p.refuse(name(), tooLarge(err.Error()))
		return nil
	case err != nil:
		return fmt.Errorf("publish %s: %w", name(), err)
	}
	return nil
}

// flush waits for the last messages and counts what became of all. Of several failures the stream's is the one to report.
func (p *Publisher) flush(ctx context.Context, run error) error {
	outcome, err := p.Stream.Flush(ctx)
	p.summary.Stored += outcome.Stored
	p.summary.Duplicates += outcome.Duplicates
	p.summary.Failed += outcome.Failed
	for _, r := range outcome.Refused {
		p.refuse(r.ID, &refusal{notStored, r.Detail})
	}
	if err != nil {
		return err
	}
	return run
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
