package chdb

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Engine is a running engine on one data directory.
type Engine struct {
	lib   *library
	args  []string
	slots chan struct{}
	names atomic.Uint64

	mutex sync.Mutex // guards admin
	admin *Conn      // keeps the engine up, and kills statements of other connections

	// Stuck is called when a statement has not ended StuckAfter after it was first killed: nothing but the end of the
	// process ends it. It may be nil. Both are set before the first statement.
	Stuck      func()
	StuckAfter time.Duration
}

// Open loads the library and opens the data directory. parallel bounds the connections open at once; args are
// engine settings in command-line style ("--max_threads=2").
func Open(libraryPath, dir string, parallel int, args ...string) (*Engine, error) {
	lib, err := loadLibrary(libraryPath)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		lib:   lib,
		args:  append([]string{"--path=" + dir}, args...),
		slots: make(chan struct{}, parallel),
	}
	if e.admin, err = e.connect(); err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	return e, nil
}

// Connect opens a connection, waiting until fewer than the allowed number are open or ctx ends. It is a session
// of its own: nothing that is set in it outlives it. That costs about a tenth of a millisecond.
func (e *Engine) Connect(ctx context.Context) (*Conn, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := e.connect()
	if err != nil {
		<-e.slots
	}
	return c, err
}

func (e *Engine) connect() (*Conn, error) {
	name := fmt.Sprintf("connection %d", e.names.Add(1))
	pointer, err := e.lib.open(append(e.args[:len(e.args):len(e.args)], "--log_comment="+name))
	if err != nil {
		return nil, err
	}
	return &Conn{engine: e, pointer: pointer, name: name}, nil
}

// Close waits until all connections are closed, allows no further ones, and closes the engine. When ctx ends before,
// the engine is left as it is, which is safe: what it has stored is stored.
func (e *Engine) Close(ctx context.Context) error {
	for range cap(e.slots) {
		select {
		case e.slots <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("closing the engine: %w", ctx.Err())
		}
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		e.mutex.Lock()
		defer e.mutex.Unlock()
		e.lib.close(e.admin.pointer)
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing the engine: %w", ctx.Err())
	}
}

// Conn is one session of the engine, for one statement at a time.
type Conn struct {
	engine  *Engine
	pointer uintptr // chdb_connection*
	name    string  // the session's log_comment, by which its statement can be found and killed
}

// Close closes the connection.
func (c *Conn) Close() {
	c.engine.lib.close(c.pointer)
	<-c.engine.slots
}

// Use makes database the current one.
func (c *Conn) Use(database string) error {
	_, err := c.run("USE "+quoteName(database), "Null", nil)
	return err
}

// Set changes settings of the session.
func (c *Conn) Set(settings []Param) error {
	if len(settings) == 0 {
		return nil
	}
	parts := make([]string, len(settings))
	for i, s := range settings {
		parts[i] = quoteName(s.Name) + " = " + quoteText(s.Value)
	}
	_, err := c.run("SET "+strings.Join(parts, ", "), "Null", nil)
	return err
}

// killInterval is how often a statement is killed until it has ended: it may not have been registered yet.
const killInterval = 100 * time.Millisecond

// killWhenDone kills the connection's statement once ctx ends, until stop is called. stop waits for a kill under
// way, so that none hits a later statement.
func (c *Conn) killWhenDone(ctx context.Context) (stop func()) {
	finished := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-finished:
			return
		case <-ctx.Done():
		}
		if c.engine.Stuck != nil {
			stuck := time.AfterFunc(c.engine.StuckAfter, c.engine.Stuck) // apart, because killing may hang too
			defer stuck.Stop()
		}
		for {
			c.engine.kill(c.name)
			select {
			case <-finished:
				return
			case <-time.After(killInterval):
			}
		}
	}()
	return func() {
		close(finished)
		<-ended
	}
}

// kill tells the engine to end the statement of the connection of that name. Its failure is of no use to anyone:
// the statement then runs to its end.
func (e *Engine) kill(name string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	_, _ = e.admin.run("KILL QUERY WHERE Settings['log_comment'] = "+quoteText(name)+" ASYNC", "Null", nil)
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}

func quoteName(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`).Replace(s) + "`"
}
