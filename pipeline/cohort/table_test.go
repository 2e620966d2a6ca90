package cohort_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/cohort"
)

// TestCellsAreAMap: whatever comes and goes, each key has the counts and ages that were added under it, and no other has any.
func TestCellsAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells, want := cohort.NewCells(), map[cohort.Key]row{}
		keys := rapid.IntRange(1, 700).Draw(t, "keys")
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			from, n := rapid.IntRange(0, keys-1).Draw(t, "from"), rapid.IntRange(1, 300).Draw(t, "n")
			sign := rapid.SampledFrom([]int32{1, 1, -1}).Draw(t, "sign")
			for i := range n {
				x := contribution(from + i*7)
				if sign > 0 {
					cells.Change(nil, []cohort.Contribution{x})
				} else {
					cells.Change([]cohort.Contribution{x}, nil)
				}
				count(want, &x, sign)
			}
			if rapid.Bool().Draw(t, "taken") {
				cells.Take(func(cohort.Key, *cohort.Cell) {})
				maps.DeleteFunc(want, func(_ cohort.Key, r row) bool { return r.counts.Zero() && len(r.ages) == 0 })
			}
			if cells.Dirty() == 0 && rapid.IntRange(0, 3).Draw(t, "forgotten") == 0 {
				final := func(k cohort.Key) bool { return k.Kind >= cohort.Window && k.Bucket%3 == 0 }
				cells.Forget(final)
				maps.DeleteFunc(want, func(k cohort.Key, _ row) bool { return final(k) })
			}
		}
		for k, r := range want {
			if got := cells.Get(k); got == nil && !(r.counts.Zero() && len(r.ages) == 0) || got != nil && !same(got, &r) {
				t.Fatalf("the cell %+v is %+v, want %+v", k, got, r)
			}
		}
		cells.Each(func(k cohort.Key, c *cohort.Cell) {
			if r, ok := want[k]; !ok && !(c.Counts.Zero() && c.Ages.Len() == 0) || ok && !same(c, &r) {
				t.Fatalf("the cell %+v is held as %+v, want %+v", k, c, r)
			}
		})
	})
}

// contribution is the i-th of many, to another cell than the others.
func contribution(i int) cohort.Contribution {
	kind := [...]cohort.Kind{cohort.Reach, cohort.Window, cohort.Entry}[i%3]
	x := cohort.Contribution{Key: cohort.Key{Kind: kind, Bucket: int64(i / 3), Name: uint32(i % 2)}, Counts: cohort.Counts{N: 1}}
	switch kind {
	case cohort.Reach:
		x.Age = int64(i%11) * 500_000_000
	case cohort.Window:
		x.Counts.Active = int32(i%5) - 2
	}
	return x
}

// count adds a contribution to rows, plainly.
func count(rows map[cohort.Key]row, x *cohort.Contribution, sign int32) {
	r, ok := rows[x.Key]
	if !ok {
		r.ages = map[uint16][2]int64{}
	}
	n := int64(sign) * x.Counts.N
	r.counts.N, r.counts.Active = r.counts.N+n, r.counts.Active+sign*x.Counts.Active
	if x.Key.Kind == cohort.Reach {
		b := cohort.AgeBucket(x.Age)
		a := [2]int64{r.ages[b][0] + n, r.ages[b][1] + n*x.Age}
		if r.ages[b] = a; a == [2]int64{} {
			delete(r.ages, b)
		}
	}
	rows[x.Key] = r
}

func same(c *cohort.Cell, r *row) bool {
	if c.Counts != r.counts || c.Ages.Len() != len(r.ages) {
		return false
	}
	for i := range c.Ages.Len() {
		if a := c.Ages.At(i); r.ages[a.Bucket] != [2]int64{int64(a.N), a.SumMs} {
			return false
		}
	}
	return true
}

// TestAgesOfAllBuckets: a cell holds users of every age there is, few of each or many.
func TestAgesOfAllBuckets(t *testing.T) {
	for _, users := range []int64{1, 5000} {
		cells, key := cohort.NewCells(), cohort.Key{Kind: cohort.Done}
		edges := slices.Clone(cohort.AgeEdges)
		for i := range edges {
			e := edges[(i*7919)%len(edges)] // in an order that is neither up nor down
			cells.Load([]cohort.Contribution{{Key: key, Counts: cohort.Counts{N: users}, Age: e}})
		}
		c := cells.Get(key)
		if c.Ages.Len() != len(edges) {
			t.Fatalf("%d ages are held, want %d", c.Ages.Len(), len(edges))
		}
		for i, e := range edges {
			if a := c.Ages.At(i); a != (cohort.AgeCount{Bucket: uint16(i), N: int32(users), SumMs: e}) {
				t.Errorf("the age %d is held as %+v", e, a)
			}
		}
	}
}
