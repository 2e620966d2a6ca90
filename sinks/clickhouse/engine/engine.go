// Package engine runs the embedded ClickHouse engine: it starts the helper firstlight-clickhouse, waits until it
// serves ClickHouse's HTTP interface on a loopback address, and stops it. The helper ends with this process,
// however this process ends.
package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Config says what to start.
type Config struct {
	Library string // path of libchdb; empty: the one that `make engine` installed
	Helper  string // path of firstlight-clickhouse; empty: the one beside this executable
	Path    string // data directory, created if need be
	Listen  string // loopback address; port 0 picks a free one
	// Log gets each line the helper writes. It may be nil.
	Log func(line string)
	// Temporary removes the data directory when the helper ends. For tests.
	Temporary bool
}

// Process is a running engine.
type Process struct {
	command *exec.Cmd
	stdin   io.Closer
	addr    string
	done    chan struct{}
	err     error // set before done is closed

	mutex    sync.Mutex
	stopping bool
}

// Start starts the engine and returns when it serves. A data directory that another process is just giving up
// is waited for, about 10 s. Every failure is one line that says what to do. ctx bounds the start only.
func Start(ctx context.Context, c Config) (*Process, error) {
	library, err := FindLibrary(c.Library)
	if err != nil {
		return nil, err
	}
	helper, err := findHelper(c.Helper)
	if err != nil {
		return nil, err
	}
	args := []string{"--path", c.Path, "--listen", c.Listen, "--lib", library}
	if c.Temporary {
		args = append(args, "--temporary")
	}
	command := exec.Command(helper, args...)
	setGroup(command)
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the embedded engine: %w", err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the embedded engine: %w", err)
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the embedded engine: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the embedded engine %s: %w", helper, err)
	}
	p := &Process{command: command, stdin: stdin, done: make(chan struct{})}
	ready := make(chan string, 1)
	go p.watch(stdout, stderr, c.Log, ready)
	select {
	case p.addr = <-ready:
		return p, nil
	case <-p.done:
		return nil, p.err
	case <-ctx.Done():
		p.kill()
		return nil, fmt.Errorf("starting the embedded engine: %w", ctx.Err())
	}
}

// watch passes the helper's lines on until it ends.
func (p *Process) watch(stdout, stderr io.Reader, log func(string), ready chan<- string) {
	if log == nil {
		log = func(string) {}
	}
	var last string // the helper's last line on stderr says why it ended
	var lines sync.WaitGroup
	lines.Go(func() {
		eachLine(stdout, func(line string) {
			if addr, ok := strings.CutPrefix(line, "ready "); ok {
				ready <- addr
			}
		})
	})
	lines.Go(func() {
		eachLine(stderr, func(line string) {
			last = line
			log(line)
		})
	})
	lines.Wait()
	err := p.command.Wait()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.stopping {
		p.err = failure(err, last)
	}
	close(p.done)
}

// eachLine calls f for each line of r; of a line longer than 64 KiB, only what comes before that.
func eachLine(r io.Reader, f func(string)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f(lines.Text())
	}
	io.Copy(io.Discard, r)
}

// failure is why the helper ended: what it said, or how it died.
func failure(err error, last string) error {
	if text, ok := strings.CutPrefix(last, "firstlight-clickhouse: "); ok {
		return fmt.Errorf("the embedded engine: %s", text)
	}
	if err == nil {
		return errors.New("the embedded engine ended")
	}
	return fmt.Errorf("the embedded engine ended: %w", err)
}

// Addr is the address the engine serves on, host and port.
func (p *Process) Addr() string { return p.addr }

// DSN is clickhouse-go's data source name of a database.
func (p *Process) DSN(database string) string { return "http://" + p.addr + "/" + database }

// Done is closed when the engine has ended.
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
	p.stopping = true
	p.mutex.Unlock()
	p.stdin.Close()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("the embedded engine did not stop in time and was killed: %w", ctx.Err())
	}
}

func (p *Process) kill() {
	p.command.Process.Signal(os.Kill)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
}
