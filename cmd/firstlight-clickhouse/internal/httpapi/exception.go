package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
	"firstlight/cmd/firstlight-clickhouse/internal/reader"
)

// exception is an error as ClickHouse words it: "Code: 60. DB::Exception: … (UNKNOWN_TABLE) (version …)".
type exception struct {
	code int
	text string
}

func (e *exception) Error() string { return e.text }

// ClickHouse's codes of the errors that are found here.
const (
	codeBadArguments   = 36
	codeNotImplemented = 48
	codeSyntaxError    = 62
	codeIncorrectData  = 117
	codeTooMany        = 202
	codeTooLarge       = 229
	codeWrongPassword  = 516
	codeStd            = 1001
)

var codeNames = map[int]string{
	codeBadArguments:   "BAD_ARGUMENTS",
	codeNotImplemented: "NOT_IMPLEMENTED",
	codeSyntaxError:    "SYNTAX_ERROR",
	codeIncorrectData:  "INCORRECT_DATA",
	codeTooMany:        "TOO_MANY_SIMULTANEOUS_QUERIES",
	codeTooLarge:       "QUERY_IS_TOO_LARGE",
	codeWrongPassword:  "AUTHENTICATION_FAILED",

	reader.CodeUnknownFormat:   "UNKNOWN_FORMAT",
	reader.CodeUnknownDatabase: "UNKNOWN_DATABASE",
	reader.CodeSetting:         "SETTING_CONSTRAINT_VIOLATION",
	reader.CodeDenied:          "ACCESS_DENIED",
	codeStd:                    "STD_EXCEPTION",
}

// failf is an error found here, in ClickHouse's words.
func failf(code int, format string, arguments ...any) error {
	text := fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, arguments...), codeNames[code])
	return &exception{code, text}
}

var (
	exceptionCode = regexp.MustCompile(`Code: (\d+)\. `)
	exceptionName = regexp.MustCompile(` \([A-Z_0-9]+\)$`)
	versionNote   = regexp.MustCompile(` ?\(version [^()]*(\([^()]*\))?\)\.?`)
)

// exceptionOf gives err the form of an exception that ends in the server's version.
func (s *Server) exceptionOf(err error) *exception {
	var e *exception
	var fromEngine chdb.Error
	var refusal *reader.Refusal
	switch {
	case errors.As(err, &refusal):
		return s.exceptionOf(failf(refusal.Code, "%s", refusal.Text))
	case errors.As(err, &e):
		return &exception{e.code, e.text + s.versionNote}
	case errors.As(err, &fromEngine):
		return s.engineException(string(fromEngine))
	default:
		return s.exceptionOf(failf(codeStd, "%v", err))
	}
}

// engineException reads the code of an error of the engine, and writes it once: one that passed through threads
// repeats its frame.
func (s *Server) engineException(text string) *exception {
	m := exceptionCode.FindStringSubmatchIndex(text)
	if m == nil {
		return s.exceptionOf(failf(codeStd, "%s", text))
	}
	code, err := strconv.Atoi(text[m[2]:m[3]])
	if err != nil {
		return s.exceptionOf(failf(codeStd, "%s", text))
	}
	text = versionNote.ReplaceAllString(text[m[0]:], "")
	frame := text[:m[1]-m[0]] + "DB::Exception: "
	name := exceptionName.FindString(text)
	for strings.HasPrefix(text, frame+frame) {
		text = strings.TrimPrefix(text, frame)
		if name != "" && strings.HasSuffix(text, name+name) {
			text = strings.TrimSuffix(text, name)
		}
	}
	return &exception{code, text + s.versionNote}
}

// status is the HTTP status that ClickHouse gives an error code.
func (e *exception) status() int {
	switch e.code {
	case 194:
		return http.StatusUnauthorized
	case 192, 193, 495, 497, 512, 516:
		return http.StatusForbidden
	case codeSyntaxError, codeBadArguments, codeIncorrectData, 6, 25, 26, 27, 32, 33, 38, 41, 42, 43, 44, 53, 69, 70, 72,
		130, 131, 167, 168, 321, 349, 376, 427, 441, 452, 456, 457, 467, 563, 675, 676:
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 139, 152, 336:
		return http.StatusNotFound
	case codeNotImplemented:
		return http.StatusNotImplemented
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge
	case 159:
		return http.StatusRequestTimeout
	case 76, 209, codeTooMany:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// frame is the exception as it follows result data that was already sent. tag is that of the response.
func (e *exception) frame(tag string) []byte {
	text := e.text + "\n"
	return fmt.Appendf(nil, "\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", tag, text, len(text), tag)
}

// randomTag is a word of 16 characters that no result holds.
func randomTag() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
