package publish

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/testtool"
)

// TestTheTutorialsConversion runs the command that the tutorial gives on the real file.
func TestTheTutorialsConversion(t *testing.T) {
	const root = "../.."
	master, err := filepath.Abs(filepath.Join(root, "../shared/data/cdnow/CDNOW_master.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(master); err != nil {
		t.Skipf("the CDNOW purchases are not here: %v", err)
	}
	testtool.Path(t, "awk")
	dir := t.TempDir()
	if err := os.Symlink(master, filepath.Join(dir, "CDNOW_master.txt")); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sh", "-c", tutorialCommand(t, filepath.Join(root, "docs/tutorial-cdnow.md"), "## Convert"))
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}

	purchases, users, days := 0, map[string]bool{}, map[int64]bool{}
	dollars := map[string]bool{}
	stored := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	in, err := openInputs([]string{filepath.Join(dir, "cdnow.ndjson")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = in.each(context.Background(), func(l *line) error {
		var ev event.Event
		if r := event.Parse(&event.Message{Stored: stored, Data: l.data}, false, &ev); r.Verdict != event.Accepted || ev.Name != "purchase" {
			t.Fatalf("%s: %+v: %s", l.name(), r, l.data)
		}
		purchases++
		users[ev.User] = true
		days[ev.Time] = true
		dollars[ev.Text([]string{"properties", "dollars"})] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if purchases != 69_659 || len(users) != 23_570 {
		t.Errorf("%d purchases of %d customers, want 69,659 of 23,570", purchases, len(users))
	}
	first, last := time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1998, 6, 30, 0, 0, 0, 0, time.UTC)
	for day := range days {
		if at := time.UnixMilli(day).UTC(); at.Before(first) || at.After(last) || at != at.Truncate(24*time.Hour) {
			t.Errorf("a purchase is at %s", at)
		}
	}
	if !dollars["11.77"] || !dollars["77.00"] || dollars[event.None] {
		t.Errorf("the first purchases' dollars are missing, or some have none")
	}
}

// tutorialCommand is the shell block under a heading.
func tutorialCommand(t *testing.T, file, heading string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", file, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, ok := strings.Cut(section, "```sh\n")
	command, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatalf("%q has no shell block", heading)
	}
	return command
}
