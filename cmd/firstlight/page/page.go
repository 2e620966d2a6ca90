// Package page is the web page that people look at: read-only, over the views, without anything from the network.
//
// The browser names a query, never SQL: the texts are in sql/, over the views alone, and take values that are checked
// and quoted here. Every answer carries the very SQL that ran. Who may look is judged before a request comes here.
package page

import (
	"context"
	"net/http"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/klauspost/compress/gzhttp"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/collect"
	"firstlight/pipeline/review"
)

// Conn is what the page needs of a ClickHouse connection.
type Conn interface {
	Query(ctx context.Context, sql string, args ...any) (driver.Rows, error)
}

// Config is where the page gets its numbers and who may ask for it.
type Config struct {
	Conn      Conn
	Database  string // an identifier
	Catalog   *catalog.Catalog
	AsOf      func() time.Time    // as_of as the worker last reported it; zero when it has not, and before the first event
	Importing func() bool         // events of the past are being loaded
	Notes     func() []string     // what of the catalog is not in force, one line each
	Hide      func(string) string // takes secrets out of what an error says
	// Collector is where the page's form sends an event, http://host:port; empty: there is no form.
	Collector string
	// Collected says what came over HTTP to this process; nil: it takes nothing there.
	Collected func() collect.Counts
	// Review reads what reviews of the week are made of.
	Review func(context.Context) (*review.Facts, error)
	// LeastUsers are needed for a verdict, on both sides, for a colour, and for a point of a line.
	LeastUsers int
}

// Handler serves the page at /, its files below /assets/, its numbers below /api/, reviews at ReviewPath, and the runbook of alerts at RunbookPath.
func Handler(c Config) http.Handler {
	api := &api{queries: newQueries(c.Conn), database: c.Database, location: c.Catalog.Location, hide: c.Hide}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", serveShell)
	mux.HandleFunc("GET "+RunbookPath, serveRunbook)
	mux.Handle("GET "+ReviewPath, newReviews(&c))
	mux.Handle("GET /assets/", serveAssets())
	mux.Handle("GET /api/product", serveProduct(&c))
	mux.HandleFunc("GET /api/{query}", api.serve)
	return guard(policy(c.Collector), gzhttp.GzipHandler(mux))
}
