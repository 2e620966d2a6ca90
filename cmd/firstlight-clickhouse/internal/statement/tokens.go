package statement

// Kind of a token.
type TokenKind = tokenKind

// The kinds of tokens that Tokens returns.
const (
	Word        = word        // a keyword, a name or a number, without signs
	Name        = name        // a quoted identifier, quotes included
	Text        = text        // a string literal, quotes included; a heredoc too
	Open        = open        // ( [ {
	Closing     = closing     // ) ] }
	Semicolon   = semicolon   //
	Punctuation = punctuation // any other single byte
)

// Token is one piece of a SQL text.
type Token struct {
	Kind  TokenKind
	Text  string
	Depth int  // of brackets around it
	Space bool // white space or a comment comes before it
}

// Tokens splits a SQL text; false when a literal or a comment does not end.
func Tokens(sql string) ([]Token, bool) {
	l := lexer{sql: []byte(sql)}
	var all []Token
	for end := 0; ; {
		t := l.next()
		switch t.kind {
		case broken:
			return nil, false
		case endOfText:
			return all, true
		}
		all = append(all, Token{t.kind, sql[t.start:t.stop], t.depth, t.start > end})
		end = t.stop
	}
}
