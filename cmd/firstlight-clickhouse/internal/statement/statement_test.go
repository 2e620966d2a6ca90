package statement

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScan(t *testing.T) {
	for _, c := range []struct {
		sql  string
		want Statement
		data string // of an Insert
	}{
		{sql: "SELECT 1", want: Statement{Kind: Select, Head: "SELECT 1"}},
		{sql: "select 1;", want: Statement{Kind: Select, Head: "select 1"}},
		{sql: "select 1 ; -- done\n;", want: Statement{Kind: Select, Head: "select 1 "}},
		{sql: "/* a */ -- b\n (((select 1)))", want: Statement{Kind: Select, Head: "/* a */ -- b\n (((select 1)))"}},
		{sql: "select 1 -- format JSON", want: Statement{Kind: Select, Head: "select 1 -- format JSON"}},
		{sql: "select 1 format JSON", want: Statement{Kind: Select, Head: "select 1 ", Format: "JSON"}},
		{sql: "select 1 format JSON;", want: Statement{Kind: Select, Head: "select 1 ", Format: "JSON"}},
		{
			sql:  "select 1 Format JSON settings max_threads = 1",
			want: Statement{Kind: Select, Head: "select 1 ", Format: "JSON", Tail: " settings max_threads = 1"},
		},
		{sql: "select format from t", want: Statement{Kind: Select, Head: "select format from t"}},
		{sql: "select 'format JSON' as format", want: Statement{Kind: Select, Head: "select 'format JSON' as format"}},
		{sql: "select (select 1 format JSON)", want: Statement{Kind: Select, Head: "select (select 1 format JSON)"}},
		{sql: "with a as (select 1) select * from a", want: Statement{Kind: Select, Head: "with a as (select 1) select * from a"}},
		{sql: "with a as (select 1) insert into t select * from a", want: Statement{Kind: Other, Head: "with a as (select 1) insert into t select * from a"}},
		{sql: "from t select x", want: Statement{Kind: Select, Head: "from t select x"}},
		{sql: "select ';' ; select 2", want: Statement{Kind: Select, Head: "select ';' ", Several: true}},
		{sql: "select 1 into outfile 'x'", want: Statement{Kind: Select, Head: "select 1 into outfile 'x'", File: true}},
		{sql: "select 'it''s \\' fine'", want: Statement{Kind: Select, Head: "select 'it''s \\' fine'"}},
		{sql: "select $a$ ; ' $a$", want: Statement{Kind: Select, Head: "select $a$ ; ' $a$"}},
		{sql: "select 'unfinished", want: Statement{Kind: Other, Head: "select 'unfinished"}},
		{sql: "select /* unfinished", want: Statement{Kind: Other, Head: "select /* unfinished"}},
		{sql: "show tables format JSON", want: Statement{Kind: Other, Head: "show tables ", Format: "JSON"}},
		{sql: "insert into t select 1", want: Statement{Kind: Other, Head: "insert into t select 1"}},
		{sql: "insert into t from infile 'x' format CSV", want: Statement{Kind: Other, Head: "insert into t from infile 'x' format CSV", File: true}},
		{sql: "", want: Statement{Kind: Other, Empty: true}},
		{sql: ";; -- nothing", want: Statement{Kind: Other, Empty: true}},
		{sql: "insert into t values (1), (2)", want: Statement{Kind: Insert, Head: "insert into t ", Format: "Values"}, data: " (1), (2)"},
		{sql: "insert into t (a, `values`) values (1, 2);", want: Statement{Kind: Insert, Head: "insert into t (a, `values`) ", Format: "Values"}, data: " (1, 2);"},
		{sql: "insert into values values (1)", want: Statement{Kind: Insert, Head: "insert into values ", Format: "Values"}, data: " (1)"},
		{sql: "insert into db.format format CSV\n1\n", want: Statement{Kind: Insert, Head: "insert into db.format ", Format: "CSV"}, data: "1\n"},
		{sql: "insert into t format TSV \r\n\n1", want: Statement{Kind: Insert, Head: "insert into t ", Format: "TSV"}, data: "\n1"},
		{sql: "insert into t settings async_insert=0 format JSONEachRow {\"a\":1}", want: Statement{Kind: Insert, Head: "insert into t settings async_insert=0 ", Format: "JSONEachRow"}, data: "{\"a\":1}"},
		{sql: "insert into t format CSV settings a = 0.5, b='x, y'\n1,2", want: Statement{Kind: Insert, Head: "insert into t ", Format: "CSV", Tail: " settings a = 0.5, b='x, y'"}, data: "1,2"},
		{sql: "insert into t format CSV settings a=1;1,2", want: Statement{Kind: Insert, Head: "insert into t ", Format: "CSV", Tail: " settings a=1"}, data: "1,2"},
		{sql: "insert into t format Native;\n\x00'", want: Statement{Kind: Insert, Head: "insert into t ", Format: "Native"}, data: "\x00'"},
		{sql: "insert into t format RowBinary", want: Statement{Kind: Insert, Head: "insert into t ", Format: "RowBinary"}},
		{sql: "insert into t", want: Statement{Kind: Insert, Head: "insert into t"}},
		{sql: "insert into function file('x') values (1)", want: Statement{Kind: Insert, Head: "insert into function file('x') ", Format: "Values"}, data: " (1)"},
	} {
		t.Run(c.sql, func(t *testing.T) {
			got := Scan([]byte(c.sql))
			if got.Kind == Insert && c.sql[got.Data:] != c.data {
				t.Errorf("data %q, want %q", c.sql[got.Data:], c.data)
			}
			got.Data = 0
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("found differs (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzScan demands that no text breaks the scan and that what it found lies within the text, in order.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{"select 1 format X", "insert into t values ('a", "with $x$ $x$ insert", "((;/*", "insert into t format"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		found := Scan(sql)
		if len(found.Head) > len(sql) || string(sql[:len(found.Head)]) != found.Head {
			t.Errorf("head %q is not the beginning of %q", found.Head, sql)
		}
		if found.Kind == Insert && (found.Data < len(found.Head) || found.Data > len(sql)) {
			t.Errorf("data of %q begins at %d, its head ends at %d", sql, found.Data, len(found.Head))
		}
	})
}
