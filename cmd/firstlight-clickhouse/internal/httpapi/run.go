package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
	"firstlight/cmd/firstlight-clickhouse/internal/native"
	"firstlight/cmd/firstlight-clickhouse/internal/statement"
)

const (
	// headBytes is how much of a body is read to find out what the statement is: an INSERT without its data is shorter.
	headBytes = 256 << 10
	// maxStatement bounds a statement without data, in bytes. The engine's max_query_size is lower unless it is raised.
	maxStatement = 64 << 20
)

// run executes the request's statement and writes its result to p.
func (s *Server) run(ctx context.Context, p *response, q request, body io.Reader) error {
	text, found, err := readStatement(q, body)
	if err != nil {
		return err
	}
	if found.Empty && q.readOnly { // a health check
		_, err := io.WriteString(p, "Ok.\n")
		return err
	}
	conn, err := s.engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if q.database != "default" {
		if err := conn.Use(q.database); err != nil {
			return err
		}
	}
	if err := conn.Set(q.settings); err != nil {
		return err
	}
	if found.Kind == statement.Insert {
		data := io.MultiReader(bytes.NewReader(text[found.Data:]), body)
		p.counters, err = conn.Insert(ctx, found.Head+found.Tail, first(found.Format, "Values"), q.params, data)
		return err
	}
	p.format = first(found.Format, q.format)
	if found.Kind == statement.Select {
		return s.sendRows(ctx, conn, p, q, found)
	}
	return s.sendResult(ctx, conn, p, q, string(text))
}

// readStatement joins the query parameter with the body: all of it, or, for an INSERT with data, a beginning that
// holds the statement.
func readStatement(q request, body io.Reader) ([]byte, statement.Statement, error) {
	var text bytes.Buffer
	if q.query != "" {
		text.WriteString(q.query)
		text.WriteByte('\n')
	}
	if _, err := io.CopyN(&text, body, headBytes); err != nil && !errors.Is(err, io.EOF) {
		return nil, statement.Statement{}, failf(codeIncorrectData, "Cannot read the request body: %v", err)
	}
	found := statement.Scan(text.Bytes())
	if strings.EqualFold(found.Format, "ORC") && found.Kind == statement.Insert {
		// A damaged file crashes the engine's reader. Fuzzing found no other format that does.
		return nil, found, failf(codeNotImplemented, "The embedded engine does not read ORC: use Parquet or another format")
	}
	if found.Kind == statement.Insert {
		return text.Bytes(), found, nil
	}
	switch n, err := io.CopyN(&text, body, maxStatement); {
	case err == nil:
		return nil, found, failf(codeTooLarge, "The query is larger than %d bytes", maxStatement)
	case !errors.Is(err, io.EOF):
		return nil, found, failf(codeIncorrectData, "Cannot read the request body: %v", err)
	case n > 0:
		found = statement.Scan(text.Bytes())
	}
	if found.Empty && !q.readOnly {
		return nil, found, failf(codeSyntaxError, "Empty query")
	}
	if found.Several {
		return nil, found, failf(codeSyntaxError, "Syntax error (Multi-statements are not allowed): send one statement per request")
	}
	if found.File {
		return nil, found, failf(codeNotImplemented, "INTO OUTFILE and FROM INFILE are not allowed over HTTP")
	}
	return text.Bytes(), found, nil
}

// sendRows streams the result of a SELECT.
func (s *Server) sendRows(ctx context.Context, conn *chdb.Conn, p *response, q request, found statement.Statement) error {
	rows, err := conn.Query(ctx, found.Head, p.format, found.Tail, q.params)
	if err != nil {
		return err
	}
	defer rows.Close()
	err = s.copyResult(p, q, rows)
	p.counters = rows.Counters()
	var fromEngine chdb.Error
	if errors.As(err, &fromEngine) && p.out == nil && s.engineException(string(fromEngine)).code == codeSyntaxError {
		// Nothing has run. The message names the text that streaming added: have it said of the client's own.
		p.held = nil
		return s.sendResult(ctx, conn, p, q, found.Head+"\nFORMAT "+p.format+" "+found.Tail)
	}
	return err
}

// sendResult runs a statement whose result is small.
func (s *Server) sendResult(ctx context.Context, conn *chdb.Conn, p *response, q request, sql string) error {
	result, err := conn.Exec(ctx, sql, p.format, q.params)
	if err != nil {
		return err
	}
	p.counters = result.Counters
	return s.copyResult(p, q, bytes.NewReader(result.Data))
}

// copyResult writes a result in the form the client wants.
func (s *Server) copyResult(p *response, q request, result io.Reader) error {
	if isNative(p.format) && q.revision > 0 {
		return native.Rewrite(p, result, q.revision, s.location)
	}
	_, err := io.Copy(struct{ io.Writer }{p}, result)
	return err
}
