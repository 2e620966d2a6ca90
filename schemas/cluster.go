package schemas

import (
	"fmt"
	"regexp"
	"strings"
)

// On a cluster every server makes the same tables and views, and the tables' rows are replicated: each server has all of them. There
// are no shards of Firstlight's own.

var (
	createTable = regexp.MustCompile("^(CREATE TABLE IF NOT EXISTS) (`[A-Za-z0-9_]+`)\\.(`?[a-z_]+`?)")
	dropTable   = regexp.MustCompile("^(DROP TABLE IF EXISTS `[A-Za-z0-9_]+`\\.`?[a-z_]+`?)$")
	createView  = regexp.MustCompile("^(CREATE OR REPLACE VIEW `[A-Za-z0-9_]+`\\.`?[a-z_]+`?)")
	createRole  = regexp.MustCompile("^(CREATE ROLE IF NOT EXISTS `[a-z_]+`)$")
	createDB    = regexp.MustCompile("^(CREATE DATABASE IF NOT EXISTS `[A-Za-z0-9_]+`)$")
	tableEngine = regexp.MustCompile(`(?m)(\bENGINE = )ReplacingMergeTree(?:\(([a-z_]+)\))?`)
)

// ReplicaMacros are those of a server's configuration that name a replica's place in Keeper.
var ReplicaMacros = []string{"shard", "replica"}

// OnCluster returns the form that a statement of Firstlight's schema has where its tables are replicated over the servers of a cluster.
// A cluster without a name leaves it as it is. Rows and changes of a table's columns are replicated by the table itself.
func OnCluster(cluster, statement string) (string, error) {
	if cluster == "" {
		return statement, nil
	}
	// Comments come before some statements, and stay there.
	comments, statement := leadingComments(statement)
	on := " ON CLUSTER " + Quote(cluster)
	switch {
	case createTable.MatchString(statement):
		text, err := replicated(on, statement)
		return comments + text, err
	case dropTable.MatchString(statement): // SYNC: a table of that name can be made again at once
		statement += on + " SYNC"
	case createView.MatchString(statement):
		statement = createView.ReplaceAllString(statement, "${1}"+on)
	case createRole.MatchString(statement):
		statement += on
	case createDB.MatchString(statement):
		statement += on
	case strings.HasPrefix(statement, "GRANT SELECT ON "):
		statement = "GRANT" + on + strings.TrimPrefix(statement, "GRANT")
	case strings.HasPrefix(statement, "ALTER TABLE "), strings.HasPrefix(statement, "INSERT INTO "):
	default:
		first, _, _ := strings.Cut(statement, "\n")
		return "", fmt.Errorf("the statement %q has no form for a cluster: write it as others are, or say so in schemas/cluster.go", first)
	}
	return comments + statement, nil
}

// replicated is a statement that makes a table, with an engine that replicates its rows. Blocks are not compared with those written
// before: rows are absolute, and one that was deleted may be written again as it was.
func replicated(on, statement string) (string, error) {
	name := createTable.FindStringSubmatch(statement)
	database, table := strings.Trim(name[2], "`"), strings.Trim(name[3], "`")
	if len(tableEngine.FindAllString(statement, -1)) != 1 {
		return "", fmt.Errorf("the table %s has no engine that has a form for a cluster", table)
	}
	statement = createTable.ReplaceAllString(statement, "${0}"+on)
	settings := "\nSETTINGS "
	if strings.Contains(statement, settings) {
		settings = ", "
	}
	return tableEngine.ReplaceAllStringFunc(statement, func(engine string) string {
		part := tableEngine.FindStringSubmatch(engine)
		arguments := fmt.Sprintf("'/clickhouse/tables/{shard}/%s/%s', '{replica}'", database, table)
		if part[2] != "" {
			arguments += ", " + part[2]
		}
		return part[1] + "ReplicatedReplacingMergeTree(" + arguments + ")"
	}) + settings + "replicated_deduplication_window = 0", nil
}

// leadingComments separates the comments before a statement from it.
func leadingComments(statement string) (comments, rest string) {
	rest = statement
	for strings.HasPrefix(rest, "--") {
		_, after, _ := strings.Cut(rest, "\n")
		rest = strings.TrimLeft(after, "\n")
	}
	return statement[:len(statement)-len(rest)], rest
}
