package worker

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// absent are the users of a partition who are stored and not in memory, each by the beginning of its token as a number, its key, and by
// the lower half of the version that is stored. A key that is not there is of no absent user. Two users may have one key: then it is
// there twice.
type absent struct {
	keys     []uint64 // a hash table with open addressing, its size a power of two; 0 where free
	versions []uint32
	n        int
	seed     uint64 // so that nobody can choose ids that come to lie in one place
}

// absentEntry is how many bytes an entry of the table takes.
const absentEntry = 12

func newAbsent() *absent { return &absent{seed: rand.Uint64()} }

// keyOf returns the key of a token: so many of its leading hex digits, at most 15, as a number, and one more, because 0 is no key.
func keyOf(token [16]byte, digits int) uint64 {
	return binary.BigEndian.Uint64(token[:])>>(64-4*digits) + 1
}

// Len returns how many users are absent.
func (a *absent) Len() int { return a.n }

// size returns how many bytes the table takes.
func (a *absent) size() int { return absentEntry * len(a.keys) }

// home is the slot in which a key is, unless that was taken when it came.
func (a *absent) home(key uint64) int {
	high, low := bits.Mul64(key^a.seed, 0x9E3779B97F4A7C15)
	return int((high ^ low) & uint64(len(a.keys)-1))
}

func (a *absent) after(slot int) int { return (slot + 1) & (len(a.keys) - 1) }

// has reports whether an absent user has a key.
func (a *absent) has(key uint64) bool {
	if a.n == 0 || key == 0 {
		return false
	}
	slot := a.home(key)
	for a.keys[slot] != 0 && a.keys[slot] != key {
		slot = a.after(slot)
	}
	return a.keys[slot] == key
}

// versionsOf returns the versions of the absent users who have a key.
func (a *absent) versionsOf(key uint64) (versions []uint32) {
	if a.n == 0 {
		return nil
	}
	for slot := a.home(key); a.keys[slot] != 0; slot = a.after(slot) {
		if a.keys[slot] == key {
			versions = append(versions, a.versions[slot])
		}
	}
	return versions
}

// add adds a user.
func (a *absent) add(key uint64, version uint32) {
	if 4*(a.n+1) > 3*len(a.keys) {
		a.grow()
	}
	a.n++
	a.put(key, version)
}

func (a *absent) put(key uint64, version uint32) {
	slot := a.home(key)
	for a.keys[slot] != 0 {
		slot = a.after(slot)
	}
	a.keys[slot], a.versions[slot] = key, version
}

func (a *absent) grow() {
	keys, versions := a.keys, a.versions
	size := max(16, 2*len(keys))
	a.keys, a.versions = make([]uint64, size), make([]uint32, size)
	for i, key := range keys {
		if key != 0 {
			a.put(key, versions[i])
		}
	}
}

// remove removes a user, and reports whether it was there.
func (a *absent) remove(key uint64, version uint32) bool {
	if a.n == 0 {
		return false
	}
	for slot := a.home(key); a.keys[slot] != 0; slot = a.after(slot) {
		if a.keys[slot] == key && a.versions[slot] == version {
			a.vacate(slot)
			a.n--
			return true
		}
	}
	return false
}

// vacate frees a slot, and moves the entries behind it that could not be found any more.
func (a *absent) vacate(free int) {
	mask := len(a.keys) - 1
	for at := a.after(free); a.keys[at] != 0; at = a.after(at) {
		if home := a.home(a.keys[at]); (at-home)&mask >= (at-free)&mask {
			a.keys[free], a.versions[free] = a.keys[at], a.versions[at]
			free = at
		}
	}
	a.keys[free], a.versions[free] = 0, 0
}
