package page

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// maxRows bounds every answer.
const maxRows = 20_000

//go:embed sql/*.sql sql/shared/*.sql
var texts embed.FS

// sql holds one template per query, named as its file: those below sql, and those of each kind's room. They use:
//
//	{{view "name"}}     a view of the database
//	{{twin "name"}}     the same, or its twin by segment when a segment is asked for
//	{{wilson "k" "n"}}  k / n with its 95 % limits, as the columns value, low and high; a third text begins their names
//	{{limit}}           the end of every query
//	{{times}}           the kinds whose value is a time, as strings of SQL
//	{{unions "part"}}   the part of each kind's room, <kind>_part, one after the other
//
// and the pieces of SQL in sql/shared.
var sql = templates()

func templates() *template.Template {
	t := template.Must(template.New("").Funcs(functions("", &values{}, nil)).ParseFS(texts, "sql/*.sql", "sql/shared/*.sql"))
	for _, k := range kind.All {
		template.Must(t.ParseFS(k.Files(), "page/*.sql", "page/parts/*.sql"))
	}
	return t
}

func functions(database string, v *values, t *template.Template) template.FuncMap {
	view := func(name string) string { return database + "." + name }
	return template.FuncMap{
		"quote": quote,
		"view":  view,
		"twin": func(name string) string {
			if v.Segment != "" {
				name += "_segments"
			}
			return view(name)
		},
		"wilson": wilson,
		"limit":  func() string { return fmt.Sprintf("LIMIT %d", maxRows) },
		"times": func() string {
			return "'" + strings.Join(kind.With(func(t catalog.Traits) bool { return t.Time != "" }), "', '") + "'"
		},
		"unions": func(part string) (string, error) {
			var parts []string
			for _, k := range kind.All {
				var text strings.Builder
				if err := t.ExecuteTemplate(&text, k.String()+"_"+part, v); err != nil {
					return "", err
				}
				parts = append(parts, text.String())
			}
			return strings.Join(parts, "\n    UNION ALL\n    "), nil
		},
	}
}

// wilson writes k of n as a share with its 95 % Wilson interval, as the views compute it, in columns whose names begin with a prefix.
func wilson(k, n string, prefix ...string) string {
	name := strings.Join(prefix, "")
	const bound = "(%[1]s + 1.920729410347062 %[3]s 1.959963984540054 * sqrt(%[1]s * (%[2]s - %[1]s) / %[2]s + 0.960364705173531)) / (%[2]s + 3.841458820694124)"
	return fmt.Sprintf("%[1]s / nullIf(%[2]s, 0) AS %[3]svalue,\n    multiIf(%[2]s = 0, NULL, %[1]s <= 0, 0., ", k, n, name) + fmt.Sprintf(bound, k, n, "-") + ") AS " + name + "low,\n" +
		fmt.Sprintf("    multiIf(%[2]s = 0, NULL, %[1]s >= %[2]s, 1., ", k, n) + fmt.Sprintf(bound, k, n, "+") + ") AS " + name + "high"
}

// known tells the queries from everything else that a path may name: the pieces they are made of, folders, other files.
func known(name string) bool { return slices.Contains(names, name) }

// names are those of all queries.
var names = queryNames()

func queryNames() (all []string) {
	add := func(from fs.FS, pattern string) {
		files, err := fs.Glob(from, pattern)
		if err != nil {
			panic("BUG: a pattern of files: " + err.Error())
		}
		for _, f := range files {
			all = append(all, strings.TrimSuffix(path.Base(f), ".sql"))
		}
	}
	add(texts, "sql/*.sql")
	for _, k := range kind.All {
		add(k.Files(), "page/*.sql")
	}
	return all
}

// render writes the SQL of a query for the values asked for.
func render(name, database string, v *values) string {
	var text strings.Builder
	t := template.Must(sql.Clone())
	if err := t.Funcs(functions(database, v, t)).ExecuteTemplate(&text, name+".sql", v); err != nil {
		panic("BUG: a query that cannot be written: " + err.Error())
	}
	return tidy(text.String())
}

// tidy drops the empty lines that templates leave.
func tidy(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
