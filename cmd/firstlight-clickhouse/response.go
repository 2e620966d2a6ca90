package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"

	"firstlight/cmd/firstlight-clickhouse/chdb"
	"firstlight/cmd/firstlight-clickhouse/native"
)

// maxHeld bounds what wait_end_of_query holds back, in bytes.
const maxHeld = 64 << 20

// response writes one result or exception. Headers go out with the first data, so that an error found before
// has its own status.
type response struct {
	server  *server
	w       http.ResponseWriter
	request request
	accept  string
	format  string
	started time.Time

	counters chdb.Counters
	held     bytes.Buffer // wait_end_of_query
	tag      string
	out      io.Writer // nil until headers were sent
	closers  []io.Closer
}

func (p *response) setFormat(format string) { p.format = format }

// Write sends a piece of the result: whole blocks, when the format is Native.
func (p *response) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	n := len(data)
	if isNative(p.format) && p.request.revision > 0 {
		var buffer chproto.Buffer
		if err := native.Rewrite(&buffer, data, p.request.revision, p.server.location); err != nil {
			return 0, err
		}
		data = buffer.Buf
	}
	if p.request.wholeFirst && p.out == nil && p.held.Len()+len(data) <= maxHeld {
		p.held.Write(data)
		return n, nil
	}
	p.start(http.StatusOK)
	if _, err := p.out.Write(data); err != nil {
		return 0, err
	}
	return n, nil
}

// start sends the headers and what was held back.
func (p *response) start(status int) {
	if p.out != nil {
		return
	}
	h := p.w.Header()
	if p.format != "" {
		h.Set("X-ClickHouse-Format", p.format)
		h.Set("Content-Type", contentType(p.format))
	}
	h.Set("X-ClickHouse-Summary", p.summary())
	p.tag = randomTag()
	h.Set("X-ClickHouse-Exception-Tag", p.tag)
	p.out = p.w
	if p.request.encode {
		if e, name := encoder(p.accept, p.out); e != nil {
			h.Set("Content-Encoding", name)
			p.out, p.closers = e, append(p.closers, e)
		}
	}
	if p.request.compress {
		p.out = newBlockWriter(p.out, p.request.zstd)
	}
	p.w.WriteHeader(status)
	p.out.Write(p.held.Bytes())
	p.held.Reset()
}

// finish ends a result that is complete.
func (p *response) finish() {
	if p.out == nil && p.held.Len() == 0 {
		h := p.w.Header()
		h.Set("X-ClickHouse-Summary", p.summary())
		if p.format != "" {
			h.Set("X-ClickHouse-Format", p.format)
			h.Set("Content-Type", contentType(p.format))
		}
		return
	}
	p.start(http.StatusOK)
	p.close()
}

// close ends the compressed streams, innermost first.
func (p *response) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i].Close()
	}
}

// fail answers with the exception. After data was sent it follows the data in a frame, and the connection is
// cut, so that no client takes the result for whole.
func (p *response) fail(e *exception) {
	if p.out != nil {
		p.out.Write(e.frame(p.tag))
		p.close()
		http.NewResponseController(p.w).Flush()
		panic(http.ErrAbortHandler)
	}
	p.held.Reset()
	p.format = ""
	h := p.w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
	p.start(e.status())
	io.WriteString(p.out, e.text+"\n")
	p.close()
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
		n(c.ReadRows), n(c.ReadBytes), n(c.WrittenRows), n(c.WrittenBytes), "0",
		n(c.ResultRows), n(c.ResultBytes), n(uint64(time.Since(p.started).Nanoseconds())),
	})
	return string(text)
}
