package reader

import (
	"slices"
	"strings"

	"firstlight/cmd/firstlight-clickhouse/internal/statement"
)

// Kind is what a statement does.
type Kind uint8

const (
	Empty Kind = iota // there is no statement
	Select
	Tell // DESCRIBE, EXISTS, EXPLAIN, SHOW: an answer of some lines
	Set  // SET or USE: answered, without an effect, as every request is a session of its own
	Kill // KILL QUERY
)

// Statement is a reader's statement as its tokens tell it. Its settings and its format are checked.
type Statement struct {
	Kind Kind
	// SQL is what is to be run: without comments, final semicolon and FORMAT clause.
	SQL string
	// Format is the name in the FORMAT clause; Tail the SETTINGS clause that follows it. Either may be empty.
	Format, Tail string
	// Inspected is the part of SQL whose tree must be inspected, with Describe or without; empty: the tokens said everything.
	Inspected string
	// Filters are expressions in settings, to be inspected as if they stood in the statement.
	Filters []Filter
	// QueryID is the query to kill.
	QueryID string
	// Table is the table that SHOW CREATE tells of, with or without its database, or the database of a USE.
	Table string

	clauses int             // SETTINGS clauses in Inspected
	common  map[string]bool // names that may be common table expressions
}

// Filter is an expression that is added to a table.
type Filter struct{ Table, Expression string }

// Read splits sql into what is run and checks all that tokens can tell.
func Read(sql string) (*Statement, error) {
	tokens, err := tokensOf(sql)
	if err != nil {
		return nil, err
	}
	r := &reading{tokens: tokens}
	if len(tokens) == 0 {
		return &Statement{Kind: Empty}, nil
	}
	if err := r.clauses(); err != nil {
		return nil, err
	}
	if err := r.cutFormat(); err != nil {
		return nil, err
	}
	r.SQL = join(r.tokens)
	r.common = r.commonNames()
	if err := r.kind(); err != nil {
		return nil, err
	}
	return &r.Statement, nil
}

// maxStatement bounds a reader's statement, in bytes, as max_query_size does.
const maxStatement = 256 << 10

// tokensOf splits a text in which nothing can be read in two ways: the engine then sees the tokens that are inspected.
func tokensOf(sql string) ([]statement.Token, error) {
	if len(sql) > maxStatement {
		return nil, refuse(CodeSyntax, "The query is larger than %d bytes", maxStatement)
	}
	if strings.ContainsRune(sql, 0) {
		return nil, refuse(CodeSyntax, "Syntax error: there is a NUL byte in the query")
	}
	tokens, whole := statement.Tokens(sql)
	if !whole {
		return nil, refuse(CodeSyntax, "Syntax error: a text, a quoted name or a comment does not end")
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].Kind == statement.Semicolon {
		tokens = tokens[:len(tokens)-1]
	}
	for _, t := range tokens {
		if err := checkToken(t); err != nil {
			return nil, err
		}
	}
	return tokens, checkBrackets(tokens)
}

// checkBrackets refuses brackets that do not match: what stands between them would not be what the engine takes it for.
func checkBrackets(tokens []statement.Token) error {
	var open []byte
	for _, t := range tokens {
		switch t.Kind {
		case statement.Open:
			open = append(open, map[string]byte{"(": ')', "[": ']', "{": '}'}[t.Text])
		case statement.Closing:
			if len(open) == 0 || open[len(open)-1] != t.Text[0] {
				return refuse(CodeSyntax, "Syntax error: unmatched %s", t.Text)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return refuse(CodeSyntax, "Syntax error: %c is missing", open[len(open)-1])
	}
	return nil
}

// checkToken refuses what the engine's lexer and ours could see differently, and what would garble its tree.
func checkToken(t statement.Token) error {
	switch t.Kind {
	case statement.Semicolon:
		return refuse(CodeSyntax, "Syntax error (Multi-statements are not allowed): send one statement per request")
	case statement.Text:
		if t.Text[0] != '\'' {
			return refuse(CodeSyntax, "Syntax error: readers write texts in single quotes")
		}
	case statement.Name:
		if strings.ContainsFunc(t.Text, func(c rune) bool { return c < ' ' || c == '\\' || c == 0x7f }) {
			return refuse(CodeSyntax, "Syntax error: a quoted name holds a backslash or a control character")
		}
	default:
		if strings.ContainsFunc(t.Text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("$\\#@", c) }) {
			return refuse(CodeSyntax, "Syntax error: %q stands outside of quotes", t.Text)
		}
	}
	return nil
}

// join writes tokens again: what is between them becomes a space.
func join(tokens []statement.Token) string {
	var b strings.Builder
	for i, t := range tokens {
		if t.Space && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.Text)
	}
	return b.String()
}

// reading is a statement while its tokens are read.
type reading struct {
	Statement
	tokens []statement.Token
}

func (r *reading) at(i int) statement.Token {
	if i < 0 || i >= len(r.tokens) {
		return statement.Token{}
	}
	return r.tokens[i]
}

// is tells whether token i is one of these keywords, given in capitals.
func (r *reading) is(i int, keywords ...string) bool {
	t := r.at(i)
	return t.Kind == statement.Word && slices.Contains(keywords, strings.ToUpper(t.Text))
}

// named tells whether token i is a name, quoted or not.
func (r *reading) named(i int) bool {
	k := r.at(i).Kind
	return r.at(i).Text != "" && (k == statement.Word || k == statement.Name)
}

// clauses checks every SETTINGS clause, and refuses INTO: nothing is written anywhere.
func (r *reading) clauses() error {
	for i := range r.tokens {
		switch {
		case r.is(i, "INTO", "OUTFILE", "INFILE") && !r.is(0, "INSERT"): // INSERT is refused as a kind, by its name
			return denied("Readers write no files: INTO OUTFILE is not open to them, and nothing else is called so without quotes")
		case r.is(i, "PARALLEL") && r.is(i+1, "WITH"):
			return denied("Readers run one statement at a time: PARALLEL WITH is not open to them")
		case r.is(i, "IDENTIFIER") && r.at(i-1).Text == ":":
			return denied("Readers write names into the statement: parameters of the type Identifier are not open to them")
		case r.settingsAt(i):
			if _, err := r.settings(i + 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// settingsAt tells whether token i begins a SETTINGS clause, or may: a setting that is a flag can stand there by its name
// alone. Else the word is the name of a column or table. Before a name and a sign of equality or a comma it is always a clause:
// SELECT t.settings a, b = 1 is written with `settings`.
func (r *reading) settingsAt(i int) bool {
	if !r.is(i, "SETTINGS") || !r.named(i+1) {
		return false
	}
	if next := r.at(i + 2).Text; next == "=" || next == "," {
		return true
	}
	return !r.is(i+1, afterNames...) && !r.fieldAt(i) && !(i == 1 && r.is(0, "SHOW"))
}

// fieldAt tells whether token i, behind a dot, is a name: t.settings. Behind the dot of a number, as in 1. SETTINGS, it is none,
// and behind nothing that has fields.
func (r *reading) fieldAt(i int) bool {
	owner := r.at(i - 2)
	number := owner.Kind == statement.Word && owner.Text[0] >= '0' && owner.Text[0] <= '9'
	return r.at(i-1).Text == "." && (r.named(i-2) && !number || owner.Kind == statement.Closing)
}

// afterNames are keywords that follow a name, and are no settings.
var afterNames = strings.Fields(`AS FROM WHERE PREWHERE GROUP ORDER HAVING LIMIT FORMAT UNION EXCEPT INTERSECT ASC DESC AND OR IN NOT LIKE ILIKE IS BETWEEN
	THEN ELSE WHEN END JOIN LEFT RIGHT INNER FULL CROSS ON USING OVER`)

// settings checks the list of name = value that begins at token i, and returns where it ends.
func (r *reading) settings(i int) (int, error) {
	for {
		if !r.named(i) || r.at(i+1).Text != "=" {
			return i, refuse(CodeSyntax, "Syntax error: readers write settings as name = value, and a name that is called so in quotes: `settings`")
		}
		name := unquote(r.at(i))
		i += 2
		value, next, err := r.value(i)
		if err != nil {
			return i, err
		}
		filters, err := CheckSetting(name, value)
		if err != nil {
			return i, err
		}
		if answerOnly[name] {
			return i, refuse(CodeSetting, "Setting %s cannot be changed in a reader's statement: leave it out", name)
		}
		r.Filters = append(r.Filters, filters...)
		if r.at(next).Text != "," {
			return next, r.behindSettings(next)
		}
		i = next + 1
	}
}

// behindSettings refuses a token behind a list of settings that cannot stand there: the engine's list might go on.
func (r *reading) behindSettings(i int) error {
	if t := r.at(i); i < len(r.tokens) && t.Text != ")" && !r.is(i, "FORMAT", "UNION", "EXCEPT", "INTERSECT") {
		return refuse(CodeSyntax, "Syntax error: %q stands behind the settings", t.Text)
	}
	return nil
}

// value reads a setting's value: a number, a text, or a map in braces.
func (r *reading) value(i int) (value string, next int, err error) {
	t := r.at(i)
	switch {
	case t.Text == "{":
		for next = i + 1; next < len(r.tokens) && r.tokens[next].Depth > t.Depth; next++ {
		}
		return join(r.tokens[i:min(next+1, len(r.tokens))]), next + 1, nil
	case t.Kind == statement.Text:
		value, ok := untext(t.Text)
		if !ok {
			return "", 0, refuse(CodeSetting, "The value %s of a setting holds a backslash: readers write none there", t.Text)
		}
		return value, i + 1, nil
	case t.Kind == statement.Word:
		value = t.Text
		for next = i + 1; next < len(r.tokens) && !r.tokens[next].Space && (r.tokens[next].Text == "." || r.tokens[next].Kind == statement.Word); next++ {
			value += r.tokens[next].Text
		}
		return value, next, nil
	}
	return "", 0, refuse(CodeSetting, "The value of a setting must be a number or a text")
}

// cutFormat takes the FORMAT clause, and the SETTINGS behind it, off the end.
func (r *reading) cutFormat() error {
	for i := 1; i < len(r.tokens); i++ {
		if r.tokens[i].Depth != 0 || !r.is(i, "FORMAT") || r.at(i+1).Kind != statement.Word {
			continue
		}
		end := i + 2
		if r.settingsAt(end) {
			filters := r.Filters
			var err error
			if end, err = r.settings(end + 1); err != nil {
				return err
			}
			r.Filters = filters // they were found before
		}
		if end != len(r.tokens) {
			continue
		}
		r.Format, r.Tail = r.tokens[i+1].Text, join(r.tokens[i+2:])
		r.tokens = r.tokens[:i]
		if err := CheckFormat(r.Format); err != nil {
			return err
		}
		break
	}
	return r.noFormat()
}

// noFormat refuses what is still, or could be taken for, a FORMAT clause: that would be one nobody checked.
func (r *reading) noFormat() error {
	for i := range r.tokens {
		if r.tokens[i].Depth == 0 && r.is(i, "FORMAT") && r.at(i+1).Kind == statement.Word && (i+2 == len(r.tokens) || r.is(i+2, "SETTINGS")) {
			return refuse(CodeSyntax, "Syntax error: a FORMAT clause stands where it cannot be inspected: write one, at the end")
		}
	}
	return nil
}

// commonNames are the names that stand where a common table expression has its name: before AS (.
func (r *reading) commonNames() map[string]bool {
	names := map[string]bool{}
	for i := range r.tokens {
		if !r.is(i, "AS") || r.at(i+1).Text != "(" && !(r.is(i+1, "MATERIALIZED") && r.at(i+2).Text == "(") {
			continue
		}
		at := i - 1
		if r.at(at).Text == ")" { // a list of columns
			for depth := r.at(at).Depth; at > 0 && !(r.at(at).Text == "(" && r.at(at).Depth == depth); at-- {
			}
			at--
		}
		if r.named(at) {
			names[unquote(r.at(at))] = true
		}
	}
	return names
}

// unquote is the name a token writes.
func unquote(t statement.Token) string {
	if t.Kind != statement.Name {
		return t.Text
	}
	quote := t.Text[:1]
	return strings.ReplaceAll(t.Text[1:len(t.Text)-1], quote+quote, quote)
}

// untext is the text a literal writes; false when it has escapes besides those of quotes and backslashes.
func untext(literal string) (string, bool) {
	inner := literal[1 : len(literal)-1]
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c == '\\' || c == '\'' {
			i++
			if i >= len(inner) || inner[i] != '\'' && !(c == '\\' && inner[i] == '\\') {
				return "", false
			}
			c = inner[i]
		}
		b.WriteByte(c)
	}
	return b.String(), true
}
