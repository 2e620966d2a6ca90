package cohort

import "slices"

// AgeCount is how many users of a cell have an age in one bucket.
type AgeCount struct {
	SumMs  int64 // sum of their exact ages
	N      int32
	Bucket uint16
}

// Cell is what is counted under one key.
type Cell struct {
	Counts Counts
	Ages   []AgeCount // of Reach and Done: ascending, without zeros
	dirty  bool
}

// Cells are the cells of one partition. Not safe for concurrent use.
type Cells struct {
	kept  map[Key]*Cell // by entry and completion: they stay
	open  map[Key]*Cell // by window and hour: they leave once final
	dirty []dirtyCell
}

type dirtyCell struct {
	key  Key
	cell *Cell
}

// NewCells returns no cells.
func NewCells() *Cells { return &Cells{kept: make(map[Key]*Cell), open: make(map[Key]*Cell)} }

// Len returns the number of cells held.
func (c *Cells) Len() int { return len(c.kept) + len(c.open) }

func (c *Cells) of(k Kind) map[Key]*Cell {
	if k >= Window {
		return c.open
	}
	return c.kept
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
		c.apply(&before[0], -1)
		c.apply(&after[0], 1)
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

func (c *Cells) applyAll(list []Contribution, sign int64) {
	for i := range list {
		c.apply(&list[i], sign)
	}
}

// Load adds a user's contributions without making cells dirty: they are stored already.
func (c *Cells) Load(contributions []Contribution) {
	for i := range contributions {
		x := &contributions[i]
		c.cell(x.Key).add(x, 1)
	}
}

func (c *Cells) apply(x *Contribution, sign int64) {
	cell := c.cell(x.Key)
	cell.add(x, sign)
	c.mark(x.Key, cell)
}

// Touch makes a cell dirty although it did not change, so that its row is written again.
func (c *Cells) Touch(k Key) { c.mark(k, c.cell(k)) }

// Add adds to a cell that no user's facts stand behind: event volumes.
func (c *Cells) Add(k Key, n int64) {
	cell := c.cell(k)
	cell.Counts.N += n
	c.mark(k, cell)
}

// Set sets such a cell to what is stored.
func (c *Cells) Set(k Key, n int64) { c.cell(k).Counts.N = n }

func (c *Cells) mark(k Key, cell *Cell) {
	if !cell.dirty {
		cell.dirty = true
		c.dirty = append(c.dirty, dirtyCell{k, cell})
	}
}

func (c *Cells) cell(k Key) *Cell {
	cells := c.of(k.Kind)
	cell := cells[k]
	if cell == nil {
		cell = &Cell{}
		cells[k] = cell
	}
	return cell
}

func (cell *Cell) add(x *Contribution, sign int64) {
	cell.Counts.add(x.Counts, sign)
	if x.Key.Kind != Reach && x.Key.Kind != Done {
		return
	}
	b := AgeBucket(x.Age)
	at, found := slices.BinarySearchFunc(cell.Ages, b, func(a AgeCount, b uint16) int { return int(a.Bucket) - int(b) })
	if !found {
		cell.Ages = slices.Insert(cell.Ages, at, AgeCount{Bucket: b})
	}
	a := &cell.Ages[at]
	a.N += int32(sign * x.Counts.N)
	a.SumMs += sign * x.Age
	if a.N == 0 && a.SumMs == 0 {
		cell.Ages = slices.Delete(cell.Ages, at, at+1)
	}
}

// Dirty returns how many cells wait to be written.
func (c *Cells) Dirty() int { return len(c.dirty) }

// Take hands every dirty cell to write, and makes it clean. Cells that count nothing are written as zero, then
// forgotten. The cell is valid during the call only.
func (c *Cells) Take(write func(Key, *Cell)) {
	for _, d := range c.dirty {
		d.cell.dirty = false
		write(d.key, d.cell)
		if d.cell.Counts.Zero() && len(d.cell.Ages) == 0 {
			delete(c.of(d.key.Kind), d.key)
		}
	}
	clear(c.dirty)
	c.dirty = c.dirty[:0]
}

// Forget drops the clean cells of windows and hours that final says no event can change.
func (c *Cells) Forget(final func(Key) bool) {
	for k, cell := range c.open {
		if !cell.dirty && final(k) {
			delete(c.open, k)
		}
	}
}
