package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"firstlight/cmd/firstlight-clickhouse/internal/reader"
	"firstlight/cmd/firstlight-clickhouse/internal/reader/readertest"
)

// FuzzReader: a statement that the port for readers answers reads open tables by known functions, as the engine's analyzer resolves
// them: the door inspects the syntax. A statement that computes for long is ended: only what it reads matters here.
func FuzzReader(f *testing.F) {
	d := newDesk(f)
	pid := d.Pid()
	for _, s := range readertest.Hostile("/victim") {
		f.Add(s.SQL)
	}
	for _, s := range readertest.Readings() {
		f.Add(s.SQL)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := reader.Read(sql)
		if err != nil || s.Kind != reader.Select {
			return
		}
		if r := send(t, http.MethodPost, d.readers, strings.NewReader(sql), "param_p", "1", "param_t", "users", "max_execution_time", "1"); r.status != http.StatusOK {
			return
		}
		tree := send(t, http.MethodPost, d.DSN("firstlight"), strings.NewReader("EXPLAIN QUERY TREE run_passes = 1, passes = 1 "+s.SQL+" "+s.Tail+" FORMAT TSVRaw"), "param_p", "1", "param_t", "users")
		for _, found := range resolved.FindAllStringSubmatch(tree.body, -1) {
			switch {
			case found[1] == "table_name" && !openTables.MatchString(found[2]):
				t.Errorf("%q reads %s", sql, found[2])
			case found[1] == "table_function_name" && !regexp.MustCompile(`^(numbers|numbers_mt|zeros|zeros_mt|generateSeries|generate_series|values|SQLStandardValues)$`).MatchString(found[2]):
				t.Errorf("%q reads the table function %s", sql, found[2])
			case found[1] == "function_name" && harmful.MatchString(found[2]):
				t.Errorf("%q calls %s", sql, found[2])
			}
		}
		d.unharmed(t, pid)
	})
}

var (
	resolved   = regexp.MustCompile(`\b(table_name|table_function_name|function_name): ([^,\n]+)`)
	openTables = regexp.MustCompile(`^(firstlight\.metric_status|(?i:information_schema)\.\w+|system\.(one|numbers|numbers_mt|zeros|zeros_mt|tables|columns|databases|functions|formats|settings|table_engines|data_type_families|keywords))$`)
	harmful    = regexp.MustCompile(`(?i)^(file|sleep|sleepEachRow|dictGet.*|joinGet.*|address.*|demangle|structureTo.*|getServerSetting|getMacro|hasColumnInTable|formatRow.*|finalizeAggregation|` +
		`initializeAggregation|catboost.*|evalMLMethod|ai[A-Z].*|region.*|logTrace|tid|filesystem.*|showCertificate|globalVariable|getClientHTTPHeader|chdb|fuzzQuery|transaction.*|` +
		`zookeeper.*|reinterpret|flameGraph.*|aggThrow.*|.*State|.*Merge|__.*)$`)
)
