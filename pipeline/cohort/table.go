package cohort

import (
	"math/bits"
	"math/rand/v2"
)

// table holds cells by their keys. It is a hash table with open addressing whose cells lie in chunks without pointers, so that the
// garbage collector has nothing to follow however many cells there are.
type table struct {
	slots  []uint32 // 0 where free, else a cell's index + 1 below size, and above it bits of its key's hash; len is a power of two
	chunks []*[chunkCells]cell
	given  uint32 // cells that chunks have given out, free ones included
	held   int
	free   uint32 // index + 1 of a cell that is free, 0 for none; its n is that of the next
	dirty  []uint32
}

const (
	chunkBits  = 8
	chunkCells = 1 << chunkBits
	firstSlots = 16
)

// cell is one cell of a table.
type cell struct {
	key  Key
	n    int64
	rest [3]int32 // active, adopters and new adopters; of kinds that have ages: where these lie in an arena
	size uint16   // ages
	room uint8    // class of the room that they have
	is   uint8    // the marks below
}

// Marks of a cell.
const (
	isHeld  = 1 << iota
	isDirty // waits to be written
	isWide  // its ages take two words each
)

func newTable() table { return table{slots: make([]uint32, firstSlots)} }

// seeds keep who chooses the times of events from choosing which keys collide.
var seeds = [3]uint64{rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1}

// hash mixes the words of a key, as wyhash does.
func (k *Key) hash() uint64 {
	high, low := bits.Mul64(uint64(k.Bucket)^seeds[0], uint64(uint32(k.Start))<<32|uint64(k.Name)^seeds[1])
	last := uint64(k.Value)<<32 | uint64(k.Kind)<<24 | uint64(k.Stage)<<16 | uint64(k.Segment)<<8 | uint64(k.Window)
	high, low = bits.Mul64(high^low^last, seeds[2])
	return high ^ low
}

// at returns the cell with an index.
func (t *table) at(i uint32) *cell { return &t.chunks[i>>chunkBits][i%chunkCells] }

// slot returns the slot that a key is in, or would be.
func (t *table) slot(k *Key) uint32 {
	hash, mask := k.hash(), uint32(len(t.slots)-1)
	tag := uint32(hash>>32) &^ mask
	for slot := uint32(hash) & mask; ; slot = (slot + 1) & mask {
		s := t.slots[slot]
		if s == 0 || s&^mask == tag && t.at(s&mask-1).key == *k {
			return slot
		}
	}
}

// find returns the index of a key's cell, or false.
func (t *table) find(k *Key) (uint32, bool) {
	if s := t.slots[t.slot(k)]; s != 0 {
		return s&uint32(len(t.slots)-1) - 1, true
	}
	return 0, false
}

// get returns the index of a key's cell, which is made where there is none.
func (t *table) get(k *Key) uint32 {
	slot := t.slot(k)
	mask := uint32(len(t.slots) - 1)
	if s := t.slots[slot]; s != 0 {
		return s&mask - 1
	}
	if 4*(t.held+1) > 3*len(t.slots) {
		t.grow()
		slot, mask = t.slot(k), uint32(len(t.slots)-1)
	}
	i := t.take()
	c := t.at(i)
	c.key, c.is = *k, isHeld
	t.slots[slot] = uint32(k.hash()>>32)&^mask | i + 1
	t.held++
	return i
}

// take returns a cell that is free: zero.
func (t *table) take() uint32 {
	if t.free != 0 {
		i := t.free - 1
		c := t.at(i)
		t.free, c.n = uint32(c.n), 0
		return i
	}
	if t.given%chunkCells == 0 {
		t.chunks = append(t.chunks, new([chunkCells]cell))
	}
	t.given++
	return t.given - 1
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]uint32, 2*len(old))
	mask, before := uint32(len(t.slots)-1), uint32(len(old)-1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		i := s&before - 1
		hash := t.at(i).key.hash()
		slot := uint32(hash) & mask
		for t.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		t.slots[slot] = uint32(hash>>32)&^mask | i + 1
	}
}

// remove makes a cell free. What comes behind its slot moves up, so that nothing is looked for in vain.
func (t *table) remove(i uint32) {
	c := t.at(i)
	mask := uint32(len(t.slots) - 1)
	hole := t.slot(&c.key)
	for next := (hole + 1) & mask; t.slots[next] != 0; next = (next + 1) & mask {
		home := uint32(t.at(t.slots[next]&mask-1).key.hash()) & mask
		if (next-home)&mask >= (next-hole)&mask {
			t.slots[hole], hole = t.slots[next], next
		}
	}
	t.slots[hole] = 0
	*c = cell{n: int64(t.free)}
	t.free = i + 1
	t.held--
}

// mark makes a cell wait to be written.
func (t *table) mark(i uint32) {
	if c := t.at(i); c.is&isDirty == 0 {
		c.is |= isDirty
		t.dirty = append(t.dirty, i)
	}
}

// each calls visit for every cell that is held. It may remove the cell.
func (t *table) each(visit func(i uint32, c *cell)) {
	for i := range t.given {
		if c := t.at(i); c.is&isHeld != 0 {
			visit(i, c)
		}
	}
}
