package publish

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSorterIsAStableSort: whatever the memory, so also when runs are merged over several levels.
func TestSorterIsAStableSort(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(-3, 3), 0, 300).Draw(t, "times")
		s := newSorter(dir, rapid.SampledFrom([]int{1, 100, 1000, 1 << 20}).Draw(t, "memory"))
		defer s.close()
		checkSorter(t, s, times)
	})
}

func TestSorterMergesRunsOfRuns(t *testing.T) {
	times := make([]int64, fanIn*fanIn+fanIn+3)
	for i := range times {
		times[i] = int64(i * 7919 % 101)
	}
	s := newSorter(t.TempDir(), 1)
	defer s.close()
	checkSorter(t, s, times)
}

type fataler interface{ Fatalf(string, ...any) }

func checkSorter(t fataler, s *sorter, times []int64) {
	var want []*Message
	for i, at := range times {
		m := &Message{Received: at, Subject: fmt.Sprintf("events.web.%d", i%5), ID: fmt.Sprint(i), Data: make([]byte, i%50)}
		want = append(want, m)
		if err := s.add(m); err != nil {
			t.Fatalf("add: %v", err)
		}
		if len(s.runs) > 3*fanIn {
			t.Fatalf("%d files are open", len(s.runs))
		}
	}
	slices.SortStableFunc(want, func(a, b *Message) int { return cmp.Compare(a.Received, b.Received) })
	if s.count != uint64(len(want)) || len(want) > 0 && s.first != want[0].Received {
		t.Fatalf("count %d, first %d", s.count, s.first)
	}
	i := 0
	err := s.each(func(m *Message) error {
		if i >= len(want) || m.ID != want[i].ID || m.Received != want[i].Received || m.Subject != want[i].Subject ||
			string(m.Data) != string(want[i].Data) {
			t.Fatalf("message %d is %+v", i, m)
		}
		i++
		return nil
	})
	if err != nil || i != len(want) {
		t.Fatalf("%d of %d messages: %v", i, len(want), err)
	}
}
