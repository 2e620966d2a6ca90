// Package wire is the network between the processes of a chaos run: a proxy for every link, which can refuse, cut, delay, hold or
// half-close what passes it, and which knows the writes of a flush when it sees them, so that it can fail at one of them before,
// during or after it took effect.
package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"firstlight/pipeline/worker/faulty"
)

// Protocol is what a link carries: in which bytes it looks for writes.
type Protocol int

const (
	// Plain is any stream of bytes.
	Plain Protocol = iota
	// ClickHouse is ClickHouse's HTTP interface: inserts by table.
	ClickHouse
	// NATS is the protocol of NATS clients: dead letters.
	NATS
)

// Side is an end of a link.
type Side int

const (
	// Client is who dialled.
	Client Side = 1 << iota
	// Server is who was dialled.
	Server
)

// Outcome is what becomes of a write at which a trap was.
type Outcome int

const (
	// Pass lets it go on as if nothing had been.
	Pass Outcome = iota
	// Cut closes the connection.
	Cut
	// Refuse has ClickHouse answer that its disk is full.
	Refuse
)

// trap waits for a write, by its name in package faulty, and is sprung at a moment of it, once. sprung may block.
type trap struct {
	write  string
	moment faulty.Moment
	sprung func() Outcome

	claimed atomic.Bool // it is being sprung, or nobody waits for it any more
}

func (t *trap) spring() Outcome {
	if !t.claimed.CompareAndSwap(false, true) {
		return Pass
	}
	return t.sprung()
}

// Link is a proxy in front of one server for one client. It is safe for concurrent use.
type Link struct {
	listener net.Listener
	target   func() string
	protocol Protocol

	mu    sync.Mutex
	away  bool
	delay time.Duration
	held  Side
	free  chan struct{} // closed when nothing is held
	pairs map[*pair]struct{}
	trap  *trap
}

// pair is a connection through the link: one to the client, one to the server.
type pair struct{ client, server *net.TCPConn }

func (p *pair) close() {
	_ = p.client.Close()
	_ = p.server.Close()
}

// Listen returns a link to where target says, at a free port.
func Listen(protocol Protocol, target func() string) (*Link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a link: %w", err)
	}
	link := &Link{listener: l, target: target, protocol: protocol, free: make(chan struct{}), pairs: map[*pair]struct{}{}}
	close(link.free)
	go link.serve()
	return link, nil
}

// Addr is where the client dials.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Close ends the link for good.
func (l *Link) Close() {
	_ = l.listener.Close()
	l.Refuse(true)
	l.Hold(0)
}

func (l *Link) serve() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.carry(c.(*net.TCPConn))
	}
}

// dialPatience bounds reaching a server of this machine.
const dialPatience = 5 * time.Second

// carry carries one connection until either side ends it.
func (l *Link) carry(client *net.TCPConn) {
	to, err := net.DialTimeout("tcp", l.target(), dialPatience)
	if err != nil {
		_ = client.Close()
		return
	}
	p := &pair{client, to.(*net.TCPConn)}
	if !l.admit(p) {
		p.close()
		return
	}
	defer l.forget(p)
	if l.protocol == ClickHouse {
		l.carryHTTP(p)
		return
	}
	acked := &acknowledged{}
	var both sync.WaitGroup
	both.Go(func() { l.copy(p, Client, acked) })
	both.Go(func() { l.copy(p, Server, acked) })
	both.Wait()
	l.putBack(acked.trap.Load())
}

// copy carries what comes from a side to the other until it ends, and hands the end on.
func (l *Link) copy(p *pair, from Side, acked *acknowledged) {
	in, out := l.reader(p, from), p.server
	if from == Server {
		out = p.client
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := in.Read(buffer)
		if n > 0 && !l.hand(p, out, from, buffer[:n], acked) {
			p.close()
			return
		}
		if err == io.EOF {
			_ = out.CloseWrite()
			return
		}
		if err != nil {
			p.close()
			return
		}
	}
}

// hand hands bytes on; false when the connection is to end.
func (l *Link) hand(p *pair, out io.Writer, from Side, data []byte, acked *acknowledged) bool {
	if l.protocol == NATS {
		return l.handNATS(out, from, data, acked)
	}
	_, err := out.Write(data)
	return err == nil
}

// reader reads from a side as fast as the link lets.
func (l *Link) reader(p *pair, from Side) io.Reader {
	conn := p.client
	if from == Server {
		conn = p.server
	}
	return &slowed{l, conn, from}
}

type slowed struct {
	link *Link
	conn net.Conn
	from Side
}

func (s *slowed) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	s.link.pass(s.from)
	return n, err
}

// pass returns once the link lets through what came from a side.
func (l *Link) pass(from Side) {
	l.mu.Lock()
	delay := l.delay
	l.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	for {
		l.mu.Lock()
		held, free := l.held&from != 0, l.free
		l.mu.Unlock()
		if !held {
			return
		}
		<-free
	}
}

func (l *Link) admit(p *pair) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.away {
		l.pairs[p] = struct{}{}
	}
	return !l.away
}

func (l *Link) forget(p *pair) {
	p.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, p)
}

// each calls f for every connection there is.
func (l *Link) each(f func(*pair)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.pairs {
		f(p)
	}
}

// Cut closes all connections; new ones are let through.
func (l *Link) Cut() { l.each((*pair).close) }

// Refuse cuts all connections and refuses new ones, or lets them through again.
func (l *Link) Refuse(away bool) {
	l.mu.Lock()
	l.away = away
	l.mu.Unlock()
	if away {
		l.Cut()
	}
}

// HalfClose ends what goes to one side of all connections; what comes from it goes on until it ends that too.
func (l *Link) HalfClose(to Side) {
	l.each(func(p *pair) {
		conn := p.client
		if to == Server {
			conn = p.server
		}
		_ = conn.CloseWrite()
	})
}

// Delay has everything take longer, each way.
func (l *Link) Delay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Hold stops what comes from some sides, without an end of the connection; 0 lets all go on.
func (l *Link) Hold(from Side) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != 0 {
		close(l.free)
	}
	if l.held = from; from != 0 {
		l.free = make(chan struct{})
	}
}

// take takes the trap off the link if it is for a write. Whoever does not spring it puts it back.
func (l *Link) take(write string) *trap {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.trap
	if t == nil || t.write != write {
		return nil
	}
	l.trap = nil
	return t
}

// putBack sets a trap again whose connection ended before its moment came.
func (l *Link) putBack(t *trap) {
	if t == nil || t.claimed.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trap = t
}

// Await sets a trap on links, the only one of each, and returns once it has been sprung on one of them, or with an error when ctx ends
// before.
func Await(ctx context.Context, links []*Link, write string, moment faulty.Moment, sprung func() Outcome) error {
	done := make(chan struct{})
	t := &trap{write: write, moment: moment, sprung: func() Outcome { defer close(done); return sprung() }}
	for _, l := range links {
		l.putBack(t)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	if !t.claimed.CompareAndSwap(false, true) { // at the last moment
		<-done
		return nil
	}
	return fmt.Errorf("wait for a write of %s: %w", write, context.Cause(ctx))
}
