package event

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// MaxWords is the longest text of what people say, in bytes.
const MaxWords = 2000

// Words returns the text at a path as what somebody says, empty where there is nothing to read: no text, or one that shows nothing.
// The path is as in Text.
//
// Lines end with a newline, however they ended. Other control characters than tab and newline are left out, and so are those that turn
// the direction of what follows (Unicode's bidirectional embeddings, overrides and isolates): they could make a text read as another
// one. White space at both ends goes, and what is longer than MaxWords is cut there, between characters.
func (e *Event) Words(path []string) string {
	raw, kind := e.at(path)
	if kind != gjson.String {
		return ""
	}
	rest := bytes.ReplaceAll(text(raw), []byte("\r\n"), []byte("\n"))
	var b strings.Builder
	for len(rest) > 0 {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if r == '\r' {
			r = '\n'
		}
		if unsaid(r) || b.Len() == 0 && unicode.IsSpace(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > MaxWords {
			break
		}
		b.WriteRune(r)
	}
	words := strings.TrimRightFunc(b.String(), unicode.IsSpace)
	if !strings.ContainsFunc(words, shows) {
		return ""
	}
	return words
}

// unsaid reports whether a character is left out of what people say.
func unsaid(r rune) bool {
	return unicode.IsControl(r) && r != '\t' && r != '\n' || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// shows reports whether there is something to see of a character.
func shows(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}
