package servers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/wire"
	"firstlight/pipeline/testprocess"
)

// Worker is a worker that is started again whenever it ends by itself, as it is where workers run for long.
type Worker struct {
	Name       string
	NATS       []*wire.Link // to each server
	ClickHouse *wire.Link

	binary, dir string
	env         []string

	mu      sync.Mutex
	process *exec.Cmd
	done    chan struct{} // closed when the process has ended
	wanted  bool          // it is started again
	ends    []End
}

// End is how a worker ended by itself.
type End struct {
	Worker string
	Code   int
	Said   string // its last line
	Worked bool   // it had loaded users before
}

// NewWorker returns a worker that does not run yet. Its log is in dir.
func NewWorker(name, binary, dir string, c *Cluster, e *Engine, settings map[string]string) (*Worker, error) {
	w := &Worker{Name: name, binary: binary, dir: dir}
	for _, n := range c.Nodes {
		link, err := wire.Listen(wire.NATS, n.Addr)
		if err != nil {
			return nil, err
		}
		w.NATS = append(w.NATS, link)
	}
	var err error
	if w.ClickHouse, err = wire.Listen(wire.ClickHouse, e.Addr); err != nil {
		return nil, err
	}
	var urls []string
	for _, link := range w.NATS {
		urls = append(urls, "nats://"+link.Addr())
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FIRSTLIGHT_") && !strings.HasPrefix(v, "NATS_") && !strings.HasPrefix(v, "CLICKHOUSE_") {
			w.env = append(w.env, v)
		}
	}
	w.env = append(w.env, "NATS_URL="+strings.Join(urls, ","), "CLICKHOUSE_URL="+e.DSNAt(w.ClickHouse.Addr()), "LOG_FORMAT=json", "FIRSTLIGHT_HTTP_ADDR=127.0.0.1:0")
	for name, value := range settings {
		w.env = append(w.env, name+"="+value)
	}
	return w, nil
}

// Log is the path of what the worker says.
func (w *Worker) Log() string {
	return filepath.Join(w.dir, strings.ReplaceAll(w.Name, " ", "")+".log")
}

// Start starts the worker unless it runs.
func (w *Worker) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.start()
}

func (w *Worker) start() error {
	w.wanted = true
	if w.process != nil {
		return nil
	}
	log, err := os.OpenFile(w.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", w.Name, err)
	}
	defer log.Close()
	process := testprocess.Command(w.binary, "run")
	process.Dir, process.Env, process.Stdout, process.Stderr = w.dir, w.env, log, log
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("start %s: %w", w.Name, err)
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", w.Name, err)
	}
	w.process, w.done = process, make(chan struct{})
	go w.follow(process, w.done, from)
	return nil
}

// again is how long a worker that ended by itself is not started.
const again = 300 * time.Millisecond

// follow waits until a process has ended, and starts another if that was not asked for. What it says begins at from.
func (w *Worker) follow(process *exec.Cmd, done chan struct{}, from int64) {
	_ = process.Wait() // how it ended is in its state
	w.mu.Lock()
	w.process = nil
	byItself := w.wanted
	if byItself {
		w.ends = append(w.ends, endOf(w, process.ProcessState.ExitCode(), from))
	}
	w.mu.Unlock()
	close(done)
	if !byItself {
		return
	}
	time.Sleep(again)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wanted {
		if err := w.start(); err != nil {
			w.ends = append(w.ends, End{Worker: w.Name, Code: -1, Said: err.Error()})
		}
	}
}

// endOf is how a process of a worker ended whose log begins at from.
func endOf(w *Worker, code int, from int64) End {
	e := End{Worker: w.Name, Code: code}
	said, err := os.ReadFile(w.Log())
	if err != nil {
		e.Said = err.Error()
		return e
	}
	said = said[min(from, int64(len(said))):]
	e.Worked = bytes.Contains(said, []byte(`"msg":"recovered"`))
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	e.Said = string(lines[len(lines)-1])
	return e
}

// Kill ends the worker at once, as kill -9 does; it is started by Start only.
func (w *Worker) Kill() { w.end(syscall.SIGKILL) }

// Stop asks the worker to end and returns its exit code.
func (w *Worker) Stop() int { return w.end(syscall.SIGTERM) }

func (w *Worker) end(s syscall.Signal) int {
	w.mu.Lock()
	w.wanted = false
	process, done := w.process, w.done
	w.mu.Unlock()
	if process == nil {
		return 0
	}
	_ = process.Process.Signal(syscall.SIGCONT)
	_ = process.Process.Signal(s)
	<-done
	return process.ProcessState.ExitCode()
}

// Pause stops the worker as it is; Resume has it go on.
func (w *Worker) Pause() { w.signal(syscall.SIGSTOP) }

// Resume has the worker go on.
func (w *Worker) Resume() { w.signal(syscall.SIGCONT) }

func (w *Worker) signal(s syscall.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process != nil {
		_ = w.process.Process.Signal(s) // it may have ended by itself
	}
}

// Pid is the process id, 0 while the worker does not run.
func (w *Worker) Pid() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return 0
	}
	return w.process.Process.Pid
}

// Ends is how the worker has ended by itself so far.
func (w *Worker) Ends() []End {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]End(nil), w.ends...)
}

var servesAt = regexp.MustCompile(`"http":"([^"]+)"`)

// HTTP is where the worker serves, as it said last.
func (w *Worker) HTTP() (string, error) {
	said, err := os.ReadFile(w.Log())
	if err != nil {
		return "", fmt.Errorf("read what %s says: %w", w.Name, err)
	}
	all := servesAt.FindAllSubmatch(said, -1)
	if len(all) == 0 {
		return "", errors.New(w.Name + " does not serve")
	}
	return string(all[len(all)-1][1]), nil
}
