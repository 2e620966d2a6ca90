package worker

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestUsersAreAMap: whatever is added, set and removed in whatever order, each user has the facts set last and the marks it was given,
// they stand in the order in which they were touched, and what is given up is not held.
func TestUsersAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, want, marked := newUsers(), map[string][]byte{}, map[string]bool{}
		size := rapid.SampledFrom([]int{40, 4000, 400_000}).Draw(t, "facts of up to")
		ids := rapid.IntRange(1, 60).Draw(t, "ids")
		var order []string // touched last: last
		most := 0
		for range rapid.IntRange(1, 300).Draw(t, "changes") {
			id := fmt.Sprint("user ", rapid.IntRange(0, ids).Draw(t, "id"))
			facts := bytes.Repeat([]byte(id[len(id)-1:]), rapid.IntRange(0, size).Draw(t, "facts"))
			n, known := u.find(id)
			if _, before := want[id]; before != known {
				t.Fatalf("%s is known: %t, want %t", id, known, before)
			}
			order = slices.DeleteFunc(order, func(other string) bool { return other == id })
			switch {
			case known && rapid.IntRange(0, 2).Draw(t, "removed") == 0:
				u.remove(n)
				delete(want, id)
				delete(marked, id)
				continue
			case known:
				u.set(n, facts)
				u.recency.touch(n)
			default:
				n = u.add(id, facts)
			}
			order = append(order, id)
			if rapid.Bool().Draw(t, "marked") && u.mark(n, markDirty) == marked[id] {
				t.Fatalf("%s was marked: %t", id, !marked[id])
			} else if u.record(n)[4]&markDirty != 0 {
				marked[id] = true
			}
			want[id] = facts
			most = max(most, len(facts))
		}
		live := 0
		for id, facts := range want {
			n, known := u.find(id)
			if !known || !bytes.Equal(u.facts(n), facts) || u.id(n) != id {
				t.Fatalf("%s has %d bytes, want %d", id, len(u.facts(n)), len(facts))
			}
			if set := u.record(n)[4]&markDirty != 0; set != marked[id] {
				t.Errorf("%s is marked: %t, want %t", id, set, marked[id])
			}
			live += len(u.record(n)[:u.record(n).all()])
		}
		for n := u.recency.oldest; n != nobody; n = u.recency.newer[n] {
			if len(order) == 0 || u.id(n) != order[0] {
				t.Fatalf("%s is next, want the first of %v", u.id(n), order)
			}
			order = order[1:]
		}
		if len(order) > 0 || u.live != live {
			t.Errorf("%v are not in the order; %d bytes are counted, want %d", order, u.live, live)
		}
		held := 0
		for _, s := range u.slabs {
			held += len(s.bytes)
		}
		if u.Len() != len(want) || held > 2*live+2*slabSize+4*most {
			t.Errorf("%d users of %d bytes are held in %d", u.Len(), live, held)
		}
	})
}
