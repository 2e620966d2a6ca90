package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
)

const (
	// heldBytes is how much of a result is held back before the headers are sent: a shorter result has its final
	// counters in them, and a query that fails early has its own status.
	heldBytes = 1 << 20
	// heldForSuccess is the same for wait_end_of_query.
	heldForSuccess = 64 << 20
)

// response writes one result or exception.
type response struct {
	w       http.ResponseWriter
	request request
	accept  string // Accept-Encoding
	format  string
	started time.Time

	counters chdb.Counters
	held     []byte
	tag      string
	out      io.Writer // nil until the headers were sent
	closers  []io.Closer
}

// Write sends a piece of the result.
func (p *response) Write(data []byte) (int, error) {
	if p.out == nil {
		limit := heldBytes
		if p.request.wholeFirst {
			limit = heldForSuccess
		}
		if len(p.held)+len(data) <= limit {
			p.held = append(p.held, data...)
			return len(data), nil
		}
		if err := p.start(http.StatusOK); err != nil {
			return 0, err
		}
	}
	return p.out.Write(data)
}

// start sends the headers and what was held back.
func (p *response) start(status int) error {
	h := p.w.Header()
	if p.format != "" {
		setHeader(h, "X-ClickHouse-Format", p.format)
		h.Set("Content-Type", contentType(p.format))
	}
	setHeader(h, "X-ClickHouse-Summary", p.summary())
	p.tag = randomTag()
	setHeader(h, "X-ClickHouse-Exception-Tag", p.tag)
	p.out = p.w
	if p.request.encode && len(p.held) > 0 {
		if e, name := encoder(p.accept, p.out); e != nil {
			h.Set("Content-Encoding", name)
			p.out, p.closers = e, append(p.closers, e)
		}
	}
	if p.request.compress && len(p.held) > 0 {
		p.out = newBlockWriter(p.out, p.request.zstd)
	}
	p.w.WriteHeader(status)
	_, err := p.out.Write(p.held)
	p.held = nil
	return err
}

// finish ends a result that is complete.
func (p *response) finish() error {
	if p.out == nil {
		if err := p.start(http.StatusOK); err != nil {
			return err
		}
	}
	return p.close()
}

// close ends the compressed streams.
func (p *response) close() error {
	for _, c := range p.closers {
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// fail answers with the exception. After data was sent it follows the data in a frame, and the connection is
// cut, so that no client takes the result for whole.
func (p *response) fail(e *exception) {
	if p.out != nil {
		_, _ = p.out.Write(e.frame(p.tag))
		_ = p.close()
		_ = http.NewResponseController(p.w).Flush()
		panic(http.ErrAbortHandler)
	}
	p.format = ""
	p.held = []byte(e.text + "\n")
	h := p.w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	setHeader(h, "X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
	_ = p.start(e.status())
	_ = p.close()
}

// summary is what ClickHouse reports about a query, numbers as text.
func (p *response) summary() string {
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	c := p.counters
	text, _ := json.Marshal(struct {
		ReadRows     string `json:"read_rows"`
		ReadBytes    string `json:"read_bytes"`
		WrittenRows  string `json:"written_rows"`
		WrittenBytes string `json:"written_bytes"`
		TotalRows    string `json:"total_rows_to_read"`
		ResultRows   string `json:"result_rows"`
		ResultBytes  string `json:"result_bytes"`
		Elapsed      string `json:"elapsed_ns"`
	}{
		n(c.ReadRows), n(c.ReadBytes), n(c.WrittenRows), n(c.WrittenBytes), n(c.ReadRows),
		n(c.ResultRows), n(c.ResultBytes), n(uint64(time.Since(p.started).Nanoseconds())),
	})
	return string(text)
}

// setHeader keeps the name's spelling, which Set would change to X-Clickhouse-….
func setHeader(h http.Header, name, value string) { h[name] = []string{value} }
