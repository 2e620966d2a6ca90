package worker

import (
	"encoding/binary"
	"hash/maphash"
	"unsafe"
)

// users are the encoded facts of a partition's users, by id. They lie in slabs without pointers, so that the garbage collector has
// nothing to follow however many there are. A user is known by its number, from 0 in the order in which users came; numbers of users
// who left are given again.
type users struct {
	table   []uint32 // a hash table with open addressing, its size a power of two: 0 where free, else a user's number + 1 below the size, and above it bits of the hash of its id
	seed    maphash.Seed
	records []place // by number; nowhere for one that is not given
	vacant  []uint32
	recency recency
	live    int // bytes of records
	slabs   []slab
	open    int // the slab that takes new records
	next    int // the size of the next slab: the first ones, of few users, are small
}

const firstSlab = 1 << 10

// place is where a record lies.
type place struct{ slab, at uint32 }

var nowhere = place{^uint32(0), ^uint32(0)}

// slab holds records, one behind the other.
type slab struct {
	bytes []byte
	dead  int // bytes of records that moved elsewhere
}

// A record is its head, the id, and the facts with room to grow. The head is the user's number (4 bytes), its marks (1), the lengths
// of the id (2), the facts (4) and their room (4), and the hour in which it is due (4).
const (
	recordHead = 19
	slabSize   = 1 << 20
	roomUnit   = 8
	// besideRecord is what a user takes beside its record, about: its place, its neighbours in recency, its share of the table.
	besideRecord = 24
)

// markDirty is the mark of a user who waits in partition.dirtyUsers to be stored.
const markDirty = 1

func newUsers() *users {
	return &users{table: make([]uint32, 16), seed: maphash.MakeSeed(), slabs: []slab{{}}, next: firstSlab, recency: newRecency()}
}

// Len returns how many users there are.
func (u *users) Len() int { return len(u.records) - len(u.vacant) }

// size returns how many bytes the users take, about: a fourth of a slab may be records that moved elsewhere.
func (u *users) size() int { return u.live + u.live/4 + besideRecord*u.Len() }

// holds reports whether a number is that of a user.
func (u *users) holds(number uint32) bool {
	return int(number) < len(u.records) && u.records[number] != nowhere
}

// all calls visit for every user.
func (u *users) all(visit func(number uint32)) {
	for number, at := range u.records {
		if at != nowhere {
			visit(uint32(number))
		}
	}
}

// find returns the number of a user, or false.
func (u *users) find(id string) (number uint32, known bool) {
	entry := u.table[u.slot(id, maphash.String(u.seed, id))]
	if entry == 0 {
		return 0, false
	}
	return u.numberIn(entry), true
}

// numberIn is the number of the user that an entry of the table is of.
func (u *users) numberIn(entry uint32) uint32 { return entry&uint32(len(u.table)-1) - 1 }

// entry is what the table holds of a user.
func (u *users) entry(number uint32, hash uint64) uint32 {
	return uint32(hash>>32)&^uint32(len(u.table)-1) | number + 1
}

// slot returns where in the table an id is, or would be.
func (u *users) slot(id string, hash uint64) int {
	mask := uint32(len(u.table) - 1)
	tag := uint32(hash>>32) &^ mask
	for slot := uint32(hash) & mask; ; slot = (slot + 1) & mask {
		entry := u.table[slot]
		if entry == 0 || entry&^mask == tag && u.id(u.numberIn(entry)) == id {
			return int(slot)
		}
	}
}

// add adds a user that is not there yet, touched last, and returns its number.
func (u *users) add(id string, facts []byte) uint32 {
	number := u.number()
	hash := maphash.String(u.seed, id)
	u.table[u.slot(id, hash)] = u.entry(number, hash)
	u.records[number] = u.write(number, 0, 0, id, facts)
	u.recency.add(number)
	return number
}

// number gives a number.
func (u *users) number() (number uint32) {
	if last := len(u.vacant) - 1; last >= 0 {
		number, u.vacant = u.vacant[last], u.vacant[:last]
		return number
	}
	if 4*(len(u.records)+1) > 3*len(u.table) {
		u.grow()
	}
	u.records = append(u.records, nowhere)
	return uint32(len(u.records) - 1)
}

// remove removes a user: its number may be given again.
func (u *users) remove(number uint32) {
	id := u.id(number)
	u.vacate(u.slot(id, maphash.String(u.seed, id)))
	u.recency.remove(number)
	u.vacant = append(u.vacant, number)
	from := u.records[number].slab
	size := u.record(number).all()
	u.live -= size
	u.records[number] = nowhere
	u.leave(from, size)
}

// vacate frees a slot of the table, and moves the entries behind it that could not be found any more.
func (u *users) vacate(slot int) {
	mask := uint32(len(u.table) - 1)
	free := uint32(slot)
	for at := (free + 1) & mask; u.table[at] != 0; at = (at + 1) & mask {
		home := uint32(maphash.String(u.seed, u.id(u.numberIn(u.table[at])))) & mask
		if (at-home)&mask >= (at-free)&mask {
			u.table[free] = u.table[at]
			free = at
		}
	}
	u.table[free] = 0
}

func (u *users) grow() {
	u.table = make([]uint32, 2*len(u.table))
	mask := uint32(len(u.table) - 1)
	u.all(func(number uint32) {
		hash := maphash.String(u.seed, u.id(number))
		slot := uint32(hash) & mask
		for u.table[slot] != 0 {
			slot = (slot + 1) & mask
		}
		u.table[slot] = u.entry(number, hash)
	})
}

// record is one record in its slab.
type record []byte

func (u *users) record(number uint32) record {
	p := u.records[number]
	return u.slabs[p.slab].bytes[p.at:]
}

func (r record) number() uint32 { return binary.LittleEndian.Uint32(r) }
func (r record) idSize() int    { return int(binary.LittleEndian.Uint16(r[5:])) }
func (r record) size() int      { return int(binary.LittleEndian.Uint32(r[7:])) }
func (r record) room() int      { return int(binary.LittleEndian.Uint32(r[11:])) }
func (r record) due() uint32    { return binary.LittleEndian.Uint32(r[15:]) }
func (r record) setSize(n int)  { binary.LittleEndian.PutUint32(r[7:], uint32(n)) }
func (r record) all() int       { return recordHead + r.idSize() + r.room() }

func (r record) id() []byte { return r[recordHead : recordHead+r.idSize()] }

func (r record) facts() []byte {
	from := recordHead + r.idSize()
	return r[from : from+r.size()]
}

// id returns a user's id, valid until the next change.
func (u *users) id(number uint32) string { return view(u.record(number).id()) }

// facts returns a user's facts, valid until the next change.
func (u *users) facts(number uint32) []byte { return u.record(number).facts() }

// mark sets a mark of a user, and reports whether it was not set.
func (u *users) mark(number uint32, mark byte) bool {
	r := u.record(number)
	if r[4]&mark != 0 {
		return false
	}
	r[4] |= mark
	return true
}

func (u *users) unmark(number uint32, mark byte) { u.record(number)[4] &^= mark }

// marked reports whether a user has a mark.
func (u *users) marked(number uint32, mark byte) bool { return u.record(number)[4]&mark != 0 }

// due returns the hour in which a user is due, 0 when in none.
func (u *users) due(number uint32) uint32 { return u.record(number).due() }

// setDue sets the hour in which a user is due.
func (u *users) setDue(number, hour uint32) {
	binary.LittleEndian.PutUint32(u.record(number)[15:], hour)
}

// set replaces the facts of a user.
func (u *users) set(number uint32, facts []byte) {
	r := u.record(number)
	if room := r.room(); len(facts) <= room && room <= 2*len(facts)+roomUnit {
		r.setSize(len(facts))
		copy(r.facts(), facts)
		return
	}
	from := u.records[number].slab
	u.live -= r.all()
	u.records[number] = u.write(number, r[4], r.due(), view(r.id()), facts)
	u.leave(from, r.all())
}

// leave takes note that a record of some bytes is in a slab no more.
func (u *users) leave(from uint32, size int) {
	s := &u.slabs[from]
	s.dead += size
	if int(from) != u.open && 4*s.dead >= len(s.bytes) {
		u.empty(int(from))
	}
}

// write writes a record into the open slab.
func (u *users) write(number uint32, marks byte, due uint32, id string, facts []byte) place {
	room := (len(facts) + len(facts)/8 + roomUnit - 1) &^ (roomUnit - 1)
	size := recordHead + len(id) + room
	u.live += size
	if s := &u.slabs[u.open]; len(s.bytes)+size > cap(s.bytes) {
		u.open = u.free()
		u.slabs[u.open] = slab{bytes: make([]byte, 0, max(size, u.next))}
		u.next = min(2*u.next, slabSize)
	}
	s := &u.slabs[u.open]
	at := len(s.bytes)
	s.bytes = s.bytes[:at+size]
	r := record(s.bytes[at:])
	binary.LittleEndian.PutUint32(r, number)
	r[4] = marks
	binary.LittleEndian.PutUint16(r[5:], uint16(len(id)))
	binary.LittleEndian.PutUint32(r[11:], uint32(room))
	binary.LittleEndian.PutUint32(r[15:], due)
	r.setSize(len(facts))
	copy(r.id(), id)
	copy(r.facts(), facts)
	return place{uint32(u.open), uint32(at)}
}

// free returns the index of a slab without bytes.
func (u *users) free() int {
	for i := range u.slabs {
		if cap(u.slabs[i].bytes) == 0 {
			return i
		}
	}
	u.slabs = append(u.slabs, slab{})
	return len(u.slabs) - 1
}

// empty moves the records that a slab still holds, and gives it up.
func (u *users) empty(i int) {
	bytes := u.slabs[i].bytes
	for at := 0; at < len(bytes); {
		r := record(bytes[at:])
		if n := r.number(); u.records[n] == (place{uint32(i), uint32(at)}) {
			u.live -= r.all()
			u.records[n] = u.write(n, r[4], r.due(), view(r.id()), r.facts())
		}
		at += r.all()
	}
	u.slabs[i] = slab{}
}

// view is a text that is the bytes, which must not change while it is in use.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
