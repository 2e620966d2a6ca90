package schemas_test

import (
	"regexp"
	"strings"
	"testing"

	"firstlight/schemas"
)

// TestOnCluster: the forms that statements have for a cluster.
func TestOnCluster(t *testing.T) {
	for statement, want := range map[string]string{
		"CREATE DATABASE IF NOT EXISTS `fl`": "CREATE DATABASE IF NOT EXISTS `fl` ON CLUSTER `main`",
		"CREATE TABLE IF NOT EXISTS `fl`.a (\n n UInt8\n) ENGINE = ReplacingMergeTree ORDER BY n": "CREATE TABLE IF NOT EXISTS `fl`.a ON CLUSTER `main` (\n n UInt8\n) " +
			"ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/fl/a', '{replica}') ORDER BY n\nSETTINGS replicated_deduplication_window = 0",
		"-- Why.\n\nCREATE TABLE IF NOT EXISTS `fl`.`a`\n(n UInt8, v UInt8)\nENGINE = ReplacingMergeTree(v)\nORDER BY n": "-- Why.\n\nCREATE TABLE IF NOT EXISTS `fl`.`a` ON CLUSTER `main`\n(n UInt8, v UInt8)\n" +
			"ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/fl/a', '{replica}', v)\nORDER BY n\nSETTINGS replicated_deduplication_window = 0",
		"CREATE TABLE IF NOT EXISTS `fl`.a (\n n UInt8\n) ENGINE = ReplacingMergeTree\nORDER BY n\nSETTINGS index_granularity = 512": "CREATE TABLE IF NOT EXISTS `fl`.a ON CLUSTER `main` (\n n UInt8\n) " +
			"ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/fl/a', '{replica}')\nORDER BY n\nSETTINGS index_granularity = 512, replicated_deduplication_window = 0",
		"DROP TABLE IF EXISTS `fl`.a":                        "DROP TABLE IF EXISTS `fl`.a ON CLUSTER `main` SYNC",
		"CREATE OR REPLACE VIEW `fl`.`v`\n(n UInt8)":         "CREATE OR REPLACE VIEW `fl`.`v` ON CLUSTER `main`\n(n UInt8)",
		"CREATE ROLE IF NOT EXISTS `r`":                      "CREATE ROLE IF NOT EXISTS `r` ON CLUSTER `main`",
		"GRANT SELECT ON `fl`.`v` TO `r`":                    "GRANT ON CLUSTER `main` SELECT ON `fl`.`v` TO `r`",
		"ALTER TABLE `fl`.a ADD COLUMN IF NOT EXISTS m Date": "ALTER TABLE `fl`.a ADD COLUMN IF NOT EXISTS m Date",
		"INSERT INTO `fl`.a (n) SELECT 1":                    "INSERT INTO `fl`.a (n) SELECT 1",
	} {
		if got, err := schemas.OnCluster("main", statement); err != nil || got != want {
			t.Errorf("%s\nbecame\n%s\nnot\n%s\n%v", statement, got, want, err)
		}
		if got, err := schemas.OnCluster("", statement); err != nil || got != statement {
			t.Errorf("without a cluster %q became %q: %v", statement, got, err)
		}
	}
}

// TestOnClusterKnowsEveryStatement of the schema: what makes or drops something does so on all servers, and every table is replicated under
// its own name. A statement that it does not know must not be run on one server alone.
func TestOnClusterKnowsEveryStatement(t *testing.T) {
	migrations, err := schemas.Migrations("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	views, err := schemas.Views("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, migration := range migrations {
		all = append(all, migration.Statements...)
	}
	for _, view := range views {
		all = append(all, view.SQL)
	}
	comments, name := regexp.MustCompile(`(?m)^(--.*)?\n`), regexp.MustCompile("^CREATE TABLE IF NOT EXISTS `firstlight`.([a-z_]+)")
	for _, statement := range all {
		text, err := schemas.OnCluster("main", statement)
		if err != nil {
			t.Error(err)
			continue
		}
		text = comments.ReplaceAllString(text, "")
		everywhere := !strings.HasPrefix(text, "ALTER TABLE ") && !strings.HasPrefix(text, "INSERT INTO ")
		if strings.Contains(text, " ON CLUSTER `main`") != everywhere {
			t.Errorf("on all servers: %.100s", text)
		}
		if table := name.FindStringSubmatch(text); table != nil && !strings.Contains(text, "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/firstlight/"+table[1]+"', '{replica}'") {
			t.Errorf("it is not replicated: %.100s", text)
		}
	}
	for _, statement := range []string{
		"CREATE MATERIALIZED VIEW `a`.b AS SELECT 1", "CREATE TABLE IF NOT EXISTS `a`.b (n UInt8) ENGINE = MergeTree ORDER BY n",
		"RENAME TABLE `a`.b TO `a`.c", "DROP TABLE IF EXISTS `a`.b, `a`.c", "OPTIMIZE TABLE `a`.b",
	} {
		if text, err := schemas.OnCluster("main", statement); err == nil {
			t.Errorf("%q became %q", statement, text)
		}
	}
}
