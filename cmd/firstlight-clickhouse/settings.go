package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// engineSettings keep the engine small enough for a laptop beside other work.
var engineSettings = []string{
	"--display_name=firstlight",
	"--max_threads=2",
	"--max_insert_threads=1",
	"--async_insert=0", // an acknowledged insert is stored
	"--background_pool_size=2",
	"--background_merges_mutations_concurrency_ratio=2",
	"--background_move_pool_size=1",
	"--background_fetches_pool_size=1",
	"--background_common_pool_size=2",
	"--background_schedule_pool_size=4",
	"--background_buffer_flush_schedule_pool_size=1",
	"--background_message_broker_schedule_pool_size=1",
	"--background_distributed_schedule_pool_size=1",
	"--max_server_memory_usage_to_ram_ratio=0.4",
	"--mark_cache_size=134217728",
	"--primary_index_cache_size=134217728",
	"--index_mark_cache_size=67108864",
	"--query_condition_cache_size=16777216",
}

// privileges are what the one user may do: everything with tables and views, and nothing outside of them. The
// engine asks for no password, so whoever reaches its port on this machine could otherwise read and write the
// files of the user who runs it (file(), ENGINE = File), or run programs (dictionaries).
var privileges = []string{
	"SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE, CREATE FUNCTION, " +
		"DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, CHECK, KILL QUERY, dictGet, SYSTEM MERGES, SYSTEM TTL MERGES, " +
		"SYSTEM FLUSH, SYSTEM DROP CACHE, SYSTEM RELOAD, SYSTEM VIEWS ON *.*",
	"SET DEFINER ON *",
}

// engines are the database and table engines that keep to the data directory.
var engines = []string{
	"Atomic", "Memory", "Null", "Log", "TinyLog", "StripeLog", "Buffer", "Join", "Set", "Merge",
	"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree",
	"VersionedCollapsingMergeTree", "CoalescingMergeTree", "GraphiteMergeTree",
}

const usersXML = `<clickhouse>
	<profiles><default/></profiles>
	<quotas><default/></quotas>
	<users>
		<default>
			<password></password>
			<networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
			<profile>default</profile>
			<quota>default</quota>
			<grants>%s</grants>
		</default>
	</users>
</clickhouse>
`

// configure writes the engine's configuration files into dir and returns its settings. Naming a configuration
// keeps the engine from taking up one that lies in the working directory or the home directory.
func configure(dir string) ([]string, error) {
	var grants strings.Builder
	for _, p := range privileges {
		fmt.Fprintf(&grants, "<query>GRANT %s</query>", p)
	}
	for _, e := range engines {
		fmt.Fprintf(&grants, "<query>GRANT TABLE ENGINE ON %s</query>", e)
	}
	config, users := filepath.Join(dir, "config.xml"), filepath.Join(dir, "users.xml")
	for path, text := range map[string]string{config: "<clickhouse/>\n", users: fmt.Sprintf(usersXML, &grants)} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			return nil, fmt.Errorf("configuring the engine: %w", err)
		}
	}
	return append([]string{"--config-file=" + config, "--users_config=" + users}, engineSettings...), nil
}
