package cohort_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/cohort"
)

// TestAgeEdges: buckets ascend, are at most 1 % wide (at least 1 s), and every age that users see is an edge.
func TestAgeEdges(t *testing.T) {
	edges := cohort.AgeEdges
	last := int64(0)
	for i, e := range edges {
		if width := e - last; width <= 0 || width > max(1000, last/100) {
			t.Errorf("bucket %d, (%d, %d], is %d ms wide", i, last, e, width)
		}
		last = e
	}
	if len(edges) > 1<<16 {
		t.Errorf("%d buckets do not fit 16 bits", len(edges))
	}
	const day = 86_400_000
	if last < 100*365*day {
		t.Errorf("the last edge is %d ms, less than a century", last)
	}
	shown := []int64{60_000, 300_000, 900_000, 3_600_000, 4 * 3_600_000, 12 * 3_600_000}
	for d := int64(1); d <= 28; d++ {
		shown = append(shown, d*day)
	}
	for d := int64(35); d <= 5*365; d += 7 {
		shown = append(shown, d*day)
	}
	for _, age := range shown {
		if _, found := slices.BinarySearch(edges, age); !found {
			t.Errorf("the age %d ms is no edge", age)
		}
	}
}

// TestAgeBucket: an age lies above the edge before its bucket, and at or below the bucket's own.
func TestAgeBucket(t *testing.T) {
	edges := cohort.AgeEdges
	rapid.Check(t, func(t *rapid.T) {
		age := rapid.OneOf(rapid.Int64Range(0, 100_000), rapid.Int64Range(0, 1e12), rapid.Map(rapid.SampledFrom(edges), func(e int64) int64 { return e + 1 }), rapid.SampledFrom(edges)).Draw(t, "age")
		b := int(cohort.AgeBucket(age))
		if b > 0 && age <= edges[b-1] || age > edges[b] && b != len(edges)-1 {
			t.Errorf("age %d is in bucket %d, up to %d", age, b, edges[b])
		}
	})
	if b := cohort.AgeBucket(1 << 62); int(b) != len(edges)-1 {
		t.Errorf("an age beyond all edges is in bucket %d, want the last", b)
	}
	if b := cohort.AgeBucket(0); b != 0 {
		t.Errorf("age 0 is in bucket %d", b)
	}
}

func drawContributions(t *rapid.T) []cohort.Contribution {
	var out []cohort.Contribution
	for range rapid.IntRange(0, 12).Draw(t, "contributions") {
		kind := rapid.SampledFrom([]cohort.Kind{cohort.Entry, cohort.Reach, cohort.Done, cohort.Between, cohort.Period, cohort.Window, cohort.Trailing}).Draw(t, "kind")
		c := cohort.Contribution{Key: cohort.Key{Kind: kind, Bucket: rapid.Int64Range(0, 2).Draw(t, "bucket"), Name: rapid.Uint32Range(0, 1).Draw(t, "name")}, Counts: cohort.Counts{N: 1}}
		switch kind {
		case cohort.Reach, cohort.Done, cohort.Between:
			c.Age = rapid.Int64Range(0, 5000).Draw(t, "age")
		case cohort.Period:
			c.Age = rapid.Int64Range(-1, 3).Draw(t, "period")
			if c.Age >= 0 {
				c.Counts = cohort.Counts{Adopters: rapid.Int32Range(0, 1).Draw(t, "returned"), Active: rapid.Int32Range(0, 1).Draw(t, "last")}
			}
		case cohort.Window, cohort.Trailing:
			c.Counts = cohort.Counts{N: rapid.Int64Range(-2, 2).Draw(t, "n"), Active: rapid.Int32Range(-1, 1).Draw(t, "active"), NewAdopters: 1}
		}
		out = append(out, c)
	}
	return out
}

// edited is a list with some items left out, changed or put in, as one event changes what a user counts.
func edited(t *rapid.T, list []cohort.Contribution) []cohort.Contribution {
	out := slices.DeleteFunc(slices.Clone(list), func(cohort.Contribution) bool { return rapid.IntRange(0, 3).Draw(t, "left out") == 0 })
	at := rapid.IntRange(0, len(out)).Draw(t, "at")
	return slices.Insert(out, at, drawContributions(t)...)
}

// row is what a cell is written as.
type row struct {
	counts cohort.Counts
	ages   map[uint16][2]int64
}

// take adds what is written to rows, as the store keeps the newest row of each cell.
func take(c *cohort.Cells, rows map[cohort.Key]row) {
	c.Take(func(k cohort.Key, cell *cohort.Cell) {
		r := row{counts: cell.Counts, ages: map[uint16][2]int64{}}
		for i := range cell.Ages.Len() {
			a := cell.Ages.At(i)
			r.ages[a.Bucket] = [2]int64{int64(a.N), a.SumMs}
		}
		rows[k] = r
	})
}

// TestChangeIsRecomputation: rows written after any changes, however they fall into snapshots, hold what a
// computation from scratch over the users' last contributions gives.
func TestChangeIsRecomputation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := make([][]cohort.Contribution, 3)
		cells, rows := cohort.NewCells(), map[cohort.Key]row{}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			u := rapid.IntRange(0, len(users)-1).Draw(t, "user")
			after := edited(t, users[u])
			cells.Change(users[u], after)
			users[u] = after
			if rapid.Bool().Draw(t, "snapshot") {
				take(cells, rows)
			}
		}
		take(cells, rows)
		if cells.Dirty() != 0 {
			t.Errorf("%d cells are dirty after all were taken", cells.Dirty())
		}
		scratch, want := cohort.NewCells(), map[cohort.Key]row{}
		for _, u := range users {
			scratch.Change(nil, u)
		}
		take(scratch, want)
		for _, all := range []map[cohort.Key]row{rows, want} {
			maps.DeleteFunc(all, func(_ cohort.Key, r row) bool { return r.counts.Zero() && len(r.ages) == 0 })
		}
		if !maps.EqualFunc(rows, want, func(a, b row) bool { return a.counts == b.counts && maps.Equal(a.ages, b.ages) }) {
			t.Errorf("the rows are %v, want %v", rows, want)
		}
		if cells.Len() != scratch.Len() {
			t.Errorf("%d cells are held, want %d: empty ones are forgotten", cells.Len(), scratch.Len())
		}
	})
}

// TestSameContributionsTouchNothing: a user whose contributions stay the same makes no cell dirty.
func TestSameContributionsTouchNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawContributions(t)
		cells := cohort.NewCells()
		cells.Load(list)
		cells.Change(list, slices.Clone(list))
		if cells.Dirty() != 0 {
			t.Errorf("%d cells are dirty", cells.Dirty())
		}
	})
}

// TestAgesOfManyUsers: a bucket counts any number of users of any age exactly.
func TestAgesOfManyUsers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := cohort.Key{Kind: cohort.Reach}
		cells := cohort.NewCells()
		largest := rapid.SampledFrom([]int64{2000, 100 * 86_400_000, 90 * 365 * 86_400_000}).Draw(t, "largest")
		want := map[uint16][2]int64{}
		for range rapid.IntRange(1, 20).Draw(t, "ages") {
			age, n := rapid.Int64Range(0, largest).Draw(t, "age"), rapid.SampledFrom([]int{1, 2, 5000}).Draw(t, "users")
			for range n {
				cells.Change(nil, []cohort.Contribution{{Key: key, Counts: cohort.Counts{N: 1}, Age: age}})
			}
			b := cohort.AgeBucket(age)
			want[b] = [2]int64{want[b][0] + int64(n), want[b][1] + int64(n)*age}
			if rapid.Bool().Draw(t, "taken back") {
				cells.Change([]cohort.Contribution{{Key: key, Counts: cohort.Counts{N: 1}, Age: age}}, nil)
				if want[b] = [2]int64{want[b][0] - 1, want[b][1] - age}; want[b][0] == 0 {
					delete(want, b)
				}
			}
		}
		rows := map[cohort.Key]row{}
		take(cells, rows)
		if !maps.Equal(rows[key].ages, want) {
			t.Errorf("ages are %v, want %v", rows[key].ages, want)
		}
	})
}
