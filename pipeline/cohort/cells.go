package cohort

// Cell is what is counted under one key.
type Cell struct {
	Counts Counts
	Ages   Ages // of kinds that have ages; of Period by number of the period: who returned in it, and as a sum whose last return it is
}

// Cells are the cells of one partition. Not safe for concurrent use.
type Cells struct {
	kept table // by entry and completion: they stay
	open table // by window and hour: they leave once final
	ages arena // of those kept
	cell Cell  // what Take, Each and Get hand out
}

// NewCells returns no cells.
func NewCells() *Cells { return &Cells{kept: newTable(), open: newTable()} }

// Len returns the number of cells held.
func (c *Cells) Len() int { return c.kept.held + c.open.held }

func (c *Cells) of(k Kind) *table {
	if k >= Window {
		return &c.open
	}
	return &c.kept
}

// Change subtracts what a user counted before and adds what it counts now. Both lists are in the order of one
// Folder, so what is the same in both is found by a short look ahead, and does not make a cell dirty. A pair that
// the look ahead misses is subtracted and added: more work, the same counts.
func (c *Cells) Change(before, after []Contribution) {
	for len(before) > 0 && len(after) > 0 {
		if before[0] == after[0] {
			before, after = before[1:], after[1:]
			continue
		}
		if n := ahead(after, &before[0]); n > 0 {
			c.applyAll(after[:n], 1)
			after = after[n:]
			continue
		}
		if n := ahead(before, &after[0]); n > 0 {
			c.applyAll(before[:n], -1)
			before = before[n:]
			continue
		}
		c.move(&before[0], &after[0])
		before, after = before[1:], after[1:]
	}
	c.applyAll(before, -1)
	c.applyAll(after, 1)
}

const lookAhead = 6

// ahead returns how far ahead x is in the list, 0 when it is not near.
func ahead(list []Contribution, x *Contribution) int {
	for i := 1; i < min(lookAhead, len(list)); i++ {
		if list[i].Key == x.Key && list[i] == *x {
			return i
		}
	}
	return 0
}

// move subtracts one contribution and adds another, often to the same cell.
func (c *Cells) move(before, after *Contribution) {
	if before.Key != after.Key {
		c.apply(before, -1)
		c.apply(after, 1)
		return
	}
	t := c.of(before.Key.Kind)
	i := t.get(&before.Key)
	c.add(t.at(i), before, -1)
	c.add(t.at(i), after, 1)
	t.mark(i)
}

func (c *Cells) applyAll(list []Contribution, sign int32) {
	for i := range list {
		c.apply(&list[i], sign)
	}
}

func (c *Cells) apply(x *Contribution, sign int32) {
	t := c.of(x.Key.Kind)
	i := t.get(&x.Key)
	c.add(t.at(i), x, sign)
	t.mark(i)
}

// Load adds a user's contributions without making cells dirty: they are stored already.
func (c *Cells) Load(contributions []Contribution) {
	for i := range contributions {
		x := &contributions[i]
		t := c.of(x.Key.Kind)
		c.add(t.at(t.get(&x.Key)), x, 1)
	}
}

// add adds a contribution to a cell. One to a cell with a list counts users, and nothing else.
func (c *Cells) add(to *cell, x *Contribution, sign int32) {
	to.n += int64(sign) * x.Counts.N
	switch {
	case x.Key.Kind.hasAges():
		c.ages.add(to, AgeBucket(x.Age), sign*int32(x.Counts.N), int64(sign)*x.Age)
		return
	case x.Key.Kind == Period:
		if x.Age >= 0 {
			c.ages.add(to, uint16(x.Age), sign*x.Counts.Adopters, int64(sign)*int64(x.Counts.Active))
		}
		return
	}
	to.rest[0] += sign * x.Counts.Active
	to.rest[1] += sign * x.Counts.Adopters
	to.rest[2] += sign * x.Counts.NewAdopters
}

// Touch makes a cell dirty although it did not change, so that its row is written again.
func (c *Cells) Touch(k Key) {
	t := c.of(k.Kind)
	t.mark(t.get(&k))
}

// Count returns how many cells of a kind are held.
func (c *Cells) Count(kind Kind) (n int) {
	c.of(kind).each(func(_ uint32, x *cell) {
		if x.key.Kind == kind {
			n++
		}
	})
	return n
}

// TouchAll makes every cell of a kind dirty.
func (c *Cells) TouchAll(kind Kind) {
	t := c.of(kind)
	t.each(func(i uint32, x *cell) {
		if x.key.Kind == kind {
			t.mark(i)
		}
	})
}

// Add adds to a cell that no user's facts stand behind: event volumes.
func (c *Cells) Add(k Key, n int64) {
	t := c.of(k.Kind)
	i := t.get(&k)
	t.at(i).n += n
	t.mark(i)
}

// Set sets such a cell to what is stored.
func (c *Cells) Set(k Key, n int64) {
	t := c.of(k.Kind)
	t.at(t.get(&k)).n = n
}

// Restore makes a cell that is not held what is stored of it, clean. Ages are ascending.
func (c *Cells) Restore(k Key, counts Counts, ages []AgeCount) {
	if counts.Zero() && len(ages) == 0 {
		return
	}
	t := c.of(k.Kind)
	to := t.at(t.get(&k))
	to.n = counts.N
	if !k.Kind.hasList() {
		to.rest = [3]int32{counts.Active, counts.Adopters, counts.NewAdopters}
		return
	}
	c.ages.reserve(to, len(ages))
	for i := range ages {
		c.ages.add(to, ages[i].Bucket, ages[i].N, ages[i].SumMs)
	}
}

// Dirty returns how many cells wait to be written.
func (c *Cells) Dirty() int { return len(c.kept.dirty) + len(c.open.dirty) }

// Take hands every dirty cell to write, and makes it clean. Cells that count nothing are written as zero, then
// forgotten. The cell is valid during the call only.
func (c *Cells) Take(write func(Key, *Cell)) {
	for _, t := range []*table{&c.kept, &c.open} {
		for _, i := range t.dirty {
			x := t.at(i)
			x.is &^= isDirty
			c.show(x)
			write(x.key, &c.cell)
			if c.cell.Counts.Zero() && x.size == 0 {
				c.ages.give(x)
				t.remove(i)
			}
		}
		t.dirty = t.dirty[:0]
	}
}

// show makes the cell that is handed out that one.
func (c *Cells) show(x *cell) {
	c.cell = Cell{Counts: Counts{N: x.n}}
	if x.key.Kind.hasList() {
		c.cell.Ages = Ages{words: c.ages.list(x), wide: x.is&isWide != 0}
		return
	}
	c.cell.Counts.Active, c.cell.Counts.Adopters, c.cell.Counts.NewAdopters = x.rest[0], x.rest[1], x.rest[2]
}

// Each calls visit for every cell held. The cell is valid during the call only.
func (c *Cells) Each(visit func(Key, *Cell)) {
	for _, t := range []*table{&c.kept, &c.open} {
		t.each(func(_ uint32, x *cell) {
			c.show(x)
			visit(x.key, &c.cell)
		})
	}
}

// Get returns a cell, nil when it is not held. It is valid until the next call.
func (c *Cells) Get(k Key) *Cell {
	t := c.of(k.Kind)
	i, found := t.find(&k)
	if !found {
		return nil
	}
	c.show(t.at(i))
	return &c.cell
}

// Forget drops the clean cells of windows and hours that final says no event can change.
func (c *Cells) Forget(final func(Key) bool) {
	c.open.each(func(i uint32, x *cell) {
		if x.is&isDirty == 0 && final(x.key) {
			c.open.remove(i)
		}
	})
}
