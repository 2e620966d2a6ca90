package facts_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"firstlight/pipeline/cohort"
)

// TestFirstVersion: users that the first version stored are read, and count what they did. testdata/first.txt holds such users of the
// catalog of the laws as it was, and what the first version counted for them.
func TestFirstVersion(t *testing.T) { countsAsStored(t, "testdata/first.txt", firstCatalog, "") }

// TestBeforeDays: users that were stored before steps could count days are read, and count what they did, under a catalog with such
// steps too.
func TestBeforeDays(t *testing.T) {
	countsAsStored(t, "testdata/second.txt", secondCatalog, "")
	countsAsStored(t, "testdata/second.txt", secondCatalog, daysCatalog)
}

// countsAsStored reads the users of a file under the catalog that it was written with, and more metrics.
func countsAsStored(t *testing.T, path, text, more string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(file), "\nuser ")[1:] {
		var (
			windows string
			prune   int64
			stored  []byte
		)
		head, want, _ := strings.Cut(block, "\n")
		if _, err := fmt.Sscanf(head, "%q %d %x", &windows, &prune, &stored); err != nil {
			t.Fatal(err)
		}
		metrics := len(load(t, text, windows).Metrics)
		u := newUser(load(t, text+more, windows))
		if err := u.facts.Load(stored); err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			t.Helper()
			if got := strings.Join(u.counted(metrics, prune), "\n"); got != strings.TrimSuffix(want, "\n") {
				t.Errorf("user %d (%s) counts %s\n%s\nwant\n%s", i, hex.EncodeToString(stored), when, got, want)
			}
		}
		check("as it is read")
		u.facts.Open(u.facts.Append(nil))
		check("once it is held")
		if err := u.facts.Load(u.facts.Store(nil)); err != nil {
			t.Fatal(err)
		}
		check("once it is stored anew")
		if err := u.facts.Load(u.facts.StoreByLayout(nil)); err != nil {
			t.Fatal(err)
		}
		check("once it is stored by layout")
		u.joiner.Collapse(u.facts, prune, prune)
		check("once final windows have left it")
	}
}

// counted lists what the user counts in the first metrics, and its entries.
func (u *user) counted(metrics int, prune int64) (lines []string) {
	for i, m := range u.joiner.Catalog.Metrics[:metrics] {
		for _, c := range u.folder.Metric(nil, u.facts, i, prune, cohort.Focus{}) {
			lines = append(lines, fmt.Sprintf("%s: %+v", m.Name, c))
		}
	}
	for i, co := range u.joiner.Catalog.Cohorts {
		if f := u.facts.Cohort(i); f.Entered() {
			lines = append(lines, fmt.Sprintf("%s: entered at %d, segments %q", co.Name, f.Entry, f.Segments))
		}
	}
	slices.Sort(lines)
	return lines
}
