package page

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"text/template"
)

// maxRows bounds every answer.
const maxRows = 20_000

//go:embed sql/*.sql sql/shared/*.sql
var texts embed.FS

// sql holds one template per query, named as its file. They use:
//
//	{{view "name"}}     a view of the database
//	{{twin "name"}}     the same, or its twin by segment when a segment is asked for
//	{{wilson "k" "n"}}  k / n with its 95 % limits, as the columns value, low and high
//	{{limit}}           the end of every query
//
// and the pieces of SQL in sql/shared.
var sql = template.Must(template.New("").Funcs(functions("", &values{})).ParseFS(texts, "sql/*.sql", "sql/shared/*.sql"))

func functions(database string, v *values) template.FuncMap {
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
	}
}

// wilson writes k of n as a share with its 95 % Wilson interval, as the views compute it.
func wilson(k, n string) string {
	const bound = "(%[1]s + 1.920729410347062 %[3]s 1.959963984540054 * sqrt(%[1]s * (%[2]s - %[1]s) / %[2]s + 0.960364705173531)) / (%[2]s + 3.841458820694124)"
	return fmt.Sprintf("%[1]s / nullIf(%[2]s, 0) AS value,\n    multiIf(%[2]s = 0, NULL, %[1]s <= 0, 0., ", k, n) + fmt.Sprintf(bound, k, n, "-") + ") AS low,\n" +
		fmt.Sprintf("    multiIf(%[2]s = 0, NULL, %[1]s >= %[2]s, 1., ", k, n) + fmt.Sprintf(bound, k, n, "+") + ") AS high"
}

// known tells the queries from the pieces they are made of.
func known(name string) bool {
	_, err := fs.Stat(texts, "sql/"+name+".sql")
	return err == nil
}

// render writes the SQL of a query for the values asked for.
func render(name, database string, v *values) string {
	var text strings.Builder
	t := template.Must(sql.Clone())
	if err := t.Funcs(functions(database, v)).ExecuteTemplate(&text, name+".sql", v); err != nil {
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
