package collect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tidwall/gjson"
	"golang.org/x/sync/semaphore"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// maxPending bounds the events that wait for their acknowledgement, of all requests together.
const maxPending = 16 << 10

// ackPatience is how long a request waits for its acknowledgements.
const ackPatience = 10 * time.Second

// Sender stores events in a JetStream stream and says what became of each request's.
//
// The events of one request go over one connection, in their order and in one go, and nothing is sent again: JetStream stores what
// comes over a connection in order, so what is missing after a failure is the end of a request, and a client that sends that again
// cannot bring one user's events out of order. That is why it does not use the client's own async publishing, which sends single
// messages again after a change of leaders, nor a connection that reconnects by itself.
type Sender struct {
	stream  string
	connect func() (*nats.Conn, error)
	trouble *trouble.Board
	window  *semaphore.Weighted
	wait    time.Duration        // for acknowledgements
	line    atomic.Pointer[line] // nil while there is no connection
	Pending atomic.Int64         // events on their way
}

// NewSender returns a sender to the named stream. connect opens a connection of its own, which must not reconnect by itself
// (nats.NoReconnect).
func NewSender(stream string, connect func() (*nats.Conn, error), board *trouble.Board) *Sender {
	return &Sender{stream: stream, connect: connect, trouble: board, window: semaphore.NewWeighted(maxPending), wait: ackPatience}
}

// storing is what the sender's trouble is about.
const storing = "storing what is collected"

// Connect opens the first connection, so that a start fails where there is no server.
func (s *Sender) Connect() error {
	conn, err := s.connect()
	if err != nil {
		return err
	}
	l, err := newLine(s.stream, conn)
	if err != nil {
		conn.Close()
		return err
	}
	s.line.Store(l)
	return nil
}

// Run connects again whenever the connection is lost, until ctx ends; it closes the connection then.
func (s *Sender) Run(ctx context.Context) error {
	for {
		if l := s.line.Load(); l != nil {
			select {
			case <-l.gone:
				s.line.Store(nil)
				s.trouble.Report(trouble.NATS, storing, fmt.Errorf("the connection was lost: %w", l.why()))
			case <-ctx.Done():
				s.line.Store(nil)
				l.conn.Close()
				return nil
			}
		}
		if err := s.trouble.Retry(ctx, trouble.NATS, storing, s.Connect); err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() != nil {
			if l := s.line.Swap(nil); l != nil {
				l.conn.Close()
			}
			return nil
		}
	}
}

// Connected reports whether events can be stored.
func (s *Sender) Connected() bool { return s.line.Load() != nil }

// Outcome is what became of the events of a request.
type Outcome struct {
	Stored     int
	Duplicates int // the stream had them
	Refused    []Refusal
	Failed     error // why some may not be stored; nil when all others are
}

var (
	// errAway says that there is no connection.
	errAway = errors.New("there is no connection to NATS")
	// errBusy says that too many events are on their way.
	errBusy = errors.New("too many events wait for the stream")
)

// Send stores events and returns once all are acknowledged, or once it is clear that some will not be.
func (s *Sender) Send(ctx context.Context, events []Event) Outcome {
	if len(events) == 0 {
		return Outcome{}
	}
	l := s.line.Load()
	if l == nil {
		return Outcome{Failed: errAway}
	}
	n := int64(len(events))
	if !s.window.TryAcquire(n) {
		return Outcome{Failed: errBusy}
	}
	defer s.window.Release(n)
	s.Pending.Add(n)
	defer s.Pending.Add(-n)
	d := l.open(events)
	defer l.forget(d)
	d.publish(l)
	patience := time.NewTimer(s.wait)
	defer patience.Stop()
	select {
	case <-d.done:
	case <-l.gone:
		d.fail(fmt.Errorf("the connection to NATS was lost: %w", l.why()))
	case <-patience.C:
		d.fail(fmt.Errorf("the stream did not acknowledge within %s", s.wait))
	case <-ctx.Done():
		d.fail(ctx.Err())
	}
	return d.result(s)
}

// line is one connection, with the deliveries that wait for acknowledgements over it.
type line struct {
	stream string
	conn   *nats.Conn
	gone   chan struct{} // closed when the connection is, for good
	prefix string        // of the subjects of acknowledgements: prefix, number of the delivery, dot, number of the event

	mu         sync.Mutex
	next       uint64
	deliveries map[uint64]*delivery
}

func newLine(stream string, conn *nats.Conn) (*line, error) {
	l := &line{stream: stream, conn: conn, gone: make(chan struct{}), prefix: conn.NewInbox() + ".", deliveries: map[uint64]*delivery{}}
	var once sync.Once
	conn.SetClosedHandler(func(*nats.Conn) { once.Do(func() { close(l.gone) }) })
	if conn.IsClosed() {
		return nil, fmt.Errorf("connect to NATS: %w", l.why())
	}
	sub, err := conn.Subscribe(l.prefix+">", l.acknowledged)
	if err != nil {
		return nil, fmt.Errorf("subscribe for acknowledgements: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // the window bounds them
		return nil, fmt.Errorf("subscribe for acknowledgements: %w", err)
	}
	return l, nil
}

// why is the reason of an end. That a connection is closed for good is no reason to give up: the next one is opened.
func (l *line) why() error {
	if err := l.conn.LastError(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return err
	}
	return errors.New("it was closed")
}

// delivery is the events of one request on their way.
type delivery struct {
	number uint64
	events []Event
	done   chan struct{} // closed once all are acknowledged or refused, or one has failed

	mu      sync.Mutex
	open    int
	outcome Outcome
	acked   []bool
	failed  bool
}

func (l *line) open(events []Event) *delivery {
	d := &delivery{events: events, open: len(events), acked: make([]bool, len(events)), done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	d.number = l.next
	l.deliveries[d.number] = d
	return d
}

func (l *line) forget(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.deliveries, d.number)
}

// publish sends the events in their order, and stops at the first that fails.
func (d *delivery) publish(l *line) {
	reply := strconv.AppendUint([]byte(l.prefix), d.number, 10)
	reply = append(reply, '.')
	n := len(reply)
	for i := range d.events {
		e := &d.events[i]
		reply = strconv.AppendInt(reply[:n], int64(i), 10)
		m := nats.Msg{Subject: e.Subject, Reply: string(reply), Data: e.Data, Header: nats.Header(e.Header)}
		if e.ID != "" {
			if m.Header == nil {
				m.Header = nats.Header{}
			}
			m.Header[nats.MsgIdHdr] = []string{e.ID}
		}
		if d.hasFailed() {
			return
		}
		switch err := l.conn.PublishMsg(&m); {
		case errors.Is(err, nats.ErrMaxPayload):
			d.answered(i, func(o *Outcome) {
				o.Refused = append(o.Refused, Refusal{Index: e.Index, Reason: NotStored, Detail: "the event is larger than the NATS server takes (max_payload)"})
			})
		case err != nil:
			d.fail(errors.New("publish: " + err.Error())) // without its class, as in why
			return
		}
	}
}

// answered notes what became of an event, once.
func (d *delivery) answered(i int, note func(*Outcome)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i >= len(d.acked) || d.acked[i] || d.failed {
		return
	}
	d.acked[i] = true
	note(&d.outcome)
	if d.open--; d.open == 0 {
		close(d.done)
	}
}

// fail notes why not all are stored; the first reason counts.
func (d *delivery) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed || d.open == 0 {
		return
	}
	d.failed, d.outcome.Failed = true, err
	close(d.done)
}

func (d *delivery) hasFailed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// result is what became of all, and tells the board how the stream is.
func (d *delivery) result(s *Sender) Outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !errors.Is(d.outcome.Failed, context.Canceled) {
		s.trouble.Report(trouble.NATS, storing, d.outcome.Failed)
	}
	return d.outcome
}

// acknowledged files an acknowledgement of the stream.
func (l *line) acknowledged(m *nats.Msg) {
	number, index, ok := strings.Cut(strings.TrimPrefix(m.Subject, l.prefix), ".")
	n, err1 := strconv.ParseUint(number, 10, 64)
	i, err2 := strconv.Atoi(index)
	l.mu.Lock()
	d := l.deliveries[n]
	l.mu.Unlock()
	if !ok || err1 != nil || err2 != nil || i < 0 || d == nil {
		return // it was given up
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		d.fail(fmt.Errorf("no stream takes the subjects events.>: start firstlight run, which creates %s, or widen its subjects: %w", l.stream, nats.ErrNoResponders))
		return
	}
	ack := gjson.ParseBytes(m.Data)
	if failure := ack.Get("error"); failure.Exists() {
		d.refused(i, &jetstream.APIError{
			Code: int(failure.Get("code").Int()), ErrorCode: jetstream.ErrorCode(failure.Get("err_code").Int()), Description: failure.Get("description").String(),
		})
		return
	}
	if name := ack.Get("stream").String(); name != l.stream {
		d.fail(fmt.Errorf("stream %q takes the events instead of %s: its subjects cover events.>", name, l.stream))
		return
	}
	duplicate := ack.Get("duplicate").Bool()
	d.answered(i, func(o *Outcome) {
		if duplicate {
			o.Duplicates++
		} else {
			o.Stored++
		}
	})
}

// refused files that the stream does not take an event: it alone, or any.
func (d *delivery) refused(i int, err *jetstream.APIError) {
	alone := stream.OfOneMessage(err)
	if alone == "" {
		d.fail(fmt.Errorf("the stream does not store events: %w", err))
		return
	}
	d.answered(i, func(o *Outcome) {
		o.Refused = append(o.Refused, Refusal{Index: d.events[i].Index, Reason: NotStored, Detail: alone})
	})
}
