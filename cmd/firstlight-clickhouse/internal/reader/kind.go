package reader

import (
	"slices"
	"strings"

	"firstlight/cmd/firstlight-clickhouse/internal/statement"
)

const kinds = "SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN"

// kind finds out what the statement does by its first word.
func (r *reading) kind() error {
	switch {
	case r.at(0).Text == "(" || r.is(0, "SELECT", "WITH", "FROM"):
		r.Kind = Select
		return r.inspect(0)
	case r.is(0, "DESCRIBE", "DESC"):
		r.Kind = Tell
		return r.inspect(0)
	case r.is(0, "EXPLAIN"):
		r.Kind = Tell
		return r.explain()
	case r.is(0, "EXISTS"):
		r.Kind = Tell
		return r.plain(1)
	case r.is(0, "SHOW"):
		r.Kind = Tell
		return r.show()
	case r.is(0, "SET"):
		r.Kind = Set
		return r.set()
	case r.is(0, "USE"):
		r.Kind = Set
		if len(r.tokens) != 2 || !r.named(1) {
			return refuse(CodeSyntax, "Syntax error: write USE database")
		}
		r.Table = unquote(r.at(1))
		return nil
	case r.is(0, "KILL"):
		r.Kind = Kill
		return r.kill()
	}
	return denied("Readers only read: %q begins none of the statements open to them (%s)", r.at(0).Text, kinds)
}

// inspect has the statement's tree inspected from token i on.
func (r *reading) inspect(i int) error {
	r.Inspected = join(r.tokens[i:])
	for ; i < len(r.tokens); i++ {
		if r.settingsAt(i) {
			r.Statement.clauses++
		}
	}
	return nil
}

// explain finds the query that is explained, behind the kind and its options.
func (r *reading) explain() error {
	i := 1
	switch {
	case r.is(1, "QUERY") && r.is(2, "TREE"):
		i = 3
	case r.is(1, "AST", "SYNTAX", "PLAN", "PIPELINE", "ESTIMATE"):
		i = 2
	}
	for r.named(i) && r.at(i+1).Text == "=" && number.MatchString(r.at(i+2).Text) {
		if i += 3; r.at(i).Text == "," {
			i++
		}
	}
	if r.at(i).Text != "(" && !r.is(i, "SELECT", "WITH", "FROM") {
		return denied("Readers may have a SELECT explained: EXPLAIN [AST|SYNTAX|QUERY TREE|PLAN|PIPELINE|ESTIMATE] [option = number, …] SELECT …")
	}
	return r.inspect(i)
}

// plain refuses a statement in which, from token i on, stands anything besides names, texts and numbers.
func (r *reading) plain(i int) error {
	for ; i < len(r.tokens); i++ {
		t := r.tokens[i]
		if !r.named(i) && t.Kind != statement.Text && t.Text != "." || r.is(i, "WHERE", "SETTINGS", "FORMAT") {
			return denied("Readers may use %s with names, LIKE and LIMIT only: ask system.tables and system.columns for more", strings.ToUpper(r.at(0).Text))
		}
	}
	return nil
}

// show lets through what tells of structure.
func (r *reading) show() error {
	i := 1
	for r.is(i, "FULL", "EXTENDED") {
		i++
	}
	if r.is(i, "CREATE") {
		if i++; r.is(i, "TABLE", "VIEW") {
			i++
		}
		return r.showCreate(i)
	}
	if r.is(i, "SETTINGS") && (r.is(i+1, "LIKE", "ILIKE") && r.at(i+2).Kind == statement.Text && i+3 == len(r.tokens)) {
		return nil
	}
	if !r.is(i, "DATABASES", "TABLES", "COLUMNS", "FIELDS", "FUNCTIONS", "ENGINES", "DICTIONARIES", "CLUSTERS", "INDEX", "INDEXES", "INDICES", "KEYS") {
		return denied("Readers may use SHOW DATABASES, TABLES, COLUMNS, FUNCTIONS, SETTINGS LIKE, and CREATE of a view")
	}
	return r.plain(i + 1)
}

func (r *reading) showCreate(i int) error {
	switch {
	case r.named(i) && i+1 == len(r.tokens):
		r.Table = unquote(r.at(i))
	case r.named(i) && r.at(i+1).Text == "." && r.named(i+2) && i+3 == len(r.tokens):
		r.Table = unquote(r.at(i)) + "." + unquote(r.at(i+2))
	default:
		return denied("Readers may use SHOW CREATE TABLE with a view")
	}
	return nil
}

// set checks the settings of a SET, or answers SET ROLE and its like.
func (r *reading) set() error {
	list := &reading{tokens: slices.Clone(r.tokens)}
	for i := 1; i < len(r.tokens); {
		if !list.named(i) || list.at(i+1).Text != "=" {
			return refuse(CodeSetting, "Readers may write SET name = value, for settings that are open to them")
		}
		value, next, err := list.value(i + 2)
		if err != nil {
			return err
		}
		if _, err := CheckSetting(unquote(list.at(i)), value); err != nil {
			return err
		}
		if list.at(next).Text != "," && next < len(r.tokens) {
			return refuse(CodeSetting, "Readers may write SET name = value, for settings that are open to them")
		}
		i = next + 1
	}
	return nil
}

// kill reads KILL QUERY WHERE query_id = '…' [SYNC | ASYNC].
func (r *reading) kill() error {
	form := len(r.tokens) == 6 || len(r.tokens) == 7 && r.is(6, "SYNC", "ASYNC")
	if !form || !r.is(1, "QUERY") || !r.is(2, "WHERE") || !r.is(3, "QUERY_ID") || r.at(4).Text != "=" || r.at(5).Kind != statement.Text {
		return denied("Readers may write KILL QUERY WHERE query_id = '…', for a query of theirs")
	}
	id, ok := untext(r.at(5).Text)
	if !ok {
		return refuse(CodeSyntax, "Syntax error: the query_id holds a backslash")
	}
	r.QueryID = id
	return nil
}
