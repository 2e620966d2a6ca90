package statement

import "bytes"

type tokenKind uint8

const (
	endOfText tokenKind = iota
	word
	name        // a quoted identifier
	text        // a string literal
	open        // ( [ {
	closing     // ) ] }
	semicolon   //
	punctuation // anything else
	broken      // a literal or comment that does not end
)

// token is sql[start:stop], at the nesting depth of its surroundings.
type token struct {
	kind        tokenKind
	start, stop int
	depth       int
}

// last tells whether nothing follows.
func (t token) last() bool { return t.kind == endOfText || t.kind == broken }

// lexer splits SQL into tokens, skipping whitespace and comments, as ClickHouse does.
type lexer struct {
	sql   []byte
	pos   int
	depth int
}

func (l *lexer) next() token {
	if !l.skipSpace() {
		return token{broken, l.pos, len(l.sql), l.depth}
	}
	start := l.pos
	if start >= len(l.sql) {
		return token{endOfText, start, start, l.depth}
	}
	switch c := l.sql[start]; {
	case c == '\'':
		return l.quoted(text, c)
	case c == '"' || c == '`':
		return l.quoted(name, c)
	case c == '$' && l.heredoc():
		return token{text, start, l.pos, l.depth}
	case isWord(c):
		for l.pos < len(l.sql) && isWord(l.sql[l.pos]) {
			l.pos++
		}
		return token{word, start, l.pos, l.depth}
	default:
		return l.symbol(c)
	}
}

func (l *lexer) symbol(c byte) token {
	t := token{punctuation, l.pos, l.pos + 1, l.depth}
	l.pos++
	switch c {
	case '(', '[', '{':
		t.kind = open
		l.depth++
	case ')', ']', '}':
		l.depth--
		t.kind, t.depth = closing, l.depth
	case ';':
		t.kind = semicolon
	}
	return t
}

// quoted reads a literal in which a backslash escapes and a doubled quote stands for itself.
func (l *lexer) quoted(kind tokenKind, quote byte) token {
	start := l.pos
	for l.pos++; l.pos < len(l.sql); l.pos++ {
		switch l.sql[l.pos] {
		case '\\':
			l.pos++
		case quote:
			if l.pos+1 < len(l.sql) && l.sql[l.pos+1] == quote {
				l.pos++
				continue
			}
			l.pos++
			return token{kind, start, l.pos, l.depth}
		}
	}
	l.pos = len(l.sql)
	return token{broken, start, l.pos, l.depth}
}

// heredoc reads $tag$ … $tag$, if there is one.
func (l *lexer) heredoc() bool {
	rest := l.sql[l.pos:]
	n := 1
	for n < len(rest) && isWord(rest[n]) && rest[n] != '$' {
		n++
	}
	if n >= len(rest) || rest[n] != '$' {
		return false
	}
	tag := rest[:n+1]
	stop := bytes.Index(rest[n+1:], tag)
	if stop < 0 {
		return false
	}
	l.pos += n + 1 + stop + len(tag)
	return true
}

// skipSpace passes whitespace and comments; false when a comment does not end.
func (l *lexer) skipSpace() bool {
	for l.pos < len(l.sql) {
		rest := l.sql[l.pos:]
		switch {
		case isSpace(rest[0]):
			l.pos++
		case bytes.HasPrefix(rest, []byte("\xc2\xa0")): // a no-break space, as editors paste it
			l.pos += 2
		case bytes.HasPrefix(rest, []byte("--")), bytes.HasPrefix(rest, []byte("# ")), bytes.HasPrefix(rest, []byte("#!")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.pos += n
		case bytes.HasPrefix(rest, []byte("/*")):
			n := bytes.Index(rest[2:], []byte("*/"))
			if n < 0 {
				return false
			}
			l.pos += n + 4
		default:
			return true
		}
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
