package reader

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
)

// Inspector inspects syntax trees, as EXPLAIN AST prints them, for one request.
type Inspector struct {
	Policy  *Policy
	Sight   Sight
	Current string // the database of names without one
	// Exists tells whether the engine has a table.
	Exists func(database, table string) (bool, error)
}

// nodes are the kinds of nodes that mean nothing beyond their children and what is inspected here.
var nodes = strings.Fields(`SelectWithUnionQuery SelectIntersectExceptQuery SelectQuery ExpressionList WithElement Subquery Literal Identifier
	Asterisk QualifiedAsterisk ColumnsRegexpMatcher ColumnsListMatcher QualifiedColumnsRegexpMatcher QualifiedColumnsListMatcher
	ColumnsTransformerList ColumnsExceptTransformer ColumnsReplaceTransformer ColumnsReplaceTransformer::Replacement
	TablesInSelectQuery TablesInSelectQueryElement TableExpression TableIdentifier TableJoin ArrayJoin SampleRatio
	Function OrderByElement WindowListElement WindowDefinition InterpolateElement Set`)

// roots are the nodes that a statement may be.
var roots = []string{"SelectWithUnionQuery", "SelectIntersectExceptQuery", "SelectQuery", "DescribeQuery"}

// tableFunctions make rows of nothing but their arguments.
var tableFunctions = []string{"numbers", "numbers_mt", "zeros", "zeros_mt", "generateSeries", "generate_series", "values", "SQLStandardValues"}

// node is one line of a tree.
type node struct {
	depth             int
	kind, name, alias string
	parent            int // its index; -1 for the root
}

var childrenNote = regexp.MustCompile(` \(children \d+\)$`)

// parse reads a tree.
func parse(tree string) []node {
	var all []node
	var open []int // the last node of each depth
	for line := range strings.SplitSeq(strings.TrimRight(tree, "\n"), "\n") {
		text := strings.TrimLeft(line, " ")
		n := node{depth: len(line) - len(text), parent: -1}
		text = childrenNote.ReplaceAllString(text, "")
		n.kind, n.name, _ = strings.Cut(text, " ")
		if at := strings.LastIndex(n.name, "(alias "); at >= 0 && strings.HasSuffix(n.name, ")") {
			n.name, n.alias = strings.TrimSuffix(n.name[:at], " "), n.name[at+len("(alias "):len(n.name)-1]
		}
		if n.depth > len(open) {
			n.depth = len(open) // no tree is printed so
		}
		if n.depth > 0 {
			n.parent = open[n.depth-1]
		}
		open = append(open[:n.depth], len(all))
		all = append(all, n)
	}
	return all
}

// Tree inspects the tree of a statement.
func (j *Inspector) Tree(s *Statement, tree string) error {
	all := parse(tree)
	if !slices.Contains(roots, all[0].kind) {
		return denied("Readers only read: a %s is none of the statements open to them (%s)", all[0].kind, kinds)
	}
	clauses := 0
	for i, n := range all {
		if i > 0 && !slices.Contains(nodes, n.kind) {
			return denied("Readers may not use %s here", n.kind)
		}
		var err error
		switch n.kind {
		case "Set":
			clauses++
		case "TableIdentifier":
			err = j.table(s, n.name)
		case "Function":
			err = function(all, i)
		case "Identifier":
			if n.parent >= 0 && i > n.parent+1 && membership(all, n.parent) {
				err = j.set(s, all, n.name)
			}
		}
		if err != nil {
			return err
		}
	}
	if clauses != s.clauses {
		return denied("A SETTINGS clause stands where it cannot be inspected: write it at the end, as SETTINGS name = value")
	}
	return nil
}

// CheckTable refuses a table that is not open, given with or without its database.
func (j *Inspector) CheckTable(name string) error { return j.table(&Statement{}, name) }

// table inspects a table that is read.
func (j *Inspector) table(s *Statement, name string) error {
	database, table, qualified := strings.Cut(name, ".")
	switch {
	case qualified && j.Policy.Open(database, table, j.Sight):
		return nil
	case !qualified && j.Policy.Open(j.Current, name, j.Sight):
		return nil
	case !qualified && s.common[name]:
		// A common table expression: out of its scope the name would be that of a table.
		exists, err := j.Exists(j.Current, name)
		if err != nil || !exists {
			return err
		}
		return denied("%s is also the name of a table that is not open to readers: give the WITH expression another name", name)
	}
	return j.closed(name)
}

func (j *Inspector) closed(name string) error {
	_, table, qualified := strings.Cut(name, ".")
	if !qualified {
		table = name
	}
	if slices.Contains(j.Policy.People, table) {
		return denied("%s shows single users: it needs the password of FIRSTLIGHT_READER_PASSWORD", name)
	}
	return denied("%s is not open to readers: the views of %s are, and system.tables, system.columns and the like", name, j.Policy.Database)
}

// set inspects an identifier at the right of IN, which may be a column, or a table that nothing else marks as one. An
// alias may stand for it.
func (j *Inspector) set(s *Statement, all []node, name string) error {
	seen := map[string]bool{}
	for todo := []string{name}; len(todo) > 0; {
		name, todo = todo[0], todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		if err := j.mayBeTable(s, name); err != nil {
			return err
		}
		for _, n := range all {
			if n.kind == "Identifier" && n.alias == name {
				todo = append(todo, n.name)
			}
		}
	}
	return nil
}

// mayBeTable refuses a name that is that of a closed table, however its dots are read.
func (j *Inspector) mayBeTable(s *Statement, name string) error {
	readings := [][2]string{{j.Current, name}}
	for i, c := range name {
		if c == '.' {
			readings = append(readings, [2]string{name[:i], name[i+1:]})
		}
	}
	for _, r := range readings {
		if j.Policy.Open(r[0], r[1], j.Sight) {
			continue
		}
		exists, err := j.Exists(r[0], r[1])
		if err != nil {
			return err
		}
		if exists {
			return j.closed(r[0] + "." + r[1])
		}
	}
	return nil
}

// memberships are IN and the functions like it, in lower case.
var memberships = strings.Fields(strings.ToLower(`in notIn nullIn notNullIn inIgnoreSet notInIgnoreSet nullInIgnoreSet notNullInIgnoreSet
	globalIn globalNotIn globalNullIn globalNotNullIn globalInIgnoreSet globalNotInIgnoreSet globalNullInIgnoreSet globalNotNullInIgnoreSet`))

// membership tells whether node i is the list of arguments of one of these.
func membership(all []node, i int) bool {
	if all[i].kind != "ExpressionList" || all[i].parent < 0 {
		return false
	}
	f := all[all[i].parent]
	return f.kind == "Function" && slices.Contains(memberships, strings.ToLower(f.name))
}

// function inspects function node i.
func function(all []node, i int) error {
	n := all[i]
	if n.parent >= 0 && all[n.parent].kind == "TableExpression" {
		if slices.Contains(tableFunctions, n.name) {
			return nil
		}
		return denied("The table function %s is not open to readers", n.name)
	}
	if !known(n.name) {
		return denied("The function %s is not open to readers", n.name)
	}
	if slices.Contains([]string{"cast", "_cast", "accuratecast", "accuratecastornull"}, strings.ToLower(n.name)) {
		return cast(all, i)
	}
	return nil
}

// cast demands that the type is written out, and none that is read from bytes nobody checks.
func cast(all []node, i int) error {
	last := node{}
	for k := i + 1; k < len(all) && all[k].depth > all[i].depth; k++ {
		if all[k].depth == all[i].depth+2 && all[k].parent == i+1 {
			last = all[k]
		}
	}
	if last.kind != "Literal" || !strings.HasPrefix(last.name, "'") || strings.Contains(strings.ToLower(last.name), "aggregatefunction") {
		return denied("Readers cast to types that are written out, and not to AggregateFunction")
	}
	return nil
}

//go:embed functions.txt
var functionList string

//go:embed aggregates.txt
var aggregateList string

var functions, aggregates = names(functionList), names(aggregateList)

// names reads a list: one name a line, with * behind those whose case does not matter.
func names(list string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(list) {
		name, any := strings.CutSuffix(strings.TrimSpace(line), " *")
		all[name] = true
		if any {
			all[strings.ToLower(name)] = true
			anyCase[strings.ToLower(name)] = true
		}
	}
	return all
}

var anyCase = map[string]bool{}

// combinators may follow the name of an aggregate function.
var combinators = []string{"If", "Array", "Map", "OrNull", "OrDefault", "Distinct", "ForEach", "ArgMin", "ArgMax"}

// known tells whether a function is on the lists.
func known(name string) bool {
	if functions[name] || aggregates[name] || anyCase[strings.ToLower(name)] {
		return true
	}
	for _, c := range combinators {
		if base, found := strings.CutSuffix(name, c); found && base != "" && knownAggregate(base) {
			return true
		}
	}
	return false
}

func knownAggregate(name string) bool {
	if aggregates[name] || anyCase[strings.ToLower(name)] && aggregates[strings.ToLower(name)] {
		return true
	}
	for _, c := range combinators {
		if base, found := strings.CutSuffix(name, c); found && base != "" && knownAggregate(base) {
			return true
		}
	}
	return false
}
