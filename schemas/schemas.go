// Package schemas holds the SQL of Firstlight's tables and views.
//
// Migrations and views are Go templates over one name, the database. A view's text may use the fragments, pieces
// of SQL that several views share, so that every statistic is written once. A view whose text says {{if segments}} has a
// twin by segment, named <view>_segments: both are one file. The views of a kind of metric stand in the kind's room, and
// those that all kinds share name the kinds by what they are made of.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"text/template"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

//go:embed migrations/*.sql views/*.sql fragments/*.sql statements/*.sql
var files embed.FS

// ExampleSaaS is the example catalog of a team product.
//
//go:embed examples/saas.yaml
var ExampleSaaS []byte

// ExampleDemo is the catalog of the demo.
//
//go:embed examples/demo.yaml
var ExampleDemo []byte

// Migration is one step from a schema version to the next.
type Migration struct {
	Version    int      // from 1, ascending; there may be gaps
	Name       string   // the file's name
	Statements []string // each may run again after it has run
}

// View is one view with the statement that creates or replaces it.
type View struct {
	Name string
	SQL  string
}

// Quote writes a name as a ClickHouse identifier.
func Quote(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// Migrations returns all migrations in order, with their tables in the database named.
func Migrations(database string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, "migrations")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []Migration
	for _, entry := range entries {
		version, err := strconv.Atoi(strings.SplitN(entry.Name(), "_", 2)[0])
		if err != nil || len(all) > 0 && version <= all[len(all)-1].Version {
			return nil, fmt.Errorf("migration %s: file names must start with a number of their own, such as 0001", entry.Name())
		}
		text, err := render(files, path.Join("migrations", entry.Name()), database, "", false)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: entry.Name(), Statements: statements(text)})
	}
	return all, nil
}

// WindowDays returns the query of the rows that window_days is to have, of all generations. It reads the calendar and the catalogs.
func WindowDays(database string) (string, error) {
	return render(files, "statements/window_days.sql", database, "", false)
}

// Views returns every view, with its tables in the database named: first those of the kinds, then those that all share.
func Views(database string) ([]View, error) {
	var all []View
	for _, from := range rooms() {
		names, err := fs.Glob(from, "views/*.sql")
		if err != nil {
			return nil, fmt.Errorf("list views: %w", err)
		}
		for _, name := range names {
			views, err := withTwin(from, name, database)
			if err != nil {
				return nil, err
			}
			all = append(all, views...)
		}
	}
	return all, nil
}

// rooms are where views stand.
func rooms() []fs.FS {
	var all []fs.FS
	for _, k := range kind.All {
		all = append(all, k.Files())
	}
	return append(all, files)
}

// withTwin renders a file's view, and the view's twin when it has one.
func withTwin(from fs.FS, file, database string) ([]View, error) {
	text, err := fs.ReadFile(from, file)
	if err != nil {
		return nil, fmt.Errorf("read a view: %w", err)
	}
	name := strings.TrimSuffix(path.Base(file), ".sql")
	whole, err := render(from, file, database, name, false)
	if err != nil || !strings.Contains(string(text), "{{if segments}}") {
		return []View{{name, whole}}, err
	}
	twin, err := render(from, file, database, name+"_segments", true)
	return []View{{name, whole}, {name + "_segments", twin}}, err
}

// statements splits a migration at semicolons that end a line.
func statements(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text+"\n", ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// render executes one file's template with the fragments at hand.
func render(from fs.FS, file, database, view string, segments bool) (string, error) {
	functions := template.FuncMap{
		"db":   func() string { return Quote(database) },
		"view": func() string { return Quote(database) + "." + Quote(view) },
		// segments says whether this is the twin by segment.
		"segments": func() bool { return segments },
		// seg lists the twin's extra columns, read from a table alias such as "e.".
		"seg": func(alias string) string {
			if !segments {
				return ""
			}
			return columns(alias, "segment, segment_value") + ","
		},
		// segmented keeps the rows of the whole cohort, or those of segments.
		"segmented": func() string {
			if segments {
				return "segment != ''"
			}
			return "segment = '' AND segment_value = ''"
		},
		"columns": columns,
		// equal joins two aliases on the columns listed, and on the segment in a twin.
		"equal": func(left, right, list string) string {
			if segments {
				list += ", segment, segment_value"
			}
			var terms []string
			for name := range strings.SplitSeq(list, ", ") {
				terms = append(terms, left+name+" = "+right+name)
			}
			return strings.Join(terms, " AND ")
		},
		// args names what a fragment takes: args "k" "activated" "n" "eligible".
		"args": func(pairs ...string) (map[string]string, error) {
			if len(pairs)%2 != 0 {
				return nil, fmt.Errorf("args are names and values in turn, not %q", pairs)
			}
			named := map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				named[pairs[i]] = pairs[i+1]
			}
			return named, nil
		},
		// kinds lists, as strings of SQL, the names of the kinds that a trait is true of.
		"kinds": func(trait string) (string, error) {
			such, known := traits[trait]
			if !known {
				return "", fmt.Errorf("no trait %q", trait)
			}
			return "'" + strings.Join(kind.With(such), "', '") + "'", nil
		},
		// kind_names lists the names of all kinds in words: activation, ttfv or adoption.
		"kind_names": func() string {
			names := kind.With(func(catalog.Traits) bool { return true })
			last := len(names) - 1
			return strings.Join(names[:last], ", ") + " or " + names[last]
		},
	}
	t, err := template.New(path.Base(file)).Option("missingkey=error").Funcs(functions).ParseFS(files, "fragments/*.sql")
	if err == nil {
		t, err = t.ParseFS(from, file)
	}
	if err != nil {
		return "", fmt.Errorf("parse %s: %w", file, err)
	}
	var text strings.Builder
	if err := t.Execute(&text, nil); err != nil {
		return "", fmt.Errorf("render %s: %w", file, err)
	}
	return strings.TrimSpace(text.String()) + "\n", nil
}

// traits are what views may ask of kinds.
var traits = map[string]func(catalog.Traits) bool{
	"reached":   func(t catalog.Traits) bool { return t.Reached },
	"by_age":    func(t catalog.Traits) bool { return t.ByAge },
	"by_period": func(t catalog.Traits) bool { return t.ByPeriod.View != "" },
	"time":      func(t catalog.Traits) bool { return t.Time != "" },
}

// columns lists columns of a table alias under their own names.
func columns(alias, list string) string {
	if alias == "" {
		return list
	}
	var all []string
	for name := range strings.SplitSeq(list, ", ") {
		all = append(all, alias+name+" AS "+name)
	}
	return strings.Join(all, ", ")
}
