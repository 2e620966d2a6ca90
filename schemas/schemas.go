// Package schemas holds the SQL of Firstlight's tables and views.
//
// Migrations and views are Go templates over one name, the database. A view's text may use the fragments, pieces
// of SQL that several views share, so that every statistic is written once. A view and its twin by segment, named
// <view>_segments, are one file.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"text/template"
)

//go:embed migrations/*.sql views/*.sql fragments/*.sql
var files embed.FS

// Migration is one step from a schema version to the next.
type Migration struct {
	Version    int      // from 1, without gaps
	Name       string   // the file's name
	Statements []string // each may run again after it has run
}

// View is one view with the statement that creates or replaces it.
type View struct {
	Name string
	SQL  string
}

// views lists every view of the contract. Twins also exist by segment.
var views = []struct {
	name string
	twin bool
}{
	{"activation_by_cohort", true},
	{"activation_by_entry_window", true},
	{"activation_by_window", true},
	{"activation_steps", true},
	{"ttfv_by_cohort", true},
	{"ttfv_by_entry_window", true},
	{"ttfv_by_window", true},
	{"progress_by_age", true},
	{"adoption_by_cohort", true},
	{"adoption_by_window", true},
	{"user_progress", false},
	{"stalled_users", false},
	{"event_volume", false},
	{"metric_status", false},
	{"metric_catalog", false},
	{"pipeline_progress", false},
	{"annotations", false},
	{"anomalies", false},
	{"incidents", false},
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
	for i, entry := range entries {
		version, err := strconv.Atoi(strings.SplitN(entry.Name(), "_", 2)[0])
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: file names must start with 0001, 0002, ... without gaps", entry.Name())
		}
		text, err := render(path.Join("migrations", entry.Name()), database, "", false)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: entry.Name(), Statements: statements(text)})
	}
	return all, nil
}

// Views returns every view, with its tables in the database named.
func Views(database string) ([]View, error) {
	var all []View
	for _, v := range views {
		for _, segments := range []bool{false, true} {
			if segments && !v.twin {
				continue
			}
			name := v.name
			if segments {
				name += "_segments"
			}
			text, err := render(path.Join("views", v.name+".sql"), database, name, segments)
			if err != nil {
				return nil, err
			}
			all = append(all, View{Name: name, SQL: text})
		}
	}
	return all, nil
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
func render(file, database, view string, segments bool) (string, error) {
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
		"args": func(all ...string) []string { return all },
	}
	t, err := template.New(path.Base(file)).Funcs(functions).ParseFS(files, file, "fragments/*.sql")
	if err != nil {
		return "", fmt.Errorf("parse %s: %w", file, err)
	}
	var text strings.Builder
	if err := t.Execute(&text, nil); err != nil {
		return "", fmt.Errorf("render %s: %w", file, err)
	}
	return strings.TrimSpace(text.String()) + "\n", nil
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
