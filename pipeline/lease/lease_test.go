package lease

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBalanceLaws: whoever holds what, every partition should be held by a worker that is there, their numbers differ by one at most,
// and none moves that need not.
func TestBalanceLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := []string{"a", "b", "c", "d", "e", "f"}
		workers := all[:rapid.IntRange(0, 5).Draw(rt, "workers")]
		holders := rapid.SliceOfN(rapid.SampledFrom(append([]string{""}, all...)), 0, 40).Draw(rt, "holders")
		should := Balance(holders, workers)
		counts := map[string]int{}
		stayed := 0
		for p, w := range should {
			counts[w]++
			if w == holders[p] && w != "" {
				stayed++
			}
			if len(workers) > 0 != slices.Contains(workers, w) {
				rt.Fatalf("partition %d should be held by %q of %v", p, w, workers)
			}
		}
		if len(workers) == 0 {
			return
		}
		least, most, mayStay := len(holders)/len(workers), (len(holders)+len(workers)-1)/len(workers), 0
		var held []int
		for _, w := range workers {
			if counts[w] < least || counts[w] > most {
				rt.Fatalf("%s should hold %d of %d with %d workers", w, counts[w], len(holders), len(workers))
			}
			n := 0
			for _, h := range holders {
				if h == w {
					n++
				}
			}
			held = append(held, n)
		}
		slices.SortFunc(held, func(a, b int) int { return b - a })
		for i, n := range held {
			quota := len(holders) / len(workers)
			if i < len(holders)%len(workers) {
				quota++
			}
			mayStay += min(n, quota)
		}
		if stayed != mayStay {
			rt.Fatalf("%d stay, %d could: %v -> %v", stayed, mayStay, holders, should)
		}
		if again := Balance(should, workers); !slices.Equal(again, should) {
			rt.Fatalf("what is balanced is not left: %v -> %v", should, again)
		}
	})
}

// TestTablesSettle: workers that come, go, die and forget, in any order and at any pace, end with each partition held by one of those
// that are left, evenly, and at no time does the table name two holders or one who is not there.
func TestTablesSettle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		partitions := rapid.IntRange(1, 20).Draw(rt, "partitions")
		now := time.UnixMilli(1_000_000)
		table := &Table{}
		alive := map[string]bool{}
		write := func(me string) {
			data := table.Encode(me)
			again, err := Decode(data, now)
			if err != nil {
				rt.Fatal(err)
			}
			table = again
			for p, own := range table.Partitions {
				if own.Holder != "" && table.Worker(own.Holder) == nil {
					rt.Fatalf("partition %d is held by %s, who is not there", p, own.Holder)
				}
			}
		}
		turn := func(me string) {
			runs := map[uint16]Partition{}
			for _, p := range table.Held(me) {
				runs[p] = Partition{Running: true}
			}
			table.Renew(Worker{ID: me, Definition: "d", Ready: true}, 1, partitions, runs)
			table.Expire(now.Add(-Standard.Time), me, func(*Worker) bool { return false })
			table.Free(me, table.Surplus(me)...)
			table.Claim(me)
			write(me)
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond)
			me := fmt.Sprint("w", rapid.IntRange(0, 4).Draw(rt, "worker"))
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0: // it dies: it is heard of no more
				delete(alive, me)
			case 1: // it goes
				delete(alive, me)
				table.Remove(me)
				write(me)
			default:
				alive[me] = true
				turn(me)
			}
		}
		alive["w0"] = true
		for range 10 {
			now = now.Add(Standard.Every)
			for i := range 5 {
				if me := fmt.Sprint("w", i); alive[me] {
					turn(me)
				}
			}
		}
		counts := map[string]int{}
		for p, own := range table.Partitions {
			if !alive[own.Holder] {
				rt.Fatalf("partition %d is held by %q", p, own.Holder)
			}
			counts[own.Holder]++
		}
		for w := range alive {
			if n := counts[w]; n < partitions/len(alive) || n > (partitions+len(alive)-1)/len(alive) {
				rt.Fatalf("%s holds %d of %d, %d workers", w, n, partitions, len(alive))
			}
		}
	})
}

func worker(id, definition string) Worker {
	return Worker{ID: id, Name: id, Definition: definition, Ready: true}
}

func holders(t *Table) string {
	var all []string
	for _, p := range t.Partitions {
		all = append(all, p.Holder)
	}
	return strings.Join(all, ",")
}

func TestOtherCatalogWaits(t *testing.T) {
	table := &Table{}
	a, b := worker("a", "one"), worker("b", "two")
	table.Renew(a, 1, 3, nil)
	table.Claim("a")
	table.Renew(b, 1, 3, nil)
	if others := table.Ahead(&b); len(others) != 1 || others[0].ID != "a" {
		t.Errorf("b waits for %v, want a", others)
	}
	if others := table.Ahead(&a); len(others) != 0 {
		t.Errorf("a waits for %v, want nobody", others)
	}
	if table.Claim("b") || holders(table) != "a,a,a" || len(table.Surplus("a")) != 0 {
		t.Errorf("a worker with another catalog gets a share: %s, surplus of a %v", holders(table), table.Surplus("a"))
	}
	table.Remove("a")
	if table.Claim("b"); holders(table) != "b,b,b" {
		t.Errorf("when the first has gone the second gets %s", holders(table))
	}
}

// A worker that drains leaves the work to those that stay, and does it where there are none.
func TestDrainsTakeWhatNobodyElseDoes(t *testing.T) {
	table := &Table{}
	drain := worker("drain", "one")
	drain.Drains = true
	table.Renew(drain, 1, 2, nil)
	if table.Claim("drain"); holders(table) != "drain,drain" {
		t.Fatalf("alone it holds %s", holders(table))
	}
	table.Renew(worker("a", "one"), 1, 2, nil)
	if surplus := table.Surplus("drain"); len(surplus) != 2 {
		t.Errorf("beside one that stays it should give up all, not %v", surplus)
	}
}

// Whoever is in a table that was lost has what it runs again; a table of another generation is begun anew.
func TestLostTables(t *testing.T) {
	table := &Table{}
	table.Renew(worker("a", "one"), 3, 4, map[uint16]Partition{1: {Running: true, Stored: 7}, 2: {Running: true, Stored: 8}})
	table.Renew(worker("b", "one"), 3, 4, map[uint16]Partition{2: {Running: true, Stored: 5}, 3: {Running: true, Stored: 6}})
	if got := holders(table); got != ",a,a,b" || table.Partitions[2].Stored != 8 {
		t.Errorf("held by %s, partition 2 stored to %d; want ,a,a,b and 8", got, table.Partitions[2].Stored)
	}
	table.Renew(worker("b", "one"), 4, 2, nil)
	if got := holders(table); got != "," || table.Generation != 4 {
		t.Errorf("in generation %d held by %s, want nobody in 4", table.Generation, got)
	}
	table.Renew(worker("a", "one"), 3, 4, map[uint16]Partition{1: {Running: true}})
	if got := holders(table); got != "," || table.Generation != 4 {
		t.Errorf("a worker of an earlier generation holds %s of %d", got, table.Generation)
	}
}

// Whatever stands in a table, somebody who is not there holds nothing, and nobody has renewed after it was written.
func TestTablesThatCannotBe(t *testing.T) {
	at := time.UnixMilli(1000)
	table, err := Decode([]byte(`{"format":1,"by":"a","generation":1,"workers":[{"id":"a"},{"id":"b","renewed":5000}],"partitions":[{"holder":"ghost","running":true},{"holder":"b"}]}`), at)
	if err != nil {
		t.Fatal(err)
	}
	if got := holders(table); got != ",b" || table.Partitions[0].Running {
		t.Errorf("held by %q, the first one running: %t; want it free", got, table.Partitions[0].Running)
	}
	if gone := table.Expire(at.Add(time.Millisecond), "a", func(*Worker) bool { return false }); len(gone) != 1 {
		t.Errorf("%v have gone, want b, who says that it renews in the future", gone)
	}
}

// A table is that of the partitions of a generation, or of a later one that somebody computes, or is begun anew.
func TestTablesOfPartitions(t *testing.T) {
	for name, x := range map[string]struct {
		table Table
		want  bool
	}{
		"nothing":                          {Table{}, true},
		"of an earlier generation":         {Table{Generation: 2, Partitions: make([]Partition, 7)}, true},
		"its own":                          {Table{Generation: 3, Partitions: make([]Partition, 4)}, true},
		"with fewer partitions":            {Table{Generation: 3, Partitions: make([]Partition, 1)}, false},
		"with more partitions":             {Table{Generation: 3, Partitions: make([]Partition, 5)}, false},
		"of a later generation":            {Table{Generation: 4, Workers: []Worker{{ID: "b", Generation: 4}}}, true},
		"of a generation nobody computes":  {Table{Generation: 4, Workers: []Worker{{ID: "b", Generation: 3}}}, false},
		"of a generation that is nobody's": {Table{Generation: 4_294_967_295}, false},
	} {
		if got := x.table.Of(3, 4); got != x.want {
			t.Errorf("a table %s is one of four partitions of generation 3: %t", name, got)
		}
	}
}

func TestForeignTables(t *testing.T) {
	for _, data := range []string{"", "hello", "{}", `{"format":2,"by":"a"}`, `[1]`, `{"format":1}`} {
		if _, err := Decode([]byte(data), time.Now()); !errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v, want that it is foreign", data, err)
		}
	}
}
