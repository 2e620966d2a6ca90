// Package engine runs the embedded ClickHouse engine: it starts the helper firstlight-clickhouse, waits until it serves
// ClickHouse's HTTP interface, starts it again when it ends by itself, and stops it. The helper ends with this process,
// however this process ends.
//
// The engine has two sockets, which this process holds, so that no other takes them while the helper starts again. At
// Addr anybody on this machine may read views. DSN names the other, which obeys whoever has the secret of this start.
package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Config says what to start.
type Config struct {
	Library string // path of libchdb; empty: the one that `make engine` installed
	Helper  string // path of firstlight-clickhouse; empty: the one beside this executable
	Path    string // data directory, created if need be
	Listen  string // loopback address for readers; port 0 picks a free one
	Readers Readers
	// Log gets each line the helper writes. It may be nil.
	Log func(line string)
	// Temporary removes the data directory when the helper ends. For tests.
	Temporary bool
	// StuckAfter is how long a statement may go on after it was told to end, before the helper is started again; 0: 15 s.
	StuckAfter time.Duration
}

// Readers says what is open to anybody on this machine.
type Readers struct {
	Database string   // the one whose views are open
	Views    []string // without single users
	People   []string // of single users: open with Password, closed while it is empty
	Password string   `json:"-"`
}

// Process is a running engine.
type Process struct {
	config          Config
	secret          string
	readers, owners *net.TCPListener
	files           []*os.File // the same sockets, as the helper inherits them
	done            chan struct{}
	err             error // set before done is closed
	stop            chan struct{}

	mutex    sync.Mutex
	child    *child
	stopping bool
}

// user is the name that goes with the secret.
const user = "firstlight"

// Start starts the engine and returns when it serves. A data directory that another process is just giving up
// is waited for, about 10 s. Every failure is one line that says what to do. ctx bounds the start only.
func Start(ctx context.Context, c Config) (*Process, error) {
	var err error
	if c.Library, err = FindLibrary(c.Library); err != nil {
		return nil, err
	}
	if c.Helper, err = findHelper(c.Helper); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = func(string) {}
	}
	p := &Process{config: c, secret: rand.Text(), done: make(chan struct{}), stop: make(chan struct{})}
	if err := p.bind(ctx); err != nil {
		p.unbind()
		return nil, err
	}
	if p.child, err = p.launch(ctx); err != nil {
		p.unbind()
		return nil, err
	}
	go p.supervise()
	return p, nil
}

const (
	// A helper that ends soon after it was started is started again later and later.
	leastPause, mostPause = 100 * time.Millisecond, 30 * time.Second
	// steady is how long a helper runs that was worth starting.
	steady = time.Minute
	// startAttempts is how often in a row the helper may fail to start.
	startAttempts = 5
	// startPatience bounds one of these attempts.
	startPatience = time.Minute
)

// supervise starts the helper again whenever it ends by itself.
func (p *Process) supervise() {
	defer close(p.done)
	defer p.unbind()
	pause := leastPause
	for {
		<-p.child.done
		if p.isStopping() {
			return
		}
		if time.Since(p.child.started) > steady {
			pause = leastPause
		}
		p.config.Log(fmt.Sprintf("%v: starting it again", p.child.err))
		for attempt := 1; ; attempt++ {
			if !p.wait(pause) {
				return
			}
			pause = min(2*pause, mostPause)
			err := p.relaunch()
			if err == nil {
				break
			}
			if p.isStopping() {
				return
			}
			if attempt == startAttempts {
				p.err = err
				return
			}
			p.config.Log(err.Error())
		}
	}
}

// wait returns false when the engine is stopped meanwhile.
func (p *Process) wait(pause time.Duration) bool {
	select {
	case <-p.stop:
		return false
	case <-time.After(pause):
		return true
	}
}

func (p *Process) isStopping() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.stopping
}

func (p *Process) relaunch() error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	go func() {
		select {
		case <-p.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	next, err := p.launch(ctx)
	if err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.child = next
	if p.stopping {
		next.stdin.Close()
	}
	return nil
}

// current is the helper as it runs now.
func (p *Process) current() *child {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.child
}

// Addr is the address where readers are served, host and port.
func (p *Process) Addr() string { return p.readers.Addr().String() }

// OwnersAddr is the address where requests with the secret are served, host and port.
func (p *Process) OwnersAddr() string { return p.owners.Addr().String() }

// Secret is what opens OwnersAddr.
func (p *Process) Secret() string { return p.secret }

// DSN is clickhouse-go's data source name of a database, the secret included.
func (p *Process) DSN(database string) string { return DSN(p.OwnersAddr(), p.secret, database) }

// DSN is clickhouse-go's data source name of an engine that another process runs.
func DSN(ownersAddr, secret, database string) string {
	return "http://" + user + ":" + secret + "@" + ownersAddr + "/" + database
}

// ReadPath is the path below OwnersAddr where statements are judged as those of readers are, with all tables open.
const ReadPath = "/read"

// Done is closed when the engine has ended and is not started again.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is why the engine ended by itself; nil while it runs and after Stop.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop lets the engine finish what it is doing and waits until it has ended; when ctx ends before, it is killed.
func (p *Process) Stop(ctx context.Context) error {
	p.mutex.Lock()
	if !p.stopping {
		p.stopping = true
		close(p.stop)
	}
	running := p.child
	p.mutex.Unlock()
	running.stdin.Close()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		running.kill()
		return fmt.Errorf("the embedded engine did not stop in time and was killed: %w", ctx.Err())
	}
}

// failure is why the helper ended: what it said, or how it died.
func failure(err error, last string) error {
	const prefix = helperName + ": "
	if len(last) > len(prefix) && last[:len(prefix)] == prefix {
		return errors.New("the embedded engine: " + last[len(prefix):])
	}
	if err == nil {
		return errors.New("the embedded engine ended")
	}
	return fmt.Errorf("the embedded engine ended: %w", err)
}

// Pid is the helper's process id.
func (p *Process) Pid() int { return p.current().command.Process.Pid }
