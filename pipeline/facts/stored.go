package facts

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"

	"firstlight/pipeline/catalog"
)

// The first byte of a user as it is stored.
const (
	firstVersion  = 1 + iota
	keysVersion   // Store: each block has its key
	layoutVersion // StoreByLayout
)

// blockVersion is the version of every block's content.
const blockVersion = 1

// blockKey says what a block is: the hash of all that its content depends on. Names are no part of it, so what is only renamed
// keeps its block.
type blockKey struct {
	hash  [hashSize]byte
	epoch uint64 // which time the definition is taken up: one that comes back after it left is new
	// selectors are the hashes of a cohort's relevant selectors, in their order: open events name selectors by their place.
	selectors []byte
	first     int  // the first slot with this key
	version   byte // of its content, of a key in a layout
}

const hashSize = 8

func hashOf(v any) (h [hashSize]byte) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a definition does not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}

// blockKeys returns the keys of a user's blocks, in the order of its slots.
func (j *Joiner) blockKeys() (keys []blockKey) {
	c := j.Catalog
	var windows []string
	for _, w := range c.Windows {
		windows = append(windows, w.Name)
	}
	cohorts := cohortHashes(c)
	for i := range c.Cohorts {
		k := blockKey{hash: cohorts[i]}
		for _, s := range j.relevant[i].selectors {
			h := hashOf(c.Selectors[s].Text)
			k.selectors = append(k.selectors, h[:]...)
		}
		keys = append(keys, k)
	}
	for _, a := range j.activities {
		keys = append(keys, blockKey{hash: hashOf([]any{"activity", cohorts[a.cohort], c.Selectors[a.selector].Text, windows})})
	}
	for i := range c.Metrics {
		m := &c.Metrics[i]
		of := []any{"metric", cohorts[m.Cohort], j.kind(i).Identity(c, m), defineSteps(c, m)}
		if m.Trial != nil {
			of = append(of, "trial", m.Trial.Variants)
		}
		keys = append(keys, blockKey{hash: hashOf(of)})
	}
	keys = append(keys, blockKey{hash: hashOf([]any{"exclusion", c.DefineExclude(), c.AllUsers, c.AllowedLateness})})
	for i := range keys {
		keys[i].first = slices.IndexFunc(keys, func(k blockKey) bool { return k.hash == keys[i].hash && k.epoch == keys[i].epoch })
	}
	return keys
}

// cohortHashes are the hashes of all that entries into the cohorts depend on.
func cohortHashes(c *catalog.Catalog) [][hashSize]byte {
	hashes := make([][hashSize]byte, len(c.Cohorts))
	for i := range c.Cohorts {
		co := &c.Cohorts[i]
		segments := []any{}
		for _, s := range co.Segments {
			segments = append(segments, []any{strings.Join(s.Path, "\x00"), slices.Sorted(slices.Values(s.Values))})
		}
		of := []any{"cohort", co.FirstSeen, c.Selectors[co.Entry].Text, segments, c.Timezone, c.WeekStart, c.AllUsers, c.AllowedLateness}
		if excluded := c.DefineExclude(); excluded != "" {
			of = append(of, excluded)
		}
		hashes[i] = hashOf(of)
	}
	return hashes
}

// Store appends the user to buf as Load reads it, whatever the catalog is by then: every block has its key and version.
func (u *User) Store(buf []byte) []byte {
	buf = u.appendHeader(append(buf, keysVersion))
	for i := range u.slots {
		k := &u.joiner.keys[i]
		block := u.encoded(i)
		if len(block) == 0 || k.first < i {
			continue // what two names have in common is stored once
		}
		buf = append(buf, k.hash[:]...)
		buf = binary.AppendUvarint(buf, k.epoch)
		buf = append(buf, blockVersion)
		if i >= len(u.cohorts) {
			buf = append(binary.AppendUvarint(buf, uint64(len(block))), block...)
			continue
		}
		var selectors []byte
		if block[0]&(flagAt|flagOpen) != 0 {
			selectors = k.selectors
		}
		n := len(selectors) / hashSize
		buf = binary.AppendUvarint(buf, uint64(sizeOf(n)+len(selectors)+len(block)))
		buf = append(append(binary.AppendUvarint(buf, uint64(n)), selectors...), block...)
	}
	return buf
}

// sizeOf is how many bytes a number takes.
func sizeOf(n int) int {
	return len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(n)))
}

// Load reads what Store or StoreByLayout wrote, or a version before it did. A block of a definition that the catalog does not have is dropped,
// and a definition without a block starts empty. The user points into buf, which must not change while it is in use.
func (u *User) Load(buf []byte) error {
	u.clear()
	if len(buf) == 0 {
		return corrupt("no bytes")
	}
	switch buf[0] {
	case firstVersion:
		return u.loadFirst(buf)
	case keysVersion:
		return u.load(buf)
	case layoutVersion:
		return u.loadByLayout(buf)
	default:
		return corrupt("version %d is of a later Firstlight", buf[0])
	}
}

func (u *User) load(buf []byte) error {
	r := Reader{}
	r.start(buf[1:])
	u.readHeader(&r)
	for len(r.buf) > 0 {
		if !u.loadBlock(&r) {
			return corrupt("%d bytes, %d left", len(buf), len(r.buf))
		}
	}
	if r.bad {
		return corrupt("%d bytes", len(buf))
	}
	return nil
}

func (u *User) loadBlock(r *Reader) bool {
	var k blockKey
	copy(k.hash[:], r.bytes(hashSize))
	k.epoch = r.Uint()
	version := r.bytes(1)
	block := r.bytes(r.Count())
	if r.bad {
		return false
	}
	for i := range u.slots {
		if x := &u.joiner.keys[i]; x.hash != k.hash || x.epoch != k.epoch {
			continue
		}
		if version[0] != blockVersion || !u.loadSlot(i, block) {
			return false
		}
	}
	return true
}

// loadSlot decodes and checks a block that was stored with its key: before a cohort stand the selectors that open events name.
func (u *User) loadSlot(i int, block []byte) bool {
	if i >= len(u.cohorts) {
		return u.loadBlockOf(i, nil, block)
	}
	r := Reader{buf: block}
	n := r.Count()
	if n > len(r.buf)/hashSize {
		return false
	}
	selectors := r.bytes(n * hashSize)
	return u.loadBlockOf(i, selectors, r.buf)
}

// loadBlockOf decodes and checks a block, of which open events name these selectors.
func (u *User) loadBlockOf(i int, selectors, block []byte) bool {
	s := &u.slots[i]
	s.raw = block
	if len(selectors) == 0 || i >= len(u.cohorts) || bytes.Equal(selectors, u.joiner.keys[i].selectors) {
		return u.read(s, true)
	}
	return u.translate(i, selectors)
}

// translate decodes a cohort whose open events name selectors by their place among others than the catalog's.
func (u *User) translate(cohort int, selectors []byte) bool {
	co, s := &u.cohorts[cohort], &u.slots[cohort]
	ours, theirs := co.relevant, &relevant{}
	for at := 0; at < len(selectors); at += hashSize {
		theirs.selectors = append(theirs.selectors, u.joiner.selectorOf(cohort, selectors[at:at+hashSize]))
	}
	co.relevant = theirs
	ok := u.read(s, true)
	co.relevant = ours
	if ok && co.open.n > 0 {
		co.open.set(ours, co.open.events(theirs))
	}
	s.changed = true
	return ok
}

// selectorOf returns the index of a cohort's relevant selector, -1 when it has none of that hash.
func (j *Joiner) selectorOf(cohort int, hash []byte) int {
	own := j.keys[cohort].selectors
	for i, s := range j.relevant[cohort].selectors {
		if bytes.Equal(own[i*hashSize:(i+1)*hashSize], hash) {
			return s
		}
	}
	return -1
}
