package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"firstlight/pipeline/redact"
)

// The oldest ClickHouse whose SQL the views use.
const minMajor, minMinor = 25, 3

// dialPatience applies when the DSN sets no dial_timeout.
const dialPatience = 10 * time.Second

// readPatience applies when the DSN sets no read_timeout: how long a server may leave a question without the beginning of an answer. A
// flush waits so long on a connection that has died without a word, and an insert may take as long.
const readPatience = 2 * time.Minute

// Open connects to the ClickHouse server of a clickhouse-go DSN, or to the first of its servers that answers, and checks that it lets
// the user in and is new enough. Its errors are one line, name the server without its password, and say what to change.
//
// The DSN's own database, if any, is not used: it may not exist yet, and everything Firstlight runs names its database.
func Open(ctx context.Context, dsn string) (*Connection, error) {
	options, err := options(dsn)
	if err != nil {
		return nil, err
	}
	c := &Connection{compressed: compressesBlocks(options.Compression)}
	for _, addr := range options.Addr {
		one := *options
		one.Addr = []string{addr}
		conn, err := clickhouse.Open(&one)
		if err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("ClickHouse at %s: %s: %w", addr, firstLine(err), err)
		}
		c.servers = append(c.servers, &server{Conn: conn, addr: addr, user: options.Auth.Username})
	}
	var failed []error
	c.Moved = func(_, _ string, because error) { failed = append(failed, because) }
	if _, err := c.ServerVersion(); err != nil {
		_ = c.Close()
		if len(failed) > 1 {
			return nil, &noneError{failed}
		}
		return nil, err
	}
	c.Moved = nil
	return c, nil
}

// compressesBlocks reports whether a compression is that of ClickHouse's own blocks, and not of HTTP.
func compressesBlocks(c *clickhouse.Compression) bool {
	return c != nil && slices.Contains([]clickhouse.CompressionMethod{clickhouse.CompressionLZ4, clickhouse.CompressionLZ4HC, clickhouse.CompressionZSTD}, c.Method)
}

// noneError is that none of several servers can be used.
type noneError struct{ failed []error }

func (e *noneError) Unwrap() []error { return e.failed }

func (e *noneError) Error() string {
	lines := make([]string, len(e.failed))
	for i, err := range e.failed {
		lines[i] = err.Error()
	}
	return "none of the ClickHouse servers can be used: " + strings.Join(lines, "; ")
}

func checkVersion(v proto.Version) error {
	if v.Major < minMajor || v.Major == minMajor && v.Minor < minMinor {
		return fmt.Errorf("is version %d.%d: Firstlight needs %d.%d or later", v.Major, v.Minor, minMajor, minMinor)
	}
	return nil
}

// ForReaders reports whether a server is the port that an embedded engine opens to readers.
func ForReaders(ctx context.Context, conn Conn) bool {
	rows, err := conn.Query(ctx, "SELECT 1 FROM system.merges LIMIT 0")
	if err == nil {
		rows.Close()
	}
	return err != nil && strings.Contains(err.Error(), "not open to readers")
}

// CheckDSN says in one line what is wrong with a DSN, without what is secret in it.
func CheckDSN(dsn string) error {
	_, err := options(dsn)
	return err
}

// checkAnalyzer reports a profile that has switched the analyzer off, by name or by an old compatibility: the views refuse
// to be read without it.
func checkAnalyzer(ctx context.Context, conn Conn) error {
	rows, err := conn.Query(ctx, "SELECT toUInt8(getSetting('allow_experimental_analyzer'))")
	if err != nil {
		return fmt.Errorf("does not tell whether its analyzer is on: %s: %w", firstLine(err), err)
	}
	defer rows.Close()
	for rows.Next() {
		var on uint8
		if err := rows.Scan(&on); err != nil {
			return fmt.Errorf("does not tell whether its analyzer is on: %w", err)
		}
		if on == 0 {
			return errors.New("has enable_analyzer = 0 in the settings of this user: the views need the analyzer; set enable_analyzer = 1 in the profile, or take a compatibility below 24.3 out of it")
		}
	}
	return rows.Err()
}

// options reads a DSN.
func options(dsn string) (*clickhouse.Options, error) {
	const advice = "write it as clickhouse://user:password@host:9000 or http://user:password@host:8123"
	scheme, _, found := strings.Cut(dsn, "://")
	switch scheme {
	case "clickhouse", "tcp", "http", "https":
	default:
		if !found {
			return nil, errors.New("the ClickHouse URL has no scheme: " + advice)
		}
		return nil, fmt.Errorf("the ClickHouse URL has the unknown scheme %q: %s", scheme, advice)
	}
	first, others := oneHost(dsn)
	for _, host := range append([]string{first}, prefixed(scheme+"://", others)...) {
		if _, err := redact.Parse(host); err != nil {
			return nil, fmt.Errorf("the ClickHouse URL %w", err)
		}
	}
	options, err := clickhouse.ParseDSN(first)
	if err != nil {
		var secrets redact.Secrets
		secrets.Add(redact.Database, dsn)
		return nil, fmt.Errorf("the ClickHouse URL is not valid: %s: %s", secrets.Text(firstLine(err)), advice)
	}
	options.Addr = append(options.Addr, others...)
	options.Auth.Database = ""
	if options.DialTimeout == 0 {
		options.DialTimeout = dialPatience
	}
	if options.ReadTimeout == 0 {
		options.ReadTimeout = readPatience
	}
	options.ClientInfo.Products = append(options.ClientInfo.Products, struct{ Name, Version string }{"firstlight", ""})
	return options, nil
}

func prefixed(prefix string, texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, prefix+text)
	}
	return all
}

// refusals are the server's codes for an unknown user, a wrong or a missing password, and failed authentication.
var refusals = []int32{192, 193, 194, 516}

// connectError is a failed connection, in one line.
type connectError struct {
	server, user string
	cause        error
}

func (e *connectError) Unwrap() error { return e.cause }

func (e *connectError) Error() string {
	var (
		exception *proto.Exception
		request   *url.Error
		operation *net.OpError
		answer    *clickhouse.HTTPError
	)
	switch {
	case errors.As(e.cause, &exception) && slices.Contains(refusals, exception.Code):
		return fmt.Sprintf("ClickHouse at %s does not let user %q in: %s", e.server, e.user, firstSentence(exception.Message))
	case errors.As(e.cause, &exception):
		return fmt.Sprintf("ClickHouse at %s: %s", e.server, firstSentence(exception.Message))
	case errors.As(e.cause, &operation) && operation.Op == "dial":
		return fmt.Sprintf("cannot reach ClickHouse at %s: %v", e.server, operation)
	case errors.As(e.cause, &request):
		return fmt.Sprintf("cannot reach ClickHouse at %s: %v", e.server, request.Err)
	case errors.As(e.cause, &answer):
		return fmt.Sprintf("ClickHouse at %s answers with HTTP status %d: %s", e.server, answer.StatusCode, firstLine(answer.Err))
	}
	return fmt.Sprintf("cannot talk to ClickHouse at %s: %s: does the port speak the protocol of the URL (clickhouse:// mostly 9000, http:// mostly 8123)?",
		e.server, firstLine(e.cause))
}

// firstLine keeps an error message to one line.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}

// firstSentence is what a server's message says before it goes into detail.
func firstSentence(message string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	message, _, _ = strings.Cut(message, ". ")
	return message
}
