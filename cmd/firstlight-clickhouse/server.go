package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"

	"firstlight/cmd/firstlight-clickhouse/chdb"
	"firstlight/cmd/firstlight-clickhouse/statement"
)

const (
	// headSize is how much of a body is read to find out what the statement is; the head of an INSERT must fit.
	headSize = 256 << 10
	// maxStatement bounds a statement without data, in bytes. The engine's own max_query_size is lower.
	maxStatement = 64 << 20
	// chunkSize is how insert data is handed on, in bytes.
	chunkSize = 256 << 10
)

// server answers ClickHouse's HTTP interface from the engine.
type server struct {
	engine      *chdb.Engine
	displayName string
	timezone    string
	location    *time.Location
	versionNote string // as it ends every exception
}

func newServer(engine *chdb.Engine) (*server, error) {
	s := &server{engine: engine}
	c, err := engine.Acquire(context.Background())
	if err != nil {
		return nil, err
	}
	defer c.Release()
	result, err := c.Exec("SELECT displayName(), version(), timezone()", "TabSeparated", nil)
	if err != nil {
		return nil, fmt.Errorf("asking the engine for its version: %w", err)
	}
	fields := strings.Split(strings.TrimSpace(string(result.Data)), "\t")
	if len(fields) != 3 {
		return nil, fmt.Errorf("the engine's version is unreadable: %q", result.Data)
	}
	s.displayName, s.timezone = fields[0], fields[2]
	s.versionNote = "(version " + fields[1] + " (official build))"
	if s.location, err = time.LoadLocation(s.timezone); err != nil {
		s.location = time.UTC
	}
	return s, nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !local(r) {
		http.Error(w, "This server answers requests from this machine only.", http.StatusForbidden)
		return
	}
	switch r.URL.Path {
	case "/ping", "/replicas_status":
		io.WriteString(w, "Ok.\n")
	case "/", "/query":
		s.answer(w, r)
	default:
		http.Error(w, "There is no handle "+r.URL.Path+"\n\nUse / or /ping for health checks.\nSend queries with method POST or GET to /.", http.StatusNotFound)
	}
}

// local tells whether the request was made for this machine: a page of another site that names this address in
// a browser is refused.
func local(r *http.Request) bool {
	if !loopback(r.Host) {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && loopback(u.Host)
}

// loopback tells whether host, with or without a port, is this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	q := parseRequest(r)
	p := &response{server: s, w: w, request: q, accept: r.Header.Get("Accept-Encoding"), started: time.Now()}
	if q.queryID == "" {
		q.queryID = uuid.NewString()
	}
	h := w.Header()
	h.Set("X-ClickHouse-Query-Id", q.queryID)
	h.Set("X-ClickHouse-Server-Display-Name", s.displayName)
	h.Set("X-ClickHouse-Timezone", s.timezone)
	body, err := requestBody(r, q)
	if err != nil {
		p.fail(s.newException(codeIncorrectData, "INCORRECT_DATA", err.Error()))
		return
	}
	head, err := readHead(q.query, body)
	if err != nil {
		p.fail(s.newException(codeIncorrectData, "INCORRECT_DATA", "Cannot read the request body: "+err.Error()))
		return
	}
	if len(bytes.TrimSpace(head)) == 0 {
		if r.Method != http.MethodPost {
			io.WriteString(w, "Ok.\n")
			return
		}
		p.fail(s.newException(codeSyntax, "SYNTAX_ERROR", "Empty query"))
		return
	}
	if err := s.run(r.Context(), p, q, head, body); err != nil {
		p.fail(s.exceptionOf(err))
		return
	}
	p.finish()
}

// readHead joins the query parameter with the beginning of the body.
func readHead(query string, body io.Reader) ([]byte, error) {
	head := []byte(query)
	if len(head) > 0 {
		head = append(head, '\n')
	}
	more, err := io.ReadAll(io.LimitReader(body, headSize))
	return append(head, more...), err
}

// run executes the statement that begins with head.
func (s *server) run(ctx context.Context, p *response, q request, head []byte, body io.Reader) error {
	found := statement.Scan(head)
	if found.Kind != statement.Insert {
		rest, err := io.ReadAll(io.LimitReader(body, maxStatement))
		if err != nil {
			return s.newException(codeIncorrectData, "INCORRECT_DATA", "Cannot read the request body: "+err.Error())
		}
		if len(rest) > 0 {
			head = append(head, rest...)
			found = statement.Scan(head)
		}
	}
	if found.Several {
		return s.newException(codeSyntax, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed): send one statement per request")
	}
	if found.File {
		return s.newException(codeNotImplemented, "NOT_IMPLEMENTED", "INTO OUTFILE and FROM INFILE are not allowed over HTTP")
	}
	conn, err := s.engine.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// The engine keeps state of a running query on its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := conn.Use(q.database); err != nil {
		return err
	}
	if err := conn.Set(q.settings); err != nil {
		return err
	}
	if found.Session {
		conn.Dirty()
	}
	defer s.killWhenGone(ctx, conn)()
	switch found.Kind {
	case statement.Insert:
		return s.insert(conn, p, q, found, io.MultiReader(bytes.NewReader(head[found.Data:]), body))
	default:
		return s.query(conn, p, q, found)
	}
}

// killWhenGone ends conn's query when ctx ends, until the returned function is called.
func (s *server) killWhenGone(ctx context.Context, conn *chdb.Conn) (stop func()) {
	finished := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-finished:
				return
			case <-ctx.Done():
			}
			s.engine.Kill(conn)
			select { // the query may have been between its start and its registration
			case <-finished:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(finished)
		<-ended
	}
}

// query runs a statement without data.
func (s *server) query(conn *chdb.Conn, p *response, q request, found statement.Statement) error {
	format, sql := q.format, found.Head
	if found.Format != "" {
		format = found.Format
		sql += " FORMAT " + format + found.Tail
	}
	p.setFormat(format)
	if found.Kind != statement.Select || !streamable(format) {
		result, err := conn.Exec(sql, format, q.params)
		if err != nil {
			return err
		}
		p.counters = result.Counters
		_, err = p.Write(result.Data)
		return err
	}
	rows, err := conn.Query(sql, format, q.params)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		block, err := rows.Next()
		if err != nil || block == nil {
			return err
		}
		p.counters = rows.Counters
		if _, err := p.Write(block); err != nil {
			return err
		}
	}
}

// insert hands the data of an INSERT to the engine as it arrives.
func (s *server) insert(conn *chdb.Conn, p *response, q request, found statement.Statement, data io.Reader) error {
	format := first(found.Format, "Values")
	insert, err := conn.Insert(found.Head, format, q.params)
	if err != nil {
		return err
	}
	defer insert.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{insert}, struct{ io.Reader }{data}, make([]byte, chunkSize))
	if err != nil && !errors.Is(err, chdb.ErrInsertFailed) {
		return s.newException(codeIncorrectData, "INCORRECT_DATA", "Cannot read the request body: "+err.Error())
	}
	p.counters, err = insert.Commit()
	return err
}
