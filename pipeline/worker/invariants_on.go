//go:build invariants

package worker

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"firstlight/pipeline/cohort"
)

// checked says that partitions are checked at every flush.
const checked = true

// check panics where a partition that is about to be flushed contradicts itself. It costs as much as recovering the partition: only
// tests build it in, with -tags invariants.
func (p *partition) check() {
	dead := uint64(0)
	for _, n := range p.counters.Dead {
		dead += n
	}
	if c := &p.counters; c.Received != c.Applied+c.Ignored+dead {
		panic(fmt.Sprintf("BUG: partition %d received %d messages: %d applied, %d ignored, %d dead", p.id, c.Received, c.Applied, c.Ignored, dead))
	}
	folded := cohort.NewCells()
	fold := func(facts []byte) {
		p.scratch.Open(facts)
		p.considerAll()
		folded.Load(p.contributions(nil))
	}
	p.users.all(func(u uint32) { fold(p.users.facts(u)) })
	for _, facts := range p.away.shadow.facts {
		fold(facts)
	}
	if held, absent := len(p.away.shadow.facts), p.away.absent.Len(); held != absent {
		panic(fmt.Sprintf("BUG: partition %d: %d users are absent, and %d left", p.id, absent, held))
	}
	for i := range p.forgotten.kept {
		contributions, err := p.contributionsOf(&p.forgotten.kept[i])
		if err != nil {
			panic("BUG: what is kept of a forgotten user cannot be read: " + err.Error())
		}
		folded.Load(contributions)
	}
	p.compare(p.cells, folded, "folding the users gives none")
	p.compare(folded, p.cells, "there is none")
}

// shadow keeps the facts of users who are away, by id.
type shadow struct{ facts map[string][]byte }

func newShadow() shadow { return shadow{map[string][]byte{}} }

func (s shadow) leave(id string, facts []byte) { s.facts[strings.Clone(id)] = bytes.Clone(facts) }

// comeBack panics where the user in scratch, who was read back, counts otherwise than when it left.
func (s shadow) comeBack(p *partition, id string) {
	p.considerAll()
	got := p.contributions(nil)
	back := p.scratch.Append(nil)
	p.scratch.Open(s.facts[id])
	if want := p.contributions(nil); !slices.Equal(got, want) {
		panic(fmt.Sprintf("BUG: partition %d: user %q left with %+v and came back with %+v", p.id, id, want, got))
	}
	p.scratch.Open(back)
	delete(s.facts, id)
}

// compare panics where a cell of these counts otherwise than the same cell of those.
func (p *partition) compare(these, those *cohort.Cells, otherwise string) {
	these.Each(func(k cohort.Key, c *cohort.Cell) {
		windowed := k.Kind == cohort.Window || k.Kind == cohort.Trailing
		switch {
		case k.Kind == cohort.Volume, windowed && p.folder.BucketEnd(k)*1000 <= p.prune, c.Counts.Zero() && c.Ages.Len() == 0:
			return
		case k.Kind != cohort.Trailing && (c.Counts.N < 0 || c.Counts.Active < 0 || c.Counts.Adopters < 0 || c.Counts.NewAdopters < 0):
			panic(fmt.Sprintf("BUG: partition %d: the cell %+v counts %+v", p.id, k, c.Counts))
		}
		got, want := told(c), otherwise
		if other := those.Get(k); other != nil {
			want = told(other)
		}
		if got != want {
			panic(fmt.Sprintf("BUG: partition %d: the cell %+v is %s here and elsewhere %s", p.id, k, got, want))
		}
	})
}

// told is what a cell counts, as text.
func told(c *cohort.Cell) string {
	text := fmt.Sprint(c.Counts)
	for i := range c.Ages.Len() {
		text += fmt.Sprint(c.Ages.At(i))
	}
	return text
}
