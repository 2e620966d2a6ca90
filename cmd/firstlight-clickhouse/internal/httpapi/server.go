// Package httpapi serves ClickHouse's HTTP interface from the embedded engine, to this machine only, with two faces: the
// Server obeys whoever has its secret, the Reader lets anybody on this machine read views.
//
// Both understand what clients send: the query in the URL, the body or a form, query parameters (param_…), settings,
// database and default_format, compressed bodies of both kinds, client_protocol_version, wait_end_of_query. Not
// supported are sessions (session_id is ignored: each request is a session of its own), external tables, and several
// statements in one request. GET is read-only, as in ClickHouse.
package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
	"firstlight/pipeline/doors"
)

// Server answers requests. It is an http.Handler.
type Server struct {
	engine      *chdb.Engine
	displayName string
	timezone    string
	location    *time.Location
	versionNote string // as it ends every exception
}

// New asks the engine who it is.
func New(ctx context.Context, engine *chdb.Engine) (*Server, error) {
	c, err := engine.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to the engine: %w", err)
	}
	defer c.Close()
	result, err := c.Exec(ctx, "SELECT displayName(), version(), timezone()", "TabSeparated", nil)
	if err != nil {
		return nil, fmt.Errorf("asking the engine for its version: %w", err)
	}
	fields := strings.Split(strings.TrimSpace(string(result.Data)), "\t")
	if len(fields) != 3 {
		return nil, fmt.Errorf("asking the engine for its version: it says %q", result.Data)
	}
	s := &Server{
		engine:      engine,
		displayName: fields[0],
		versionNote: " (version " + fields[1] + " (official build))",
		timezone:    fields[2],
	}
	if s.location, err = time.LoadLocation(s.timezone); err != nil {
		return nil, fmt.Errorf("the engine's time zone: %w", err)
	}
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !enter(w, r) {
		return
	}
	s.answer(w, r, func(ctx context.Context, p *response, q request, body io.Reader) error { return s.run(ctx, p, q, body) })
}

// enter answers what needs no query, and tells whether there is one to answer.
func enter(w http.ResponseWriter, r *http.Request) bool {
	doors.Protect(w.Header(), doors.NoPage)
	switch refusal := (doors.Rule{}).Refuse(r, false); {
	case refusal != nil:
		http.Error(w, refusal.Reason, refusal.Status)
	case r.URL.Path == "/ping" || r.URL.Path == "/replicas_status":
		_, _ = io.WriteString(w, "Ok.\n")
	case r.URL.Path != "/" && r.URL.Path != "/query":
		http.Error(w, "There is no such handle: send queries to /, ask /ping for health.", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Use GET or POST.", http.StatusMethodNotAllowed)
	default:
		return true
	}
	return false
}

// runner executes a request's statement and writes its result.
type runner func(ctx context.Context, p *response, q request, body io.Reader) error

func (s *Server) answer(w http.ResponseWriter, r *http.Request, run runner) {
	values, form, err := parameters(r)
	q := parseRequest(r, values)
	h := w.Header()
	setHeader(h, "X-ClickHouse-Query-Id", q.queryID)
	setHeader(h, "X-ClickHouse-Server-Display-Name", s.displayName)
	setHeader(h, "X-ClickHouse-Timezone", s.timezone)
	p := &response{w: w, request: q, accept: r.Header.Get("Accept-Encoding"), started: time.Now()}
	body := io.Reader(strings.NewReader(""))
	if err == nil && !form {
		body, err = requestBody(r, q)
	}
	if err == nil {
		err = run(r.Context(), p, q, body)
	}
	if err == nil {
		err = p.finish()
	}
	if err != nil {
		p.fail(s.exceptionOf(err))
	}
}
