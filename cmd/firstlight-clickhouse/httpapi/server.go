// Package httpapi serves ClickHouse's HTTP interface from the embedded engine, to this machine only.
//
// It understands what clients send: the query in the URL or the body, query parameters (param_…), settings,
// database and default_format, compressed bodies of both kinds, client_protocol_version, wait_end_of_query. Any
// user and password are taken. Not supported are sessions (session_id is ignored: each request is a session of
// its own), external tables, and several statements in one request. GET is read-only, as in ClickHouse.
package httpapi

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"firstlight/cmd/firstlight-clickhouse/chdb"
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
	switch {
	case !local(r):
		http.Error(w, "This server answers this machine only.", http.StatusForbidden)
	case r.URL.Path == "/ping" || r.URL.Path == "/replicas_status":
		_, _ = io.WriteString(w, "Ok.\n")
	case r.URL.Path != "/" && r.URL.Path != "/query":
		http.Error(w, "There is no handle "+r.URL.Path+"\n\nSend queries to /, ask /ping for health.", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		http.Error(w, "Use GET or POST.", http.StatusMethodNotAllowed)
	default:
		s.answer(w, r)
	}
}

// local tells whether a request was meant for this machine. A browser that was lured here by another site's page
// names that site as origin, or as host.
func local(r *http.Request) bool {
	if !Loopback(r.Host) {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && Loopback(u.Host)
}

// Loopback tells whether host, with or without a port, is this machine.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	q := parseRequest(r)
	h := w.Header()
	setHeader(h, "X-ClickHouse-Query-Id", q.queryID)
	setHeader(h, "X-ClickHouse-Server-Display-Name", s.displayName)
	setHeader(h, "X-ClickHouse-Timezone", s.timezone)
	p := &response{w: w, request: q, accept: r.Header.Get("Accept-Encoding"), started: time.Now()}
	body, err := requestBody(r, q)
	if err == nil {
		err = s.run(r.Context(), p, q, body)
	}
	if err == nil {
		err = p.finish()
	}
	if err != nil {
		p.fail(s.exceptionOf(err))
	}
}
