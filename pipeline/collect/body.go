package collect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/tidwall/gjson"

	"firstlight/pipeline/event"
)

// Problem is why a whole request is refused. Its text says what to do, and holds nothing of events.
type Problem struct {
	Status     int
	Text       string
	RetryAfter int // s; 0: trying again does not help
}

func (p *Problem) Error() string { return p.Text }

func problem(status int, format string, args ...any) *Problem {
	return &Problem{Status: status, Text: fmt.Sprintf(format, args...)}
}

var (
	gzipMagic     = []byte{0x1f, 0x8b}
	byteOrderMark = []byte("\ufeff")
	dataField     = []byte("data=")
)

// packing is how a request says that its body is packed.
type packing struct {
	encoding    string // Content-Encoding
	compression string // PostHog's parameter of that name
	form        bool   // a form, application/x-www-form-urlencoded
}

// unpack returns the text in a body, which may be gzip (told by its first bytes), and in a form, base64. limit bounds the text, in bytes;
// hold is asked for the memory of what is decompressed.
func unpack(body []byte, how packing, limit int, hold func(int) bool) ([]byte, *Problem) {
	switch encoding := strings.ToLower(how.encoding); {
	case encoding != "" && encoding != "identity" && encoding != "gzip" && encoding != "x-gzip":
		return nil, problem(http.StatusUnsupportedMediaType, "Content-Encoding %.20q is not understood: send gzip, or no encoding", encoding)
	case how.compression == "lz64":
		return nil, problem(http.StatusUnsupportedMediaType, "compression=lz64 is not understood: send gzip-js, base64, or none")
	case strings.HasSuffix(encoding, "gzip") && len(body) > 0 && !bytes.HasPrefix(body, gzipMagic):
		return nil, problem(http.StatusBadRequest, "Content-Encoding says gzip, and the body is none")
	}
	text, p := gunzip(body, limit, hold)
	if p != nil {
		return nil, p
	}
	if how.compression == "base64" || bytes.HasPrefix(text, dataField) || how.form && bytes.Contains(text, dataField) {
		if text, p = fromForm(text); p != nil {
			return nil, p
		}
		if text, p = gunzip(text, limit, hold); p != nil {
			return nil, p
		}
	}
	text = bytes.Trim(bytes.TrimPrefix(text, byteOrderMark), " \t\r\n")
	if len(text) == 0 {
		return nil, problem(http.StatusBadRequest, "the body is empty: send an event as a JSON object")
	}
	return text, nil
}

var unzippers sync.Pool

// gunzip returns what is in gzip, and anything else as it is.
func gunzip(body []byte, limit int, hold func(int) bool) ([]byte, *Problem) {
	if !bytes.HasPrefix(body, gzipMagic) {
		return body, nil
	}
	r, pooled := unzippers.Get().(*gzip.Reader)
	var err error
	if pooled {
		err = r.Reset(bytes.NewReader(body))
	} else {
		r, err = gzip.NewReader(bytes.NewReader(body))
	}
	if err != nil {
		return nil, problem(http.StatusBadRequest, "the body is no valid gzip: %v", err)
	}
	defer unzippers.Put(r)
	text, err := readPieces(r, min(unzippedSize(body), limit)+1, limit, hold)
	switch {
	case errors.Is(err, errTooLong):
		return nil, problem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes once decompressed: send fewer events at once", limit)
	case errors.Is(err, errFull):
		return nil, errNoRoom()
	case err != nil:
		return nil, problem(http.StatusBadRequest, "the body is no valid gzip: %v", err)
	}
	return text, nil
}

// unzippedSize is how long gzip says that its content is, in bytes; RFC 1952, section 2.3.1. It may lie.
func unzippedSize(body []byte) int {
	if len(body) < 4 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(body[len(body)-4:]))
}

// fromForm returns the JSON in the field data of a form, in base64 or as it is. PostHog's beacons send the first.
func fromForm(text []byte) ([]byte, *Problem) {
	if text[0] == '{' || text[0] == '[' { // the type says form, and is wrong
		return text, nil
	}
	data := string(text)
	if bytes.Contains(text, dataField) {
		form, err := url.ParseQuery(data)
		if err != nil || form.Get("data") == "" {
			return nil, problem(http.StatusBadRequest, "the body is a form without a readable field data: send the JSON itself")
		}
		data = form.Get("data")
	}
	if data[0] == '{' || data[0] == '[' {
		return []byte(data), nil
	}
	// A + that was not encoded has become a space.
	data = strings.TrimRight(strings.ReplaceAll(data, " ", "+"), "=")
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if plain, err := alphabet.DecodeString(data); err == nil && len(plain) > 0 {
			return plain, nil
		}
	}
	return nil, problem(http.StatusBadRequest, "the field data of the form is neither JSON nor base64: send the JSON itself")
}

// maxDepth bounds what is taken apart at all. An event that nests deeper than events may is refused by itself.
const maxDepth = 1000

// checkJSON says what keeps a body from being JSON.
func checkJSON(body []byte) *Problem {
	switch {
	case event.TooDeep(body, maxDepth): // before anything that recurses
		return problem(http.StatusBadRequest, "the body is nested beyond %d levels", maxDepth)
	case gjson.ValidBytes(body):
		return nil
	}
	return problem(http.StatusBadRequest, "the body is not JSON: %s. Send an event as a JSON object", whyNotJSON(body))
}

// whyNotJSON is the standard library's explanation, which quotes one character at most.
func whyNotJSON(body []byte) string {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, new(json.RawMessage)); errors.As(err, &syntax) {
		return fmt.Sprintf("%s, at byte %d", syntax, syntax.Offset)
	}
	return "it cannot be read"
}
