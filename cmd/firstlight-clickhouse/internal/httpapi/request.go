package httpapi

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
)

// request is what the URL and the headers ask for.
type request struct {
	query      string // the URL parameter; the body follows it
	queryID    string
	database   string
	format     string // of the result, unless the statement names one
	params     []chdb.Param
	settings   []chdb.Param
	revision   uint64 // of Native results
	compress   bool   // the response in ClickHouse's compressed blocks
	decompress bool   // so is the request
	zstd       bool   // its method is ZSTD instead of LZ4
	encode     bool   // HTTP compression is allowed
	wholeFirst bool   // nothing is sent before the query has succeeded
	readOnly   bool
}

// transport are parameters and settings that concern HTTP only and never reach the engine.
var transport = map[string]bool{
	"query": true, "query_id": true, "database": true, "default_format": true, "user": true, "password": true,
	"quota_key": true, "role": true, "stacktrace": true, "compress": true, "decompress": true, "buffer_size": true,
	"client_protocol_version": true, "wait_end_of_query": true, "session_id": true, "session_timeout": true,
	"session_check": true, "close_session": true, "log_comment": true,
	"enable_http_compression": true, "http_zlib_compression_level": true, "network_compression_method": true,
	"network_zstd_compression_level": true, "send_progress_in_http_headers": true, "add_http_cors_header": true,
	"http_headers_progress_interval_ms": true, "cancel_http_readonly_queries_on_client_close": true,
	"http_wait_end_of_query": true, "http_response_buffer_size": true, "http_write_exception_in_output_format": true,
}

// parseRequest reads what values, which are those of the URL and of a form, and the headers ask for.
func parseRequest(r *http.Request, values url.Values) request {
	q := request{
		query:      values.Get("query"),
		queryID:    first(values.Get("query_id"), uuid.NewString()),
		database:   first(values.Get("database"), r.Header.Get("X-ClickHouse-Database"), "default"),
		format:     first(values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated"),
		compress:   isOn(values, "compress"),
		decompress: isOn(values, "decompress"),
		zstd:       strings.EqualFold(values.Get("network_compression_method"), "ZSTD"),
		encode:     isOn(values, "enable_http_compression"),
		wholeFirst: isOn(values, "wait_end_of_query") || isOn(values, "http_wait_end_of_query"),
		readOnly:   r.Method == http.MethodGet || r.Method == http.MethodHead,
	}
	q.revision, _ = strconv.ParseUint(values.Get("client_protocol_version"), 10, 64)
	q.split(values)
	return q
}

// split sorts the remaining URL parameters into query parameters and settings, by name so that equal requests
// are equal.
func (q *request) split(values url.Values) {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	readonlyGiven := false
	for _, name := range names {
		value := values.Get(name)
		if param, ok := strings.CutPrefix(name, "param_"); ok {
			q.params = append(q.params, chdb.Param{Name: param, Value: value})
		} else if !transport[name] {
			q.settings = append(q.settings, chdb.Param{Name: name, Value: value})
			readonlyGiven = readonlyGiven || name == "readonly" && value != "0"
		}
	}
	if q.readOnly && !readonlyGiven { // over HTTP, GET must not change anything
		q.settings = append(q.settings, chdb.Param{Name: "readonly", Value: "2"})
	}
}

func first(candidates ...string) string {
	for _, c := range candidates {
		if c != "" {
			return c
		}
	}
	return ""
}

func isOn(values url.Values, name string) bool {
	v := values.Get(name)
	return v == "1" || strings.EqualFold(v, "true")
}

// with is the request with these query parameters instead of its own.
func (q request) with(params ...chdb.Param) request {
	q.params = params
	return q
}
