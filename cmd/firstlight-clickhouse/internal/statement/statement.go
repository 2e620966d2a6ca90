// Package statement finds out, without a parser, how a SQL text must be handed to the engine: whether it returns
// rows, carries insert data behind it, and which format it names. It inspects tokens only; whether the text is
// valid is the engine's to say.
package statement

import "strings"

// Kind is how a statement must be run.
type Kind uint8

const (
	Other  Kind = iota // DDL, SHOW, INSERT … SELECT, and whatever is not SQL: a short answer or none
	Select             // returns rows, any number of them
	Insert             // takes data: INSERT … VALUES or FORMAT
)

// Statement is what was found.
type Statement struct {
	Kind Kind
	// Head is the statement up to its FORMAT clause or its end, without a final semicolon.
	Head string
	// Format is the name in the FORMAT clause, "Values" for INSERT … VALUES, "" without either.
	Format string
	// Tail is what follows the format's name: a SETTINGS clause or nothing.
	Tail string
	// Data is the offset at which the data of an Insert begins.
	Data int
	// Empty says that there is no statement.
	Empty bool
	// Several says that another statement follows the first.
	Several bool
	// File says that the statement names a file on the client's side (INTO OUTFILE, FROM INFILE).
	File bool
}

// Scan looks at the first statement of sql.
func Scan(sql []byte) Statement {
	s := scanner{sql: sql, lexer: lexer{sql: sql}}
	switch s.verb() {
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

// scanner holds the tokens read so far. Those of insert data are not read.
type scanner struct {
	sql    []byte
	lexer  lexer
	tokens []token
}

// at returns token i, or the last one when the text ends before.
func (s *scanner) at(i int) token {
	for len(s.tokens) <= i {
		if n := len(s.tokens); n > 0 && s.tokens[n-1].last() {
			return s.tokens[n-1]
		}
		s.tokens = append(s.tokens, s.lexer.next())
	}
	return s.tokens[i]
}

func (s *scanner) text(i int) string { return string(s.sql[s.at(i).start:s.at(i).stop]) }

func (s *scanner) is(i int, keywords ...string) bool {
	if s.at(i).kind != word {
		return false
	}
	for _, k := range keywords {
		if strings.EqualFold(s.text(i), k) {
			return true
		}
	}
	return false
}

// verb is the word that decides, in capitals: behind opening parentheses, and behind the expressions of a WITH.
func (s *scanner) verb() string {
	i := 0
	for s.at(i).kind == open {
		i++
	}
	if !s.is(i, "WITH") {
		return strings.ToUpper(s.text(i))
	}
	for depth := s.at(i).depth; !s.at(i).last(); i++ {
		if s.at(i).depth == depth && s.is(i, "SELECT", "INSERT") {
			return strings.ToUpper(s.text(i))
		}
	}
	return ""
}

// insert describes an INSERT that takes data; false when it takes its rows from a query.
func (s *scanner) insert() (Statement, bool) {
	for i := 1; ; i++ {
		t := s.at(i)
		switch {
		case t.last() || t.kind == semicolon:
			return Statement{Kind: Insert, Head: string(s.sql[:t.start]), Data: t.stop}, true
		case t.depth != 0 || s.named(i):
		case s.is(i, "SELECT", "WITH", "WATCH"):
			return Statement{}, false
		case s.is(i, "INFILE"):
			return Statement{Kind: Other, Head: string(s.sql), File: true}, true
		case s.is(i, "VALUES"):
			return Statement{Kind: Insert, Head: string(s.sql[:t.start]), Format: "Values", Data: t.stop}, true
		case s.is(i, "FORMAT") && s.at(i+1).kind == word:
			return s.insertFormat(i), true
		}
	}
}

// named tells whether token i stands where a name must: a table may be called "values".
func (s *scanner) named(i int) bool {
	return s.is(i-1, "INTO", "TABLE", "FUNCTION") || s.text(i-1) == "."
}

// insertFormat describes an INSERT whose FORMAT is token i. A SETTINGS clause may follow; the data begins on the
// same line or the next.
func (s *scanner) insertFormat(i int) Statement {
	name := s.at(i + 1)
	stop := name.stop
	if s.is(i+2, "SETTINGS") {
		stop = s.settings(i + 3)
	}
	at := stop
	for at < len(s.sql) && (s.sql[at] == ' ' || s.sql[at] == '\t' || s.sql[at] == '\f') {
		at++
	}
	for _, c := range []byte(";\r\n") {
		if at < len(s.sql) && s.sql[at] == c {
			at++
		}
	}
	return Statement{
		Kind:   Insert,
		Head:   string(s.sql[:s.at(i).start]),
		Format: s.text(i + 1),
		Tail:   string(s.sql[name.stop:stop]),
		Data:   at,
	}
}

// settings returns where the list of name = value that begins at token i ends. A value's tokens touch.
func (s *scanner) settings(i int) int {
	for {
		i += 2 // name, =
		for !s.at(i).last() && s.at(i).stop == s.at(i+1).start && s.text(i+1) != "," && s.text(i+1) != ";" {
			i++
		}
		if s.text(i+1) != "," {
			return s.at(i).stop
		}
		i += 2
	}
}

// plain describes a statement without data.
func (s *scanner) plain(kind Kind) Statement {
	stop := 0 // the token after the statement's last
	for s.at(stop).kind != semicolon && !s.at(stop).last() {
		stop++
	}
	found := Statement{Kind: kind, Head: string(s.sql[:s.at(stop).start])}
	if s.at(stop).kind == broken { // the engine says what is wrong with it
		return Statement{Kind: Other, Head: string(s.sql)}
	}
	next := stop
	for s.at(next).kind == semicolon {
		next++
	}
	found.Several = !s.at(next).last()
	found.Empty = stop == 0 && !found.Several
	for i := 1; i < stop; i++ {
		switch {
		case s.at(i).depth != 0:
		case s.is(i, "INTO") && s.is(i+1, "OUTFILE"):
			found.File = true
		case s.is(i, "FORMAT") && s.at(i+1).kind == word && (i+2 == stop || s.is(i+2, "SETTINGS")):
			found.Head = string(s.sql[:s.at(i).start])
			found.Format = s.text(i + 1)
			found.Tail = string(s.sql[s.at(i+1).stop:s.at(stop).start])
		}
	}
	return found
}
