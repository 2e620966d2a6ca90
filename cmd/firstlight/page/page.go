// Package page is the web page that people look at: read-only, over the views, without anything from the network.
//
// The browser names a query, never SQL: the texts are in sql/, over the views alone, and take values that are checked
// and quoted here. Every answer carries the very SQL that ran. There is no login: the page is for loopback, or for a
// proxy that knows who may look.
package page

import (
	"context"
	"net/http"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/klauspost/compress/gzhttp"

	"firstlight/pipeline/catalog"
)

// Conn is what the page needs of a ClickHouse connection.
type Conn interface {
	Query(ctx context.Context, sql string, args ...any) (driver.Rows, error)
}

// Config is where the page gets its numbers and who may ask for it.
type Config struct {
	Conn        Conn
	Database    string // an identifier
	Catalog     *catalog.Catalog
	AsOf        func() time.Time // as_of as the worker last reported it; zero when it has not
	Listen      string           // the address served: on loopback only hosts that name loopback, or ExternalURL, are answered
	ExternalURL string           // where people reach the page; may be empty
}

// Handler serves the page at /, its files below /assets/ and its numbers below /api/.
func Handler(c Config) http.Handler {
	api := &api{queries: newQueries(c.Conn), database: c.Database, location: c.Catalog.Location}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", serveShell)
	mux.Handle("GET /assets/", serveAssets())
	mux.Handle("GET /api/product", serveProduct(c.Catalog, c.AsOf))
	mux.HandleFunc("GET /api/{query}", api.serve)
	return guard(hosts(c.Listen, c.ExternalURL), gzhttp.GzipHandler(mux))
}
