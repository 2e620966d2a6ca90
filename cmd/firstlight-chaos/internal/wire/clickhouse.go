package wire

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"regexp"

	"firstlight/pipeline/worker/faulty"
)

// insertInto finds the table of an insert.
var insertInto = regexp.MustCompile("(?i)^\\s*INSERT\\s+INTO\\s+(?:`?\\w+`?\\.)?`?(\\w+)`?")

// Tables are the tables that a flush writes, and the progress beside it, by the write's name.
var Tables = map[string]string{
	faulty.Names: "names", faulty.Calendar: "calendar", faulty.Cells: "cells", faulty.Forgotten: "forgotten", faulty.Voices: "said", faulty.Users: "users",
	faulty.Checkpoints: "checkpoints", faulty.Reports: "progress",
}

// writeOf is the name of the write that a request makes, "" for every other request.
func writeOf(r *http.Request) string {
	m := insertInto.FindStringSubmatch(r.URL.Query().Get("query"))
	if m == nil {
		return ""
	}
	for write, table := range Tables {
		if table == m[1] {
			return write
		}
	}
	return ""
}

// carryHTTP carries requests one after the other, and answers.
func (l *Link) carryHTTP(p *pair) {
	defer p.close()
	requests, answers := bufio.NewReader(l.reader(p, Client)), bufio.NewReader(l.reader(p, Server))
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var set *trap
		if write := writeOf(r); write != "" {
			set = l.take(write)
		}
		goesOn := exchange(p, r, body, answers, set)
		l.putBack(set)
		if !goesOn {
			return
		}
	}
}

// exchange sends a request on and its answer back, unless the trap has it otherwise; false when the connection is to end.
func exchange(p *pair, r *http.Request, body []byte, answers *bufio.Reader, set *trap) bool {
	if set != nil && set.moment != faulty.After {
		if set.moment == faulty.During {
			sendHalf(p, r, body)
		}
		switch set.spring() {
		case Cut:
			return false
		case Refuse:
			full(p)
			return false
		}
		if set.moment == faulty.During { // half of it is there already
			if _, err := p.server.Write(body[len(body)/2:]); err != nil {
				return false
			}
			return back(p, r, answers)
		}
	}
	if _, err := p.server.Write(append(head(r, len(body)), body...)); err != nil {
		return false
	}
	if set == nil || set.moment != faulty.After {
		return back(p, r, answers)
	}
	answer, err := http.ReadResponse(answers, r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return false
	}
	switch set.spring() {
	case Cut:
		return false
	case Refuse:
		full(p)
		return false
	}
	answer.Body = io.NopCloser(bytes.NewReader(said))
	return answer.Write(p.client) == nil
}

// back sends the answer back.
func back(p *pair, r *http.Request, answers *bufio.Reader) bool {
	answer, err := http.ReadResponse(answers, r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.Write(p.client) == nil && !answer.Close
}

// head is a request up to its body, of a known length.
func head(r *http.Request, length int) []byte {
	out := r.Clone(r.Context())
	out.Body, out.ContentLength, out.TransferEncoding = io.NopCloser(bytes.NewReader(make([]byte, length))), int64(length), nil
	out.RequestURI = ""
	var all bytes.Buffer
	_ = out.Write(&all) // to memory
	return all.Bytes()[:all.Len()-length]
}

// sendHalf sends the first half of a request's body, so that the server waits for the rest.
func sendHalf(p *pair, r *http.Request, body []byte) {
	_, _ = p.server.Write(append(head(r, len(body)), body[:len(body)/2]...)) // it fails anyhow
}

// full answers as ClickHouse does whose disk is full.
func full(p *pair) {
	const text = "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)\n"
	answer := &http.Response{
		StatusCode: http.StatusInternalServerError, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(len(text)),
		Header: http.Header{"X-Clickhouse-Exception-Code": {"243"}, "Content-Type": {"text/plain"}}, Body: io.NopCloser(bytes.NewReader([]byte(text))),
	}
	_ = answer.Write(p.client) // the connection ends with it
}
