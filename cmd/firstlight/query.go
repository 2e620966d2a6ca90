package main

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
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The formats that query shows when none is asked for: boxes for people, tabs for programs.
const (
	formatTerminal = "PrettyCompactMonoBlock"
	formatPipe     = "TSVWithNames"
)

func queryCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "query [--format FORMAT] SQL | -",
		Short: "Run SQL on the ClickHouse in use",
		Long: `Run SQL on the ClickHouse in use; - reads it from standard input. Names without a database are those of
FIRSTLIGHT_DATABASE. The result is a table on a terminal, else TSVWithNames; --format takes any ClickHouse format.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("write the SQL as one argument in quotes, or - to read it from standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			sql := args[0]
			if sql == "-" {
				text, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return fmt.Errorf("read SQL from standard input: %w", err)
				}
				sql = string(text)
			}
			if strings.TrimSpace(sql) == "" {
				return usagef("there is no SQL to run")
			}
			return runQuery(cmd.Context(), sql, format, cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&format, "format", "", "ClickHouse format of the result, such as CSVWithNames or JSONEachRow")
	return c
}

func runQuery(ctx context.Context, sql, format string, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.openClickHouse(ctx, false); err != nil {
		return err
	}
	options, err := clickhouse.ParseDSN(b.dsn)
	if err != nil {
		return fmt.Errorf("read CLICKHOUSE_URL: %w", err)
	}
	if options.Protocol == clickhouse.HTTP {
		return queryHTTP(ctx, options, s.Database, sql, format, w)
	}
	return queryNative(ctx, options, s.Database, sql, format, w)
}

func terminalWidth(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil
}

// queryHTTP has the server render the result, and passes it on as it comes.
func queryHTTP(ctx context.Context, o *clickhouse.Options, database, sql, format string, w io.Writer) error {
	if format == "" {
		format = formatPipe
		if _, terminal := terminalWidth(w); terminal {
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
		return refusedQuery(answer)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("the result ends here, ClickHouse broke off: %w", err)
	}
	return nil
}

// refusedQuery is the server's message, without its code and version.
func refusedQuery(answer *http.Response) error {
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
