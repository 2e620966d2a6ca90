package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
	"firstlight/cmd/firstlight-clickhouse/internal/reader"
	"firstlight/cmd/firstlight-clickhouse/internal/statement"
)

// What readers get of the engine, all of them together: the worker must not notice them.
const (
	readerQueries  = 4 // at once
	readerWaiting  = 32
	readerPatience = 10 * time.Second
	readerSeconds  = 60 // unless a reader asks for more, up to reader.MaxSeconds
	// readerLimit is when a query is killed, whatever it was allowed.
	readerLimit = (reader.MaxSeconds + 5) * time.Second
	// readerRequest bounds a request without its query: a client that does not send, or does not read, gives its place up.
	readerRequest = 30 * time.Second
)

// Reader answers anybody on this machine, and reads only. It is an http.Handler.
type Reader struct {
	server   *Server
	policy   reader.Policy
	password string // for views of single users; empty: nobody sees them
	memory   int64  // of one query, in bytes
	places   chan struct{}
	queue    chan struct{}

	mutex   sync.Mutex
	running map[*running]struct{}
}

// running is a reader's query under way.
type running struct {
	id   string
	stop context.CancelFunc
}

// NewReader returns the face for readers. memory bounds what all their queries use together, in bytes.
func NewReader(s *Server, policy reader.Policy, password string, memory int64) *Reader {
	return &Reader{
		server: s, policy: policy, password: password, memory: memory / readerQueries,
		places: make(chan struct{}, readerQueries), queue: make(chan struct{}, readerQueries+readerWaiting),
		running: map[*running]struct{}{},
	}
}

func (d *Reader) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.serve(w, r, d.sightOf) }

// Operator answers the one who runs Firstlight at /read: he reads all tables.
func (d *Reader) Operator() http.Handler {
	all := func(*http.Request) (reader.Sight, error) { return reader.Everything, nil }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/"
		d.serve(w, r, all)
	})
}

func (d *Reader) serve(w http.ResponseWriter, r *http.Request, sightOf func(*http.Request) (reader.Sight, error)) {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(readerRequest))
	_ = connection.SetWriteDeadline(time.Now().Add(readerLimit + readerRequest))
	if !enter(w, r) {
		return
	}
	d.server.answer(w, r, func(ctx context.Context, p *response, q request, body io.Reader) error {
		sight, err := sightOf(r)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(body, headBytes+1))
		if err != nil {
			return failf(codeIncorrectData, "Cannot read the request body: %v", err)
		}
		_ = connection.SetReadDeadline(time.Time{}) // else it would end the request while its query runs
		return d.run(ctx, p, q, q.query+"\n"+string(text), sight)
	})
}

// sightOf is what a request may see.
func (d *Reader) sightOf(r *http.Request) (reader.Sight, error) {
	shown := password(r)
	if d.password == "" || shown == "" {
		return reader.Aggregates, nil
	}
	if !same(shown, d.password) {
		return reader.Aggregates, failf(codeWrongPassword, "Authentication failed: the password is not that of FIRSTLIGHT_READER_PASSWORD; readers without a password see the views without single users")
	}
	return reader.People, nil
}

// run inspects a statement and, if it passes, runs it.
func (d *Reader) run(ctx context.Context, p *response, q request, text string, sight reader.Sight) error {
	s, settings, err := d.read(q, text)
	if err != nil {
		return err
	}
	current, err := d.policy.Current(q.database)
	if err != nil {
		return err
	}
	switch s.Kind {
	case reader.Empty:
		if !q.readOnly {
			return failf(codeSyntaxError, "Empty query")
		}
		_, err := io.WriteString(p, "Ok.\n") // a health check
		return err
	case reader.Set:
		if s.Table != "" {
			_, err = d.policy.Current(s.Table)
		}
		return err
	}
	ctx, stop := context.WithTimeout(ctx, readerLimit)
	defer stop()
	if s.Kind == reader.Kill {
		return d.kill(ctx, p, q, s)
	}
	leave, err := d.enter(ctx, p, q.queryID, stop)
	if err != nil {
		return err
	}
	defer leave()
	conn, err := d.connect(ctx, current)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := d.inspect(ctx, conn, s, q.params, current, sight); err != nil {
		return err
	}
	if err := conn.Set(settings); err != nil {
		return err
	}
	p.format = first(s.Format, q.format)
	if s.Kind == reader.Select {
		return d.server.sendRows(ctx, conn, p, q, statement.Statement{Head: s.SQL, Tail: s.Tail})
	}
	return d.server.sendResult(ctx, conn, p, q, s.SQL+"\nFORMAT "+p.format+" "+s.Tail)
}

// read checks everything that can be checked without the engine, and returns the settings that have an effect.
func (d *Reader) read(q request, text string) (*reader.Statement, []chdb.Param, error) {
	s, err := reader.Read(text)
	if err != nil {
		return nil, nil, err
	}
	if err := reader.CheckFormat(q.format); err != nil {
		return nil, nil, err
	}
	var settings []chdb.Param
	for _, setting := range q.settings {
		filters, err := reader.CheckSetting(setting.Name, setting.Value)
		if err != nil {
			return nil, nil, err
		}
		s.Filters = append(s.Filters, filters...)
		if !reader.AnswerOnly(setting.Name) {
			settings = append(settings, setting)
		}
	}
	return s, settings, nil
}

// enter takes a place among the readers' queries, waiting for one for a while.
func (d *Reader) enter(ctx context.Context, p *response, id string, stop context.CancelFunc) (leave func(), err error) {
	full := failf(codeTooMany, "Readers run %d queries at once, and more wait than there is room for: try again in some seconds", readerQueries)
	select {
	case d.queue <- struct{}{}:
	default:
		p.w.Header().Set("Retry-After", "5")
		return nil, full
	}
	patience := time.NewTimer(readerPatience)
	defer patience.Stop()
	select {
	case d.places <- struct{}{}:
	case <-ctx.Done():
		<-d.queue
		return nil, ctx.Err()
	case <-patience.C:
		<-d.queue
		p.w.Header().Set("Retry-After", "5")
		return nil, full
	}
	query := &running{id, stop}
	d.mutex.Lock()
	d.running[query] = struct{}{}
	d.mutex.Unlock()
	return func() {
		d.mutex.Lock()
		delete(d.running, query)
		d.mutex.Unlock()
		<-d.places
		<-d.queue
	}, nil
}

// connect opens a session with the limits of readers.
func (d *Reader) connect(ctx context.Context, database string) (*chdb.Conn, error) {
	conn, err := d.server.engine.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err = conn.Use(database); err == nil {
		err = conn.Set([]chdb.Param{
			{Name: "max_memory_usage", Value: strconv.FormatInt(d.memory, 10)},
			{Name: "max_execution_time", Value: strconv.Itoa(readerSeconds)},
			{Name: "max_bytes_ratio_before_external_group_by", Value: "0"}, // nothing is written to the disk
			{Name: "max_bytes_ratio_before_external_sort", Value: "0"},
			{Name: "readonly", Value: "2"},
		})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// inspect has the engine parse the statement, and inspects its tree.
func (d *Reader) inspect(ctx context.Context, conn *chdb.Conn, s *reader.Statement, params []chdb.Param, current string, sight reader.Sight) error {
	j := &reader.Inspector{Policy: &d.policy, Sight: sight, Current: current, Exists: func(database, table string) (bool, error) {
		return exists(ctx, conn, database, table)
	}}
	if s.Table != "" {
		return j.CheckTable(s.Table)
	}
	if s.Inspected != "" {
		if err := inspectTree(ctx, conn, j, s, params); err != nil {
			return err
		}
	}
	for _, f := range s.Filters {
		if err := j.CheckTable(f.Table); err != nil {
			return err
		}
		condition, err := f.Statement()
		if err == nil {
			err = inspectTree(ctx, conn, j, condition, params)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func inspectTree(ctx context.Context, conn *chdb.Conn, j *reader.Inspector, s *reader.Statement, params []chdb.Param) error {
	tree, err := conn.Exec(ctx, "EXPLAIN AST "+s.Inspected, "TSVRaw", params)
	if err != nil {
		return withoutPrefix(err)
	}
	return j.Tree(s, string(tree.Data))
}

// withoutPrefix has a syntax error speak of the reader's own text.
func withoutPrefix(err error) error {
	if fromEngine := chdb.Error(""); errors.As(err, &fromEngine) {
		return chdb.Error(strings.ReplaceAll(string(fromEngine), "EXPLAIN AST ", ""))
	}
	return err
}

// exists asks the engine for a table. The database default of the library holds the files of its directory.
func exists(ctx context.Context, conn *chdb.Conn, database, table string) (bool, error) {
	if database == "default" {
		return true, nil
	}
	result, err := conn.Exec(ctx, "SELECT count() FROM system.tables WHERE database = {d:String} AND name = {t:String}", "TSV",
		[]chdb.Param{{Name: "d", Value: escape(database)}, {Name: "t", Value: escape(table)}})
	if err != nil {
		return false, fmt.Errorf("look for the table %s: %w", table, err)
	}
	return strings.TrimSpace(string(result.Data)) != "0", nil
}

// escape writes a text as the value of a query parameter.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`).Replace(text)
}

// kill ends readers' queries of an id, and answers as ClickHouse does.
func (d *Reader) kill(ctx context.Context, p *response, q request, s *reader.Statement) error {
	found := 0
	d.mutex.Lock()
	for query := range d.running {
		if query.id == s.QueryID {
			query.stop()
			found++
		}
	}
	d.mutex.Unlock()
	conn, err := d.server.engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	p.format = first(s.Format, q.format)
	return d.server.sendResult(ctx, conn, p, q.with(chdb.Param{Name: "id", Value: escape(s.QueryID)}),
		fmt.Sprintf("SELECT 'waiting' AS kill_status, {id:String} AS query_id, currentUser() AS user FROM numbers(%d)\nFORMAT %s", found, p.format))
}
