package cohort

import "slices"

// AgeCount is how many users of a cell have an age in one bucket.
type AgeCount struct {
	Bucket uint16
	N      int64
	SumMs  int64 // sum of their exact ages
}

// Cell is what is counted under one key.
type Cell struct {
	Counts Counts
	Ages   []AgeCount // of Reach and Done: ascending, without zeros
	dirty  bool
}

// Cells are the cells of one partition. Not safe for concurrent use.
type Cells struct {
	cells map[Key]*Cell
	dirty []Key
}

// NewCells returns no cells.
func NewCells() *Cells { return &Cells{cells: make(map[Key]*Cell)} }

// Len returns the number of cells held.
func (c *Cells) Len() int { return len(c.cells) }

// Change subtracts what a user counted before and adds what it counts now. What is the same in both does not
// make a cell dirty.
func (c *Cells) Change(before, after []Contribution) {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for i := range before {
		if at := slices.Index(after, before[i]); at >= 0 {
			after[at] = after[len(after)-1]
			after = after[:len(after)-1]
			continue
		}
		c.apply(&before[i], -1)
	}
	for i := range after {
		c.apply(&after[i], 1)
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
		c.dirty = append(c.dirty, k)
	}
}

func (c *Cells) cell(k Key) *Cell {
	cell := c.cells[k]
	if cell == nil {
		cell = &Cell{}
		c.cells[k] = cell
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
	a.N += sign * x.Counts.N
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
	for _, k := range c.dirty {
		cell := c.cells[k]
		cell.dirty = false
		write(k, cell)
		if cell.Counts.Zero() && len(cell.Ages) == 0 {
			delete(c.cells, k)
		}
	}
	c.dirty = c.dirty[:0]
}

// Forget drops the clean cells that final says no event can change.
func (c *Cells) Forget(final func(Key) bool) {
	for k, cell := range c.cells {
		if !cell.dirty && final(k) {
			delete(c.cells, k)
		}
	}
}
