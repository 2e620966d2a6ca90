package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// exception is an error as ClickHouse words it: "Code: 60. DB::Exception: … (UNKNOWN_TABLE) (version …)".
type exception struct {
	code int
	text string
}

func (e *exception) Error() string { return e.text }

// Codes of errors that this server finds itself.
const (
	codeUnknownType    = 25 // CANNOT_PARSE_ESCAPE_SEQUENCE
	codeNotImplemented = 48
	codeSyntax         = 62
	codeIncorrectData  = 117
	codeTooLarge       = 307 // TOO_MANY_BYTES
	codeQueryCancelled = 394
	codeUnknown        = 1002
)

var exceptionCode = regexp.MustCompile(`Code: (\d+)\. `)

// exceptionOf gives err the form of an exception; the engine's own texts keep their code.
func (s *server) exceptionOf(err error) *exception {
	if e, ok := err.(*exception); ok {
		return e
	}
	text := err.Error()
	code := codeUnknown
	if m := exceptionCode.FindStringSubmatchIndex(text); m != nil {
		if n, err := strconv.Atoi(text[m[2]:m[3]]); err == nil {
			code, text = n, text[m[0]:]
		}
	} else {
		text = fmt.Sprintf("Code: %d. DB::Exception: %s (UNKNOWN_EXCEPTION)", code, text)
	}
	if !strings.Contains(text, "(version ") {
		text += " " + s.versionNote
	}
	return &exception{code, text}
}

// newException is an error of this server, in ClickHouse's form.
func (s *server) newException(code int, name, message string) *exception {
	return &exception{code, fmt.Sprintf("Code: %d. DB::Exception: %s. (%s) %s", code, message, name, s.versionNote)}
}

// status is the HTTP status that ClickHouse gives an error code.
func (e *exception) status() int {
	switch e.code {
	case 36, 427, 6, 25, 26, 38, 41, 72, 675, 676, 677, 27, 376, 15, 44, 8, 56, 167, 168, 158, 62, 117, 53, 43, 70, 69, 321,
		20, 42, 47001, 457, 321001, 131, 69001, 1, 73001:
		return http.StatusBadRequest
	case 60, 46, 47, 50, 56001, 81, 115, 183, 63, 73, 336, 139, 511:
		return http.StatusNotFound
	case 194:
		return http.StatusUnauthorized
	case 192, 193, 516:
		return http.StatusForbidden
	case codeNotImplemented:
		return http.StatusNotImplemented
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge
	case 159:
		return http.StatusRequestTimeout
	default:
		return http.StatusInternalServerError
	}
}

// frame is the exception as it follows result data that was already sent.
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
