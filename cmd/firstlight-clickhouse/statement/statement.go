// Package statement finds out, without a parser, how a SQL text must be handed to the engine: whether it
// streams rows, carries insert data after it, changes the session, and which output format it names. It judges
// tokens only; whether the text is valid is the engine's to say.
package statement

import "strings"

// Kind is how a statement must be run.
type Kind uint8

const (
	Other  Kind = iota // answers at once: DDL, SHOW, INSERT … SELECT, …
	Select             // streams rows
	Insert             // takes data: INSERT … VALUES or FORMAT
)

// Statement is what was found.
type Statement struct {
	Kind Kind
	// Head is the statement without its FORMAT clause and without the data. Of a Select or Other it ends
	// before the final semicolon.
	Head string
	// Tail is what follows the format's name of a Select or Other: empty or its SETTINGS clause.
	Tail string
	// Format is the name in the FORMAT clause, "Values" for INSERT … VALUES, "" without either.
	Format string
	// Data is the offset at which the data of an Insert begins.
	Data int
	// Session says that the statement changes the session (SET, USE, temporary tables).
	Session bool
	// Several says that another statement follows the first.
	Several bool
	// File says that the statement names a file of the client (INTO OUTFILE, FROM INFILE).
	File bool
}

// Scan looks at the first statement of sql.
func Scan(sql []byte) Statement {
	tokens := split(sql)
	s := scanner{sql: sql, tokens: tokens}
	switch verb := s.verb(); verb {
	case "INSERT":
		if found, ok := s.insert(); ok {
			return found
		}
		return s.plain(Other)
	case "SELECT", "FROM":
		return s.plain(Select)
	default:
		return s.plain(Other)
	}
}

// split returns the tokens of the first statement and what follows it, always with an end token. Insert data is
// split too, up to maxTokens: it does not matter what it holds.
func split(sql []byte) []token {
	l := lexer{sql: sql}
	var tokens []token
	for {
		t := l.next()
		tokens = append(tokens, t)
		if t.kind == end || t.kind == broken {
			return tokens
		}
	}
}

type scanner struct {
	sql    []byte
	tokens []token
}

func (s *scanner) is(i int, keyword string) bool {
	return s.tokens[i].kind == word && strings.EqualFold(s.text(i), keyword)
}

func (s *scanner) text(i int) string { return string(s.sql[s.tokens[i].start:s.tokens[i].stop]) }

// verb is the word that decides, in capitals: behind opening parentheses, and behind the expressions of a WITH.
func (s *scanner) verb() string {
	i := 0
	for s.tokens[i].kind == open {
		i++
	}
	if !s.is(i, "WITH") {
		return strings.ToUpper(s.text(i))
	}
	depth := s.tokens[i].depth
	for ; s.tokens[i].kind != end && s.tokens[i].kind != broken; i++ {
		if s.tokens[i].depth == depth && (s.is(i, "SELECT") || s.is(i, "INSERT")) {
			return strings.ToUpper(s.text(i))
		}
	}
	return ""
}

// insert describes an INSERT that takes data; false when it takes its rows from a query.
func (s *scanner) insert() (Statement, bool) {
	for i, t := range s.tokens {
		if t.depth != 0 || t.kind == semicolon {
			continue
		}
		switch {
		case s.is(i, "SELECT"), s.is(i, "WITH"), s.is(i, "WATCH"):
			return Statement{}, false
		case s.is(i, "INFILE"):
			return Statement{Kind: Other, Head: string(s.sql), File: true}, true
		case s.is(i, "VALUES") && i > 1:
			return Statement{Kind: Insert, Head: string(s.sql[:t.start]), Format: "Values", Data: t.stop}, true
		case s.is(i, "FORMAT") && i > 1 && s.tokens[i+1].kind == word:
			return s.insertFormat(i), true
		case t.kind == end || t.kind == broken:
			return Statement{Kind: Insert, Head: string(s.sql), Format: "", Data: len(s.sql)}, true
		}
	}
	return Statement{}, false
}

// insertFormat describes an INSERT whose FORMAT is token i. A SETTINGS clause may follow the format's name;
// otherwise the data begins on the same line or the next.
func (s *scanner) insertFormat(i int) Statement {
	found := Statement{
		Kind:   Insert,
		Head:   string(s.sql[:s.tokens[i].start]),
		Format: s.text(i + 1),
		Data:   s.dataStart(s.tokens[i+1].stop),
	}
	return found
}

// dataStart passes blanks and one line break after the statement.
func (s *scanner) dataStart(at int) int {
	for at < len(s.sql) && (s.sql[at] == ' ' || s.sql[at] == '\t' || s.sql[at] == '\f') {
		at++
	}
	if at < len(s.sql) && s.sql[at] == ';' { // INSERT … FORMAT X; with the data in the body
		at++
	}
	if at < len(s.sql) && s.sql[at] == '\r' {
		at++
	}
	if at < len(s.sql) && s.sql[at] == '\n' {
		at++
	}
	return at
}

// plain describes a statement without data.
func (s *scanner) plain(kind Kind) Statement {
	last := 0 // the token after the statement's last
	for s.tokens[last].kind != semicolon && s.tokens[last].kind != end && s.tokens[last].kind != broken {
		last++
	}
	found := Statement{Kind: kind, Head: string(s.sql)}
	if s.tokens[last].kind != broken {
		found.Head = string(s.sql[:s.tokens[last].start])
	}
	for i := last; s.tokens[i].kind != end; i++ {
		if s.tokens[i].kind != semicolon {
			found.Several = s.tokens[i].kind != broken
			break
		}
	}
	found.Session = s.changesSession(last)
	for i := 0; i < last; i++ {
		if s.tokens[i].depth != 0 {
			continue
		}
		if s.is(i, "INTO") && s.is(i+1, "OUTFILE") {
			found.File = true
		}
		if s.is(i, "FORMAT") && i > 0 && s.tokens[i+1].kind == word && (i+2 == last || s.is(i+2, "SETTINGS")) {
			found.Head = string(s.sql[:s.tokens[i].start])
			found.Format = s.text(i + 1)
			found.Tail = string(s.sql[s.tokens[i+1].stop:s.tokens[last].start])
		}
	}
	return found
}

func (s *scanner) changesSession(last int) bool {
	if last == 0 {
		return false
	}
	switch strings.ToUpper(s.text(0)) {
	case "SET", "USE", "BEGIN":
		return true
	case "CREATE":
		for i := 1; i < last && i < 5; i++ {
			if s.is(i, "TEMPORARY") {
				return true
			}
		}
	}
	return false
}
