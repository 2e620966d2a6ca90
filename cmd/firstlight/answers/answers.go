// Package answers runs SQL on a ClickHouse server, and writes the result as it comes, in a format of ClickHouse's.
package answers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/term"
)

// The formats that query shows when none is asked for: boxes for people, tabs for programs.
const (
	formatTerminal = "PrettyCompactMonoBlock"
	formatPipe     = "TSVWithNames"
)

// Write runs SQL on the first server that o names. Names without a database are those of database. An empty format is a table on a terminal,
// else TSVWithNames. Over HTTP the server renders, in any format it has; over the native protocol a few are rendered here, and another
// one is a FormatError.
func Write(ctx context.Context, o *clickhouse.Options, database, sql, format string, w io.Writer) error {
	if o.Protocol == clickhouse.HTTP {
		return overHTTP(ctx, o, database, sql, format, w)
	}
	return Native(ctx, o, database, sql, format, w)
}

// isTerminal reports whether people read what is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// overHTTP has the server render the result, and passes it on as it comes.
func overHTTP(ctx context.Context, o *clickhouse.Options, database, sql, format string, w io.Writer) error {
	if format == "" {
		format = formatPipe
		if isTerminal(w) {
			format = formatTerminal
		}
	}
	u := &url.URL{Scheme: "http", Host: o.Addr[0], Path: o.HttpUrlPath}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if o.TLS != nil {
		u.Scheme, transport.TLSClientConfig = "https", o.TLS
	}
	q := url.Values{}
	for name, value := range o.Settings {
		q.Set(name, fmt.Sprint(value))
	}
	q.Set("database", database)
	q.Set("default_format", format)
	if strings.HasPrefix(format, "Pretty") {
		q.Set("output_format_pretty_row_numbers", "0")
		q.Set("output_format_pretty_color", "0")
		q.Set("output_format_pretty_single_large_number_tip_threshold", "0")
	}
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(sql))
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	if o.Auth.Username != "" {
		r.Header.Set("X-ClickHouse-User", o.Auth.Username)
		r.Header.Set("X-ClickHouse-Key", o.Auth.Password)
	}
	for name, value := range o.HttpHeaders {
		r.Header.Set(name, value)
	}
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", errors.Unwrap(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refused(answer)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("the result ends here, ClickHouse broke off: %w", err)
	}
	return nil
}

// refused is the server's message, without its code and version.
func refused(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read ClickHouse's answer: %w", err)
	}
	message := strings.TrimSpace(string(text))
	if _, after, found := strings.Cut(message, "DB::Exception: "); found {
		message = after
	}
	if at := strings.LastIndex(message, " (version "); at > 0 {
		message = message[:at]
	}
	if message == "" {
		message = answer.Status
	}
	return fmt.Errorf("ClickHouse: %s", strings.Join(strings.Fields(message), " "))
}
