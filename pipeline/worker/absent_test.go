package worker

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestAbsentAreAMultiset: whoever comes and goes, each key has the versions that are there, and no other key has any.
func TestAbsentAreAMultiset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, want := newAbsent(), map[uint64][]uint32{}
		keys := rapid.SampledFrom([]uint64{3, 40, 4000}).Draw(t, "keys")
		n := 0
		for range rapid.IntRange(1, 400).Draw(t, "changes") {
			key, version := rapid.Uint64Range(1, keys).Draw(t, "key"), rapid.Uint32Range(0, 3).Draw(t, "version")
			if rapid.Bool().Draw(t, "removed") {
				i := slices.Index(want[key], version)
				if a.remove(key, version) != (i >= 0) {
					t.Fatalf("version %d of %d is removed: %t", version, key, i < 0)
				}
				if i >= 0 {
					want[key] = slices.Delete(want[key], i, i+1)
					n--
				}
				continue
			}
			a.add(key, version)
			want[key] = append(want[key], version)
			n++
		}
		for key := range keys + 2 {
			got, of := a.versionsOf(key), want[key]
			slices.Sort(got)
			slices.Sort(of)
			if a.has(key) != (len(of) > 0) || !slices.Equal(got, of) {
				t.Fatalf("%d has %v, want %v", key, got, of)
			}
		}
		if a.Len() != n {
			t.Errorf("%d are there, want %d", a.Len(), n)
		}
	})
}
