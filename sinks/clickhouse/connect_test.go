package clickhouse

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"firstlight/sinks/clickhouse/enginetest"
)

func TestOpenSaysWhatToChange(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	site := strings.TrimPrefix(web.URL, "http://")

	for _, test := range []struct{ name, dsn, want string }{
		{"no scheme", "localhost:9000", "the ClickHouse URL has no scheme: write it as clickhouse://"},
		{"another scheme", "postgres://localhost", `the ClickHouse URL has the unknown scheme "postgres"`},
		{"no host", "clickhouse://", "the ClickHouse URL names no host"},
		{"a bad port", "http://127.0.0.1:80a", "the ClickHouse URL is no address"},
		{"a bad setting", "clickhouse://127.0.0.1:9000?dial_timeout=soon", `invalid duration "soon"`},
		{"nobody listens, native", "clickhouse://u:s3cret@" + closed, "cannot reach ClickHouse at " + closed},
		{"nobody listens, http", "http://u:s3cret@" + closed, "cannot reach ClickHouse at " + closed},
		{"a web site, native", "clickhouse://u:s3cret@" + site + "?dial_timeout=1s", "does the port speak the protocol of the URL"},
		{"a web site, http", "http://u:s3cret@" + site, "answers with HTTP status 404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := Open(context.Background(), test.dsn)
			if err == nil {
				conn.Close()
				t.Fatal("no error")
			}
			message := err.Error()
			if !strings.Contains(message, test.want) || strings.Contains(message, "\n") || strings.Contains(message, "s3cret") {
				t.Errorf("got %q, want one line with %q", message, test.want)
			}
		})
	}
}

func TestOpenIgnoresTheDatabaseOfTheDSN(t *testing.T) {
	conn, err := Open(context.Background(), enginetest.Start(t)+"/not_there_yet")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(context.Background(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}

func TestConnectErrorOfAServer(t *testing.T) {
	for _, test := range []struct {
		code    int32
		message string
		want    string
	}{
		{
			516, "ann: Authentication failed: password is incorrect, or there is no user with such name. If you use ClickHouse Cloud ...\n...",
			`ClickHouse at h:9000 does not let user "ann" in: ann: Authentication failed: password is incorrect, or there is no user with such name`,
		},
		{202, "Too many simultaneous queries", "ClickHouse at h:9000: Too many simultaneous queries"},
	} {
		err := &connectError{server: "h:9000", user: "ann", cause: &proto.Exception{Code: test.code, Message: test.message}}
		if got := err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	for _, test := range []struct {
		major, minor uint64
		fits         bool
	}{{18, 16, false}, {24, 12, false}, {25, 2, false}, {25, 3, true}, {26, 1, true}} {
		if err := checkVersion(proto.Version{Major: test.major, Minor: test.minor}); (err == nil) != test.fits {
			t.Errorf("%d.%d: %v", test.major, test.minor, err)
		}
	}
}
