package storage_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRolledBackStream: a stream that comes back from a backup and ends before what was stored is read again from its
// start; what was stored of messages that it does not have is gone.
func TestRolledBackStream(t *testing.T) {
	h := newHarness(t)
	h.publish("ci", note("1", "Release 1"))
	dir := h.dir
	h.stop()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	h.serve(dir)
	h.publish("ci", note("1", "lost"), note("2", "lost"), "bad")
	h.drain(h.follower())
	h.shows("ci 1 lost", "ci 2 lost")

	h.stop()
	h.serve(backup)
	h.drain(h.follower())
	h.shows("ci 1 Release 1")
	h.publish("ci", note("1", "Release 1 again"))
	h.drain(h.follower())
	h.shows("ci 1 Release 1 again")
}
