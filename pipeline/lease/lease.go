// Package lease says who should hold which partition. Workers of one database share a table that names them and what each holds;
// each changes it by compare-and-set, alone by what stands in it. It is pure: a register keeps the table, and tells when it was
// written by the server's clock, which judges who is still there.
//
// Leases save work, nothing else: two workers that both take a partition for theirs write the same rows.
package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Terms are for how long leases hold.
type Terms struct {
	Time   time.Duration // how long a worker that does not renew keeps what it holds
	Every  time.Duration // how often a worker renews
	Margin time.Duration // how long before its lease could end a holder stops taking messages
	Look   time.Duration // how often a worker looks whether there is something to take
}

// Standard are the terms that workers agree on.
var Standard = Terms{Time: 6 * time.Second, Every: 2 * time.Second, Margin: time.Second, Look: 500 * time.Millisecond}

const format = 1

// Table is who works, in the order they came, and who holds what.
type Table struct {
	Format     int         `json:"format"`
	By         string      `json:"by"` // the ID of the worker that wrote it
	Generation uint32      `json:"generation"`
	Workers    []Worker    `json:"workers"`
	Partitions []Partition `json:"partitions"` // of the generation, by number
}

// Worker is one that was there when it last renewed.
type Worker struct {
	ID         string `json:"id"`
	Name       string `json:"name"`                // for people
	Place      string `json:"place,omitempty"`     // of its process: where a PID tells whether it is there; empty where none does
	PID        int    `json:"pid,omitempty"`       //
	Definition string `json:"definition"`          // of the numbers that it computes
	Generation uint32 `json:"generation"`          // that it computes them in; 0 before that is known
	Ready      bool   `json:"ready,omitempty"`     // it takes partitions
	Drains     bool   `json:"drains,omitempty"`    // it goes once all is stored, and leaves the work to those that stay
	Renewed    int64  `json:"renewed,omitempty"`   // ms, by the server's clock; of the writer as the table is read
	Importing  bool   `json:"importing,omitempty"` // events of the past are being loaded
}

// Partition is what its holder last said of it, or the last one to hold it.
type Partition struct {
	Holder  string `json:"holder,omitempty"`  // an ID; empty: nobody
	Running bool   `json:"running,omitempty"` // its messages are applied
	Stored  uint64 `json:"stored"`            // up to this sequence all of it is stored
	Lag     uint64 `json:"lag"`               // messages that wait
	AsOf    int64  `json:"as_of"`             // ms
}

// ErrForeign is that something is no table, or one of another version or of other partitions.
var ErrForeign = errors.New("that is no table of leases of this version")

// Decode returns the table that was written at a time of the server's clock. Nobody has renewed later than that, and who is not there
// holds nothing, whatever stands there.
func Decode(data []byte, at time.Time) (*Table, error) {
	t := &Table{}
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if t.Format != format || t.By == "" {
		return nil, ErrForeign
	}
	for i := range t.Workers {
		w := &t.Workers[i]
		if w.ID == t.By || w.Renewed > at.UnixMilli() {
			w.Renewed = at.UnixMilli()
		}
	}
	for p := range t.Partitions {
		if own := &t.Partitions[p]; own.Holder != "" && t.Worker(own.Holder) == nil {
			own.Holder, own.Running = "", false
		}
	}
	return t, nil
}

// Of reports whether this can be the table of so many partitions of a generation. One of an earlier generation is begun anew; one of a
// later generation is somebody's who computes that.
func (t *Table) Of(generation uint32, partitions int) bool {
	if t.Generation > generation {
		return slices.ContainsFunc(t.Workers, func(w Worker) bool { return w.Generation == t.Generation })
	}
	return t.Generation < generation || len(t.Partitions) == partitions
}

// Encode returns the table as a worker writes it.
func (t *Table) Encode(by string) []byte {
	t.Format, t.By = format, by
	data, err := json.Marshal(t)
	if err != nil {
		panic("BUG: a table of leases cannot be encoded: " + err.Error())
	}
	return data
}

// Worker returns the worker with an ID, nil when it is not there.
func (t *Table) Worker(id string) *Worker {
	for i := range t.Workers {
		if t.Workers[i].ID == id {
			return &t.Workers[i]
		}
	}
	return nil
}

// Held returns the partitions that a worker holds.
func (t *Table) Held(id string) (held []uint16) {
	for p := range t.Partitions {
		if t.Partitions[p].Holder == id {
			held = append(held, uint16(p))
		}
	}
	return held
}

// Remove takes a worker out: nobody holds any more what it held.
func (t *Table) Remove(id string) {
	t.Workers = slices.DeleteFunc(t.Workers, func(w Worker) bool { return w.ID == id })
	for p := range t.Partitions {
		if t.Partitions[p].Holder == id {
			t.Partitions[p].Holder, t.Partitions[p].Running = "", false
		}
	}
}

// Expire takes out the workers that have not renewed since a time of the server's clock, or of which it is known that they are dead,
// but never the one that asks. It returns them.
func (t *Table) Expire(since time.Time, me string, dead func(*Worker) bool) (gone []Worker) {
	for _, w := range slices.Clone(t.Workers) {
		if w.ID != me && (w.Renewed < since.UnixMilli() || dead(&w)) {
			gone = append(gone, w)
			t.Remove(w.ID)
		}
	}
	return gone
}

// Renew puts a worker in, or what is new of it, with what it says of the partitions that it runs. Those that nobody holds are its own
// again: a table that was lost is made anew by those that were in it. In a table of an earlier generation nobody holds anything any
// more; in one of a later generation this worker holds nothing.
func (t *Table) Renew(me Worker, generation uint32, partitions int, runs map[uint16]Partition) {
	me.Renewed, me.Generation = 0, generation
	if w := t.Worker(me.ID); w != nil {
		me.Renewed = w.Renewed
		*w = me
	} else {
		t.Workers = append(t.Workers, me)
	}
	if me.Ready && generation > t.Generation {
		t.Generation, t.Partitions = generation, make([]Partition, partitions)
	}
	if generation != t.Generation {
		return
	}
	for p := range t.Partitions {
		own := &t.Partitions[p]
		said, runs := runs[uint16(p)]
		switch {
		case runs && (own.Holder == me.ID || own.Holder == ""):
			said.Holder = me.ID
			*own = said
		case own.Holder == me.ID:
			own.Running = false
		}
	}
}

// Ahead returns the workers that came before one and compute other numbers: it waits until they have gone.
func (t *Table) Ahead(me *Worker) (others []Worker) {
	for _, w := range t.Workers {
		if w.ID == me.ID {
			return others
		}
		if w.Definition != me.Definition {
			others = append(others, w)
		}
	}
	return others
}

// Share returns who should hold each partition.
func (t *Table) Share() []string {
	var stay, drain []string
	for i := range t.Workers {
		switch w := &t.Workers[i]; {
		case !w.Ready || w.Definition != t.Workers[0].Definition:
		case w.Drains:
			drain = append(drain, w.ID)
		default:
			stay = append(stay, w.ID)
		}
	}
	if len(stay) == 0 {
		stay = drain
	}
	holders := make([]string, len(t.Partitions))
	for p := range t.Partitions {
		holders[p] = t.Partitions[p].Holder
	}
	return Balance(holders, stay)
}

// Claim has a worker hold the partitions that it should and nobody does, and reports whether there were any.
func (t *Table) Claim(id string) (any bool) {
	for p, should := range t.Share() {
		if own := &t.Partitions[p]; own.Holder == "" && should == id {
			own.Holder, own.Running, any = id, false, true
		}
	}
	return any
}

// Surplus returns what a worker holds and others should.
func (t *Table) Surplus(id string) (surplus []uint16) {
	for p, should := range t.Share() {
		if t.Partitions[p].Holder == id && should != id {
			surplus = append(surplus, uint16(p))
		}
	}
	return surplus
}

// Free gives up what a worker holds of some partitions, and reports whether it held any.
func (t *Table) Free(id string, partitions ...uint16) (any bool) {
	for _, p := range partitions {
		if int(p) < len(t.Partitions) && t.Partitions[p].Holder == id {
			t.Partitions[p].Holder, t.Partitions[p].Running, any = "", false, true
		}
	}
	return any
}

// Balance returns who should hold each partition, given who holds it now: numbers differ by one at most, and no partition moves that
// need not. Without workers nobody should.
func Balance(holders, workers []string) []string {
	should := make([]string, len(holders))
	if len(workers) == 0 {
		return should
	}
	held := make(map[string]int, len(workers))
	for _, h := range holders {
		held[h]++
	}
	most := slices.Clone(workers)
	slices.SortStableFunc(most, func(a, b string) int { return held[b] - held[a] })
	quota := make(map[string]int, len(workers))
	for i, w := range most {
		quota[w] = len(holders) / len(workers)
		if i < len(holders)%len(workers) {
			quota[w]++
		}
	}
	for p, h := range holders {
		if quota[h] > 0 {
			should[p] = h
			quota[h]--
		}
	}
	next := 0
	for p := range should {
		for should[p] == "" {
			if w := workers[next]; quota[w] > 0 {
				should[p] = w
				quota[w]--
			} else {
				next++
			}
		}
	}
	return should
}
