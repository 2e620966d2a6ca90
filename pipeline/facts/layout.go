package facts

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Stored, a good part of users would be the keys of their blocks, which are the same for all. So blocks are named by their places in a
// layout, which is stored once: it says the key of each place, and its own hash is its name.

// ErrUnknownLayout is that a user was stored by a layout that is not known: it may be stored meanwhile.
var ErrUnknownLayout = errors.New("facts name a layout that is not known")

// Layouts are the blocks of users that StoreByLayout wrote, by the layout's name.
type Layouts map[uint64][]blockKey

// Add adds a layout as Layout gave it.
func (l Layouts) Add(name uint64, text string) error {
	if name != layoutName([]byte(text)) {
		return corrupt("layout %016x is not what its name says", name)
	}
	r := Reader{}
	r.start([]byte(text))
	var keys []blockKey
	for r.More() {
		var k blockKey
		copy(k.hash[:], r.bytes(hashSize))
		k.epoch = r.Uint()
		k.version = byte(r.Uint())
		k.selectors = r.bytes(r.Count())
		keys = append(keys, k)
	}
	if r.bad {
		return corrupt("layout %016x", name)
	}
	l[name] = keys
	return nil
}

func layoutName(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.LittleEndian.Uint64(sum[:])
}

// Layout returns the layout of the users that this joiner has, and its name.
func (j *Joiner) Layout() (name uint64, text string) {
	var buf []byte
	for i := range j.keys {
		k := &j.keys[i]
		buf = binary.AppendUvarint(append(buf, k.hash[:]...), k.epoch)
		buf = binary.AppendUvarint(buf, blockVersion)
		buf = append(binary.AppendUvarint(buf, uint64(len(k.selectors))), k.selectors...)
	}
	return layoutName(buf), string(buf)
}

const layoutHead = 1 + 8 // a version, and the layout's name

// StoredMore is how many bytes StoreByLayout writes more than Append, at most.
const StoredMore = layoutHead

// StoreByLayout appends the user to buf as Load reads it where the layout is known.
func (u *User) StoreByLayout(buf []byte) []byte {
	buf = binary.LittleEndian.AppendUint64(append(buf, layoutVersion), u.joiner.layout)
	buf = u.appendHeader(buf)
	for i := range u.slots {
		block := u.encoded(i)
		if len(block) == 0 || u.joiner.keys[i].first < i {
			continue // what two names have in common is stored once
		}
		buf = binary.AppendUvarint(buf, uint64(i))
		buf = append(binary.AppendUvarint(buf, uint64(len(block))), block...)
	}
	return buf
}

// loadByLayout reads what StoreByLayout wrote.
func (u *User) loadByLayout(buf []byte) error {
	if len(buf) < layoutHead {
		return corrupt("%d bytes", len(buf))
	}
	name := binary.LittleEndian.Uint64(buf[1:])
	keys, own := u.joiner.keys, name == u.joiner.layout
	if !own {
		known := false
		if keys, known = u.joiner.Layouts[name]; !known {
			return fmt.Errorf("%w: %016x", ErrUnknownLayout, name)
		}
	}
	r := Reader{}
	r.start(buf[layoutHead:])
	u.readHeader(&r)
	for len(r.buf) > 0 {
		place := r.Uint()
		block := r.bytes(r.Count())
		switch {
		case r.bad || place >= uint64(len(keys)):
			return corrupt("%d bytes, %d left", len(buf), len(r.buf))
		case own && !u.loadPlace(int(place), block), !own && !u.loadKey(&keys[place], block):
			return corrupt("%d bytes, block %d", len(buf), place)
		}
	}
	if r.bad {
		return corrupt("%d bytes", len(buf))
	}
	return nil
}

// loadPlace decodes and checks a block of this joiner's own layout, and what has the same key.
func (u *User) loadPlace(place int, block []byte) bool {
	for _, i := range u.joiner.alikeSlots[place] {
		u.slots[i].raw = block
		if !u.read(&u.slots[i], true) {
			return false
		}
	}
	return true
}

// loadKey decodes and checks a block of another layout, wherever it belongs.
func (u *User) loadKey(k *blockKey, block []byte) bool {
	for i := range u.slots {
		x := &u.joiner.keys[i]
		if !x.same(k) {
			continue
		}
		if k.version != blockVersion || !u.loadBlockOf(i, k.selectors, block) {
			return false
		}
	}
	return true
}
