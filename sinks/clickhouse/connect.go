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
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"firstlight/pipeline/redact"
)

// The oldest ClickHouse whose SQL the views use.
const minMajor, minMinor = 25, 3

// dialPatience applies when the DSN sets no dial_timeout.
const dialPatience = 10 * time.Second

// Open connects to the ClickHouse server of a clickhouse-go DSN and checks that it answers, lets the user in, and
// is new enough. Its errors are one line, name the server without its password, and say what to change.
//
// The DSN's own database, if any, is not used: it may not exist yet, and everything Firstlight runs names its database.
func Open(ctx context.Context, dsn string) (driver.Conn, error) {
	options, err := options(dsn)
	if err != nil {
		return nil, err
	}
	server := strings.Join(options.Addr, ",")
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("ClickHouse at %s: %s: %w", server, firstLine(err), err)
	}
	version, err := conn.ServerVersion()
	if err == nil {
		err = conn.Ping(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, &connectError{server: server, user: options.Auth.Username, cause: err}
	}
	if err := checkVersion(version.Version); err != nil {
		conn.Close()
		return nil, fmt.Errorf("ClickHouse at %s %w", server, err)
	}
	if err := checkAnalyzer(ctx, conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("ClickHouse at %s %w", server, err)
	}
	return conn, nil
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
	if _, err := redact.Parse(dsn); err != nil {
		return nil, fmt.Errorf("the ClickHouse URL %w", err)
	}
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		var secrets redact.Secrets
		secrets.Add(redact.Database, dsn)
		return nil, fmt.Errorf("the ClickHouse URL is not valid: %s: %s", secrets.Text(firstLine(err)), advice)
	}
	options.Auth.Database = ""
	if options.DialTimeout == 0 {
		options.DialTimeout = dialPatience
	}
	options.ClientInfo.Products = append(options.ClientInfo.Products, struct{ Name, Version string }{"firstlight", ""})
	return options, nil
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
