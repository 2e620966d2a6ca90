package reader_test

// Mutations of what readers must not do, and of what they may: whatever passes the door is looked at again, in a way that shares
// nothing with it.

import (
	"regexp"
	"strings"
	"testing"

	"firstlight/cmd/firstlight-clickhouse/internal/reader"
	"firstlight/cmd/firstlight-clickhouse/internal/reader/readertest"
)

// FuzzStatement: whatever passes by its tokens is sent to the engine without a second statement, a comment, a file, or a setting or
// format beyond those that are open. It needs no engine.
func FuzzStatement(f *testing.F) {
	for _, s := range readertest.Hostile("/victim") {
		f.Add(s.SQL)
	}
	for _, s := range readertest.Readings() {
		f.Add(s.SQL)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := reader.Read(sql)
		if err != nil || s.Kind == reader.Empty {
			return
		}
		if problem := plainly(s.SQL + "\nFORMAT " + s.Format + " " + s.Tail); problem != "" {
			t.Errorf("%q is sent as %q with the format %q and %q: %s", sql, s.SQL, s.Format, s.Tail, problem)
		}
		if problem := plainly(s.Inspected); problem != "" {
			t.Errorf("%q is inspected as %q: %s", sql, s.Inspected, problem)
		}
		if ownFormat.MatchString(outermost(bare(s.SQL))) {
			t.Errorf("%q is sent as %q, with a format that nobody checked", sql, s.SQL)
		}
		again, err := reader.Read(s.SQL)
		if err != nil || again.SQL != s.SQL || again.Kind != s.Kind || again.Inspected != s.Inspected {
			t.Errorf("%q is sent as %q, which is read as %+v (%v)", sql, s.SQL, again, err)
		}
	})
}

// ownFormat is a FORMAT clause at the end of a statement without texts.
var ownFormat = regexp.MustCompile(`(?is)\S\s+FORMAT\s+[a-z]\w*(\s+SETTINGS\s.*)?$`)

// bare is a statement without what its texts and quoted names say.
func bare(sql string) string { return quoted.ReplaceAllString(sql, " _ ") }

// outermost is a statement without texts, less what stands in brackets: a format is for the whole.
func outermost(text string) string {
	for before := ""; before != text; {
		before, text = text, brackets.ReplaceAllString(text, " _ ")
	}
	return text
}

var brackets = regexp.MustCompile(`\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}`)

var simpleName = regexp.MustCompile("^[`\"]\\w+[`\"]$")

// nextQuery is what ends a list of settings besides a bracket.
var nextQuery = regexp.MustCompile(`(?i)([^=,\s]\s+)(?:FORMAT|UNION|EXCEPT|INTERSECT)\b`)

var quoted = regexp.MustCompile("(?s)'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|\"[^\"]*\"")

// plainly says what is wrong with a statement that is sent to the engine; empty when it is harmless.
func plainly(sql string) string {
	text := bare(sql)
	if at := regexp.MustCompile(`--|/\*|[#$;'"\x60\\@]|[^\n -~]`).FindString(text); at != "" {
		return "there is " + at + " outside of quotes"
	}
	if word := regexp.MustCompile(`(?i)\b(INTO|OUTFILE|INFILE|PARALLEL\s+WITH)\b`).FindString(text); word != "" {
		return "there is " + word
	}
	if format := regexp.MustCompile(`(?i)\bFORMAT\s+(Template\w*|CustomSeparated\w*|Protobuf\w*|CapnProto|Avro|ORC|Regexp|Form|MySQL\w*|Postgre\w*|ODBC\w*|Npy|One|Hash|Buffers|RawBLOB)\s*(\sSETTINGS\s.*)?$`).FindString(outermost(text)); format != "" {
		return "there is " + format
	}
	names := quoted.ReplaceAllStringFunc(sql, func(q string) string {
		if simpleName.MatchString(q) && !strings.EqualFold(q[1:len(q)-1], "settings") {
			return q[1 : len(q)-1]
		}
		return " _ "
	})
	for _, clause := range regexp.MustCompile(`(?i)\bSETTINGS\s+\w+\s*[=,][^()]*`).FindAllString(names, -1) {
		clause, _, _ = strings.Cut(nextQuery.ReplaceAllString(clause, "$1("), "(")
		for _, found := range regexp.MustCompile(`(?i)(?:^SETTINGS\s|,)\s*(\w+)\s*=`).FindAllStringSubmatch(clause, -1) {
			if forbidden.MatchString(found[1]) {
				return "it sets " + found[1]
			}
		}
	}
	return ""
}

// forbidden are settings that name files, schemas, disks or addresses, or change what views mean. result_overflow_mode ends a result.
var forbidden = regexp.MustCompile(`(?i)schema|path|disk|file|url|host|endpoint|compatibility|analyzer|allow_ddl|readonly|profile|template|protobuf|capn|join_default|join_algorithm|` +
	`(read|set|group_by|sort|distinct|join|transfer)\w*_overflow|memory|cache|result_filter|log_comment|s3_|introspection|dialect`)
