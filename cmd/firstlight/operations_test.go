package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"firstlight/pipeline/testprocess"
)

// What docs/operations.md tells operators to do.

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// operationsCommands are the shell blocks that start with a word.
func operationsCommands(t *testing.T, word string) (blocks []string) {
	t.Helper()
	for _, m := range shellBlock.FindAllStringSubmatch(file(t, "../../docs/operations.md"), -1) {
		if strings.HasPrefix(m[1], word+" ") {
			blocks = append(blocks, m[1])
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("docs/operations.md has no command %s", word)
	}
	return blocks
}

// shell runs a block as an operator does.
func (b *box) shell(script string) string {
	b.t.Helper()
	c := testprocess.CommandContext(b.t.Context(), "sh", "-euc", script)
	c.Dir = b.dir
	c.Env = append(b.command(b.t.Context()).Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

func TestOperationsCommands(t *testing.T) {
	b := newMigratedBox(t)
	d := b.start("run")
	b.must("publish", b.write("events.ndjson", `{"event":"signed_up","userId":"u1"}`+"\n"))
	b.eventually("it is applied", func() bool { return d.tsv("SELECT sum(received) FROM pipeline_progress") == "1" })
	for _, block := range operationsCommands(t, "firstlight") {
		if out := b.shell(block); strings.TrimSpace(out) == "" && !strings.Contains(block, "dead") {
			t.Errorf("%s prints nothing", block)
		}
	}
}

// TestBackup restores a backup beside what came later.
func TestBackup(t *testing.T) {
	b := newMigratedBox(t)
	b.must("publish", "--historical", b.write("events.ndjson", funnel))
	b.must("run", "--drain")
	b.shell(operationsCommands(t, "cp")[0])
	b.must("publish", "--historical", b.write("later.ndjson", `{"event":"signed_up","userId":"u4","timestamp":"2026-03-21T10:00:00Z"}`+"\n"))
	b.must("run", "--drain")

	// restore takes NATS and ClickHouse from the backup or from what came later.
	restore := func(nats, clickhouse string) *box {
		o := newOther(b)
		for name, from := range map[string]string{"nats": nats, "clickhouse": clickhouse} {
			if err := os.CopyFS(filepath.Join(o.env["FIRSTLIGHT_DATA_DIR"], name), os.DirFS(filepath.Join(b.dir, from, name))); err != nil {
				t.Fatal(err)
			}
		}
		return o
	}
	const backup, later = "firstlight-backup", "data"
	for nats, want := range map[string]string{backup: "3", later: "4"} {
		o := restore(nats, backup)
		o.must("run", "--drain")
		if got := o.tsv("SELECT sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != want {
			t.Errorf("ClickHouse from the backup, NATS from %s: %s entered, want %s", nats, got, want)
		}
	}
	restore(backup, later).refusedRun("--rebuild")
}

// refusedRun expects run to exit 2 before it processes anything; its log is beside the one line.
func (b *box) refusedRun(words ...string) {
	b.t.Helper()
	r := b.firstlight("run", "--drain")
	if r.code != 2 {
		b.t.Errorf("exit %d, want 2:\n%s", r.code, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			b.t.Errorf("run does not say %q:\n%s", w, r.stderr)
		}
	}
}
