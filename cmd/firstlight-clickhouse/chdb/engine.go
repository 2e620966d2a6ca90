package chdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// Engine is a running engine on one data directory.
//
// Connections are independent sessions and run in parallel, each one statement at a time. Idle ones are kept;
// one whose session was changed (settings, database, temporary tables) is closed instead, so that no request
// sees what another set.
type Engine struct {
	lib   *library
	args  []string
	slots chan struct{}
	names atomic.Uint64

	mutex sync.Mutex
	idle  []*Conn
	admin *Conn // keeps the engine up, and kills queries of other connections
}

// Open loads the library and opens the data directory. parallel bounds the connections in use at once; args
// are engine settings in command-line style ("--max_threads=2").
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

// Conn is one session of the engine. It is not safe for concurrent use.
type Conn struct {
	engine   *Engine
	pointer  uintptr // chdb_connection*
	name     string  // the session's log_comment, by which its query can be found and killed
	database string
	dirty    bool
}

func (e *Engine) connect() (*Conn, error) {
	name := fmt.Sprintf("connection %d", e.names.Add(1))
	pointer, err := e.lib.open(append(e.args[:len(e.args):len(e.args)], "--log_comment="+name))
	if err != nil {
		return nil, err
	}
	return &Conn{engine: e, pointer: pointer, name: name, database: "default"}, nil
}

// Acquire takes a connection, waiting for a free one until ctx ends.
func (e *Engine) Acquire(ctx context.Context) (*Conn, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if n := len(e.idle); n > 0 {
		c := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return c, nil
	}
	c, err := e.connect()
	if err != nil {
		<-e.slots
		return nil, err
	}
	return c, nil
}

// Release gives the connection back.
func (c *Conn) Release() {
	e := c.engine
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if c.dirty {
		e.lib.close(c.pointer)
	} else {
		e.idle = append(e.idle, c)
	}
	<-e.slots
}

// Dirty marks the session as changed: it is closed when released.
func (c *Conn) Dirty() { c.dirty = true }

// Use makes database the current one.
func (c *Conn) Use(database string) error {
	if database == c.database {
		return nil
	}
	if _, err := c.Exec("USE "+QuoteName(database), "Null", nil); err != nil {
		return err
	}
	c.database = database
	return nil
}

// Set changes settings of the session, which is then dirty.
func (c *Conn) Set(settings []Param) error {
	if len(settings) == 0 {
		return nil
	}
	c.dirty = true
	parts := make([]string, len(settings))
	for i, s := range settings {
		parts[i] = QuoteName(s.Name) + " = " + QuoteText(s.Value)
	}
	_, err := c.Exec("SET "+strings.Join(parts, ", "), "Null", nil)
	return err
}

// Kill ends the query that c runs now, if any, from another connection. It returns once the engine was told.
func (e *Engine) Kill(c *Conn) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	_, err := e.admin.Exec("KILL QUERY WHERE Settings['log_comment'] = "+QuoteText(c.name)+" ASYNC", "Null", nil)
	return err
}

// Close closes all idle connections and the engine. Connections in use are left alone.
func (e *Engine) Close() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, c := range e.idle {
		e.lib.close(c.pointer)
	}
	e.idle = nil
	e.lib.close(e.admin.pointer)
}

// QuoteText writes s as an SQL string literal.
func QuoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}

// QuoteName writes s as an SQL identifier.
func QuoteName(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`).Replace(s) + "`"
}

// errText is the error that the engine reported as text.
func errText(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(strings.TrimSpace(text))
}
