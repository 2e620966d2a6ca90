package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"firstlight/cmd/firstlight/answers"
)

// The native protocol's formats are rendered here; where the rows come from makes no difference.
func TestNativeFormats(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	const sql = `SELECT toUInt64(7) AS n, NULL::Nullable(Float64) AS missing, 'a\tb"c' AS s, map('k', 1) AS m,
		toDateTime64('2026-03-02 09:00:00.250', 3, 'UTC') AS at, toDate('2026-03-02') AS day, [true, false] AS list`
	for format, want := range map[string]string{
		"TSV": `7	\N	a\tb"c	{"k":1}	2026-03-02 09:00:00.250	2026-03-02	[true,false]`,
		"TSVWithNames": "n\tmissing\ts\tm\tat\tday\tlist\n" +
			`7	\N	a\tb"c	{"k":1}	2026-03-02 09:00:00.250	2026-03-02	[true,false]`,
		"CSV":         `7,\N,"a` + "\t" + `b""c","{""k"":1}",2026-03-02 09:00:00.250,2026-03-02,"[true,false]"`,
		"JSONEachRow": `{"n":7,"missing":null,"s":"a\tb\"c","m":{"k":1},"at":"2026-03-02 09:00:00.250","day":"2026-03-02","list":[true,false]}`,
		"Pretty": "n  missing  s      m        at                       day         list\n" +
			`7  NULL     a b"c  {"k":1}  2026-03-02 09:00:00.250  2026-03-02  [true,false]`,
	} {
		o, err := clickhouse.ParseDSN(d.clickHouse())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := answers.Native(t.Context(), o, "firstlight", sql, format, &out); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, got, want)
		}
	}
	o, err := clickhouse.ParseDSN(d.clickHouse())
	if err != nil {
		t.Fatal(err)
	}
	if err := answers.Native(t.Context(), o, "firstlight", sql, "Parquet", &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "http://") {
		t.Errorf("Parquet: %v", err)
	}
}

// A server of others is only read: what looks into it creates nothing there.
func TestLookingChangesNothing(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	b.env["CLICKHOUSE_URL"], b.env["FIRSTLIGHT_DATABASE"] = d.clickHouse(), "elsewhere"
	b.refused(1, []string{"elsewhere"}, "query", "SELECT * FROM metric_status")
	b.refused(1, []string{"elsewhere"}, "status")
	if got := d.tsv("SELECT count() FROM system.databases WHERE name = 'elsewhere'"); got != "0" {
		t.Error("the database was created")
	}
}
