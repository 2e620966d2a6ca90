package cohort

import "slices"

// AgeCount is how many users of a cell have an age in one bucket.
type AgeCount struct {
	SumMs  int64 // sum of their exact ages
	N      int32
	Bucket uint16
}

// Ages count users by age bucket, ascending. Most cells hold many ages of one user each, so an age takes one word of 8 bytes: its
// bucket, the number of users, and by how much the sum of their ages exceeds that of so many ages at the bucket's lower edge. Where
// that is too little for one of them, all are wide: a word with bucket and number, and one with the sum.
type Ages struct {
	words []uint64
	wide  bool
}

const (
	packedRest  = 40 // bits
	packedCount = 12
	packedKeys  = packedRest + packedCount // the bucket is above them
	maxRest     = 1<<packedRest - 1
	maxCount    = 1<<packedCount - 1
	wideKeys    = 32 // bits below a wide age's bucket
)

// lowerEdge is the age that every age of a bucket exceeds, 0 of the first.
func lowerEdge(bucket uint16) int64 {
	if bucket == 0 {
		return 0
	}
	return AgeEdges[bucket-1]
}

// pack returns an age in one word, or false when it does not fit.
func pack(a AgeCount) (uint64, bool) {
	rest := a.SumMs - int64(a.N)*lowerEdge(a.Bucket)
	if a.N < 0 || a.N > maxCount || rest < 0 || rest > maxRest {
		return 0, false
	}
	return uint64(a.Bucket)<<packedKeys | uint64(a.N)<<packedRest | uint64(rest), true
}

func unpack(p uint64) AgeCount {
	a := AgeCount{Bucket: uint16(p >> packedKeys), N: int32(p >> packedRest & maxCount)}
	a.SumMs = int64(a.N)*lowerEdge(a.Bucket) + int64(p&maxRest)
	return a
}

// Len returns the number of buckets that hold users.
func (a *Ages) Len() int {
	if a.wide {
		return len(a.words) / 2
	}
	return len(a.words)
}

// At returns the i-th of the buckets that hold users, by age.
func (a *Ages) At(i int) AgeCount {
	if a.wide {
		return AgeCount{Bucket: uint16(a.words[2*i] >> wideKeys), N: int32(uint32(a.words[2*i])), SumMs: int64(a.words[2*i+1])}
	}
	return unpack(a.words[i])
}

// arena is where the ages of cells lie: lists of words in chunks without pointers. The room of a list is of a class; what a list gives
// back waits for the next of its class.
type arena struct {
	chunks []*[arenaWords]uint64
	used   int // words of the last chunk
	free   [len(rooms)]uint32
}

const (
	arenaBits  = 12
	arenaWords = 1 << arenaBits
)

// rooms are the classes of room, in words: the last is enough for all buckets, wide.
var rooms = [...]int{
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 30, 34, 38, 43, 49, 56, 64, 72, 82, 93, 105, 120, 136, 154, 175, 198, 224, 256,
	290, 330, 375, 425, 480, 545, 620, 700, 800, 900, 1020, 1200, 1365, 1600, 2040, 3000, arenaWords,
}

// words are the words at a place.
func (a *arena) words(at uint32, n int) []uint64 {
	from := int(at % arenaWords)
	return a.chunks[at>>arenaBits][from : from+n : from+n]
}

// list are the words that a cell's ages take.
func (a *arena) list(c *cell) []uint64 {
	if c.size == 0 {
		return nil
	}
	return a.words(uint32(c.rest[0]), int(c.size)*c.width())
}

// width is how many words an age takes.
func (c *cell) width() int {
	if c.is&isWide != 0 {
		return 2
	}
	return 1
}

// take returns a place with room of a class.
func (a *arena) take(class uint8) uint32 {
	if at := a.free[class]; at != 0 {
		a.free[class] = uint32(a.words(at-1, 1)[0])
		return at - 1
	}
	n := rooms[class]
	if len(a.chunks) == 0 || a.used+n > arenaWords {
		a.chunks, a.used = append(a.chunks, new([arenaWords]uint64)), 0
	}
	at := uint32(len(a.chunks)-1)<<arenaBits | uint32(a.used)
	a.used += n
	return at
}

// give takes back the room of a cell's ages.
func (a *arena) give(c *cell) {
	if c.room != 0 {
		at := uint32(c.rest[0])
		a.words(at, 1)[0] = uint64(a.free[c.room])
		a.free[c.room] = at + 1
	}
	c.size, c.room, c.rest[0], c.is = 0, 0, 0, c.is&^isWide
}

// reserve gives a cell's ages room for so many words.
func (a *arena) reserve(c *cell, n int) {
	if n <= rooms[c.room] {
		return
	}
	class, _ := slices.BinarySearch(rooms[:], n)
	old, size, is := a.list(c), c.size, c.is
	at := a.take(uint8(class))
	copy(a.words(at, n), old)
	a.give(c)
	c.rest[0], c.room, c.size, c.is = int32(at), uint8(class), size, is
}

// add counts n more users of a cell, whose ages (ms) are in one bucket and add up to sum.
func (a *arena) add(c *cell, bucket uint16, n int32, sum int64) {
	list := Ages{words: a.list(c), wide: c.is&isWide != 0}
	at, found := list.find(bucket)
	x := AgeCount{Bucket: bucket}
	if found {
		x = list.At(at)
	}
	x.N, x.SumMs = x.N+n, x.SumMs+sum
	p, fits := pack(x)
	if !list.wide && !fits {
		a.widen(c)
		list = Ages{words: a.list(c), wide: true}
	}
	switch gone := x.N == 0 && x.SumMs == 0; {
	case gone && found:
		w := c.width()
		copy(list.words[at*w:], list.words[(at+1)*w:])
		c.size--
		return
	case gone:
		return
	case !found:
		list.words = a.insert(c, at)
	}
	if list.wide {
		list.words[2*at], list.words[2*at+1] = uint64(bucket)<<wideKeys|uint64(uint32(x.N)), uint64(x.SumMs)
	} else {
		list.words[at] = p
	}
}

// insert makes room for an age, and returns the list.
func (a *arena) insert(c *cell, at int) []uint64 {
	w := c.width()
	a.reserve(c, (int(c.size)+1)*w)
	c.size++
	words := a.list(c)
	copy(words[(at+1)*w:], words[at*w:])
	return words
}

// find returns where a bucket is, or would be.
func (a *Ages) find(bucket uint16) (at int, found bool) {
	from, to := 0, a.Len()
	for from < to {
		middle := int(uint(from+to) / 2)
		if a.bucket(middle) < bucket {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from, from < a.Len() && a.bucket(from) == bucket
}

func (a *Ages) bucket(i int) uint16 {
	if a.wide {
		return uint16(a.words[2*i] >> wideKeys)
	}
	return uint16(a.words[i] >> packedKeys)
}

// widen makes the ages of a cell wide.
func (a *arena) widen(c *cell) {
	narrow := slices.Clone(a.list(c))
	a.give(c)
	c.is |= isWide
	a.reserve(c, 2*len(narrow))
	c.size = uint16(len(narrow))
	words := a.list(c)
	for i, p := range narrow {
		x := unpack(p)
		words[2*i], words[2*i+1] = uint64(x.Bucket)<<wideKeys|uint64(uint32(x.N)), uint64(x.SumMs)
	}
}
