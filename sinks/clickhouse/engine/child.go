package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// child is one process of the helper.
type child struct {
	command *exec.Cmd
	stdin   io.Closer
	started time.Time
	done    chan struct{}
	err     error // why it ended, set before done is closed
}

// launch starts the helper and returns when it serves.
func (p *Process) launch(ctx context.Context) (*child, error) {
	args := []string{"--path", p.config.Path, "--lib", p.config.Library}
	if p.config.Temporary {
		args = append(args, "--temporary")
	}
	command := exec.Command(p.config.Helper, args...)
	command.ExtraFiles = p.files
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
		return nil, fmt.Errorf("starting the embedded engine %s: %w", p.config.Helper, err)
	}
	c := &child{command: command, stdin: stdin, started: time.Now(), done: make(chan struct{})}
	ready := make(chan struct{})
	go c.relay(stdout, stderr, p.config.Log, ready)
	_, _ = stdin.Write(p.instructions()) // a helper that ended says why itself
	select {
	case <-ready:
		return c, nil
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		c.kill()
		return nil, fmt.Errorf("starting the embedded engine: %w", ctx.Err())
	}
}

// instructions are the line that the helper reads from its standard input: neither its arguments nor its environment
// may hold a secret.
func (p *Process) instructions() []byte {
	line, err := json.Marshal(struct {
		Secret, ReaderPassword string
		Readers                Readers
		StuckAfter             time.Duration
	}{p.secret, p.config.Readers.Password, p.config.Readers, p.config.StuckAfter})
	if err != nil {
		panic("BUG: instructions that are no JSON: " + err.Error())
	}
	return append(line, '\n')
}

// relay passes the helper's lines on until it ends.
func (c *child) relay(stdout, stderr io.Reader, log func(string), ready chan<- struct{}) {
	var last string // the helper's last line on stderr says why it ended
	var lines sync.WaitGroup
	lines.Go(func() {
		once := sync.OnceFunc(func() { close(ready) })
		eachLine(stdout, func(line string) {
			if line == "ready" {
				once()
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
	c.err = failure(c.command.Wait(), last)
	close(c.done)
}

// eachLine calls f for each line of r; of a line longer than 64 KiB, only what comes before that.
func eachLine(r io.Reader, f func(string)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f(lines.Text())
	}
	_, _ = io.Copy(io.Discard, r) // the end of a line too long for the scanner
}

func (c *child) kill() {
	_ = c.command.Process.Signal(os.Kill) // it may have ended
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
	}
}
