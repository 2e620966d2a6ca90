//go:build invariants

package worker

import (
	"fmt"

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
	for u := range p.users.Len() {
		p.scratch.Open(p.users.facts(uint32(u)))
		p.considerAll()
		folded.Load(p.contributions(nil))
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
