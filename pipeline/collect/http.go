package collect

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"

	"firstlight/pipeline/doors"
)

// gauge counts what is there now.
type gauge = atomic.Int64

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController see what is under it.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// protect sets what keeps an answer from being taken for a page or a script that it is not. Any page may load it: which ones may read
// it is for allow to say.
func protect(h http.Header) {
	h["Content-Security-Policy"] = []string{doors.NoPage}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
	h["Referrer-Policy"] = []string{"no-referrer"}
	h["Cache-Control"] = []string{"no-store"}
	h["Vary"] = []string{"Origin"}
}

const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
)

// allow lets a page of one origin, and no other, read the answer. Beacons are sent with credentials, of which there are none here.
func allow(h http.Header, origin string) {
	if origin == "" {
		return
	}
	h.Set(allowOrigin, origin)
	h.Set(allowCredentials, "true")
	h.Set("Access-Control-Expose-Headers", "Retry-After")
}

func disallow(h http.Header) {
	h.Del(allowOrigin)
	h.Del(allowCredentials)
	h.Del("Access-Control-Expose-Headers")
}

// maxAsked bounds the list of headers that a preflight asks for, in bytes.
const maxAsked = 2000

// preflight tells a browser whether its page may send what it is about to.
func preflight(w http.ResponseWriter, r *http.Request) *Problem {
	h := w.Header()
	asked := r.Header.Get("Access-Control-Request-Headers")
	if h.Get(allowOrigin) == "" || len(asked) > maxAsked {
		disallow(h)
		return problem(http.StatusForbidden, "no write key is for pages of this origin")
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if asked != "" { // SDKs send headers of their own, which say nothing here
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "7200")
	h.Set("Vary", "Origin, Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic("BUG: an answer that is no JSON: " + err.Error())
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	write(w, code, append(text, '\n'))
}

func write(w http.ResponseWriter, code int, text []byte) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(code)
	_, _ = w.Write(text) // the client may be gone
}

// body reads the text in the body of a request. done gives back the room that it takes, and must be called.
func (c *Collector) body(r *http.Request, path *routed) (text []byte, done func(), p *Problem) {
	held := int64(0)
	hold := func(n int) bool {
		if !c.room.TryAcquire(int64(n)) {
			return false
		}
		held += int64(n)
		c.inFlight.Add(int64(n))
		return true
	}
	done = func() {
		c.room.Release(held)
		c.inFlight.Add(-held)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil, done, nil
	}
	raw, p := readAll(r, c.config.MaxRequest, hold)
	if p != nil {
		return nil, done, p
	}
	if len(raw) == 0 && (path.form == formEvents && binaryMode(r) || !path.carries()) {
		return nil, done, nil
	}
	how := packing{encoding: r.Header.Get("Content-Encoding"), form: mediaType(r) == "application/x-www-form-urlencoded"}
	if r.URL.RawQuery != "" {
		how.compression = r.URL.Query().Get("compression")
	}
	text, p = unpack(raw, how, unpackedFactor*c.config.MaxRequest, hold)
	return text, done, p
}

func errNoRoom() *Problem {
	return &Problem{http.StatusTooManyRequests, "too many requests are being answered: send this again", 1}
}

// firstPiece is how much is read of a body before its sender is believed that there is more, in bytes.
const firstPiece = 16 << 10

// readAll reads a body of at most limit bytes.
func readAll(r *http.Request, limit int, hold func(int) bool) ([]byte, *Problem) {
	tooLong := problem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes: send fewer events at once", limit)
	if r.ContentLength > int64(limit) {
		return nil, tooLong
	}
	first := firstPiece
	if n := int(r.ContentLength); n >= 0 && n < first {
		first = n + 1 // the end is seen without another piece
	}
	text, err := readPieces(r.Body, first, limit, hold)
	switch {
	case errors.Is(err, errTooLong):
		return nil, tooLong
	case errors.Is(err, errFull):
		return nil, errNoRoom()
	case err != nil:
		return nil, problem(http.StatusBadRequest, "the body ended early")
	}
	return text, nil
}

var (
	// errTooLong says that there is more than may be read.
	errTooLong = errors.New("too long")
	// errFull says that there is no memory for more.
	errFull = errors.New("no room")
)

// readPieces reads at most limit bytes, into a first piece of memory and larger ones when there is more. Each is asked for with hold
// before it is taken, so that whoever sends slowly, or little, holds little.
func readPieces(r io.Reader, first, limit int, hold func(int) bool) ([]byte, error) {
	if !hold(first) {
		return nil, errFull
	}
	buf := make([]byte, 0, first)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit:
			return nil, errTooLong
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		case len(buf) < cap(buf):
			continue
		}
		more := min(4*cap(buf), limit+1)
		if !hold(more) {
			return nil, errFull
		}
		buf = append(make([]byte, 0, more), buf...)
	}
}
