// Package reader inspects what readers may have the engine do. It lets through what it knows: one reading statement of a
// known kind, over open views and metadata, with known functions, settings and formats. It does no I/O: what the engine
// says of a statement (its syntax tree, whether a table exists) is handed in.
//
// A statement passes two inspections. The tokens tell its kind, and every SETTINGS, FORMAT and INTO clause, which the tree
// does not show; the tree tells every table and function, which tokens alone cannot.
package reader

import (
	"fmt"
	"slices"
	"strings"
)

// Refusal is why a statement is not run, with ClickHouse's code for it.
type Refusal struct {
	Code int
	Text string
}

func (r *Refusal) Error() string { return r.Text }

// ClickHouse's codes of refusals.
const (
	CodeSyntax          = 62
	CodeUnknownFormat   = 73
	CodeUnknownDatabase = 81
	CodeSetting         = 452
	CodeDenied          = 497
)

func refuse(code int, format string, values ...any) error {
	return &Refusal{code, fmt.Sprintf(format, values...)}
}

// denied is the refusal of what readers may not do.
func denied(format string, values ...any) error { return refuse(CodeDenied, format, values...) }

// Policy says what is open to readers.
type Policy struct {
	Database string   // Firstlight's
	Views    []string // its views without single users
	People   []string // its views of single users
}

// Sight is what somebody may see.
type Sight uint8

const (
	Aggregates Sight = iota // views without single users
	People                  // all views
	Everything              // all tables
)

// Open tells whether a table may be read with a sight.
func (p *Policy) Open(database, table string, sight Sight) bool {
	switch database {
	case p.Database:
		return sight == Everything || slices.Contains(p.Views, table) || sight == People && slices.Contains(p.People, table)
	case "system":
		return sight == Everything || slices.Contains(metadata, table)
	case "information_schema", "INFORMATION_SCHEMA":
		return slices.Contains(informationSchema, strings.ToLower(table))
	}
	return false
}

// Current returns the database that names without one belong to, of the one a client asks for. Clients that ask for
// none, or for the server's default, mean Firstlight's.
func (p *Policy) Current(asked string) (string, error) {
	switch asked {
	case "", "default", p.Database:
		return p.Database, nil
	case "system", "information_schema", "INFORMATION_SCHEMA":
		return asked, nil
	}
	return "", refuse(CodeUnknownDatabase, "Database %s is not open to readers: use %s", asked, p.Database)
}

// metadata are the tables of the database system that tell of structure, and what clients ask for it.
var metadata = []string{
	"aggregate_function_combinators", "build_options", "clusters", "collations", "columns", "constraints", "contributors", "current_roles",
	"data_skipping_indices", "data_type_families", "database_engines", "databases", "dictionaries", "documentation", "enabled_roles", "formats", "functions",
	"keywords", "licenses", "macros", "numbers", "numbers_mt", "one", "roles", "settings", "table_engines", "table_functions",
	"tables", "time_zones", "zeros", "zeros_mt",
}

var informationSchema = []string{
	"tables", "columns", "schemata", "views", "key_column_usage", "referential_constraints", "statistics", "engines", "character_sets", "collations",
}

// formats are the output formats that write to the reader and nowhere else, in lower case.
var formats = strings.Fields(strings.ToLower(`
	TabSeparated TabSeparatedWithNames TabSeparatedWithNamesAndTypes TabSeparatedRaw TabSeparatedRawWithNames TabSeparatedRawWithNamesAndTypes
	TSV TSVWithNames TSVWithNamesAndTypes TSVRaw TSVRawWithNames TSVRawWithNamesAndTypes Raw RawWithNames RawWithNamesAndTypes LineAsString TSKV
	CSV CSVWithNames CSVWithNamesAndTypes Values SQLInsert XML Markdown MD Vertical Null
	JSON JSONStrings JSONCompact JSONCompactStrings JSONColumns JSONColumnsWithMetadata JSONCompactColumns JSONObjectEachRow
	JSONEachRow JSONLines JSONL NDJSON JSONStringsEachRow JSONCompactEachRow JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes
	JSONCompactStringsEachRow JSONCompactStringsEachRowWithNames JSONCompactStringsEachRowWithNamesAndTypes
	JSONEachRowWithProgress JSONStringsEachRowWithProgress JSONCompactEachRowWithProgress JSONCompactStringsEachRowWithProgress PrettyJSONEachRow
	Pretty PrettyNoEscapes PrettyMonoBlock PrettyNoEscapesMonoBlock PrettyCompact PrettyCompactNoEscapes PrettyCompactMonoBlock
	PrettyCompactNoEscapesMonoBlock PrettySpace PrettySpaceNoEscapes PrettySpaceMonoBlock PrettySpaceNoEscapesMonoBlock
	Native RowBinary RowBinaryWithNames RowBinaryWithNamesAndTypes Parquet Arrow ArrowStream MsgPack`))

// CheckFormat refuses output formats that are not known to be harmless.
func CheckFormat(name string) error {
	if !slices.Contains(formats, strings.ToLower(name)) {
		return refuse(CodeUnknownFormat, "Format %s is not open to readers: use TabSeparated, CSV, JSON, JSONEachRow, Native, RowBinary, Parquet, Arrow or a variant of these", name)
	}
	return nil
}
