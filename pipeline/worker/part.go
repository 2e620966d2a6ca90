package worker

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

// part is what a partition knows of users of whom only a part of the catalog's metrics is computed: those that are new or changed, and
// those that these read.
type part struct {
	joiner           *facts.Joiner
	scratch          *facts.User
	metrics, entries []bool // that are counted
	countsVolumes    bool
}

func newPart(c *catalog.Catalog, cal *calendar.Calendar, segment func(cohort, segment int, text string) string) *part {
	j := facts.NewJoiner(c, cal, segment)
	p := &part{joiner: j, scratch: j.NewUser(), metrics: make([]bool, len(c.Metrics)), entries: make([]bool, len(c.Cohorts)), countsVolumes: true}
	for i := range p.metrics {
		p.metrics[i] = true
	}
	for i := range p.entries {
		p.entries[i] = true
	}
	return p
}

// leave has what stays of the catalog not be computed.
func (p *part) leave(kept *catalog.Kept) {
	p.joiner.Leave(kept.Metrics)
	for i, stays := range kept.Metrics {
		p.metrics[i] = !stays
	}
	for i, stays := range kept.Cohorts {
		p.entries[i] = !stays
	}
	p.countsVolumes = false
}

// as has do see users as a part of the catalog.
func (p *partition) as(of *part, do func()) {
	whole := p.part
	p.part = of
	do()
	p.part = whole
}
