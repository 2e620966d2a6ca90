package worker

import (
	"slices"

	"firstlight/pipeline/catalog"
)

// shown is what Show was told.
type shown struct {
	worker *Worker
	wanted *catalog.Catalog
}

// now is what others see of Definitions.
type now struct {
	force, beside *Worker
	difference    *catalog.Difference // of what is wanted to what is in force; nil where that is not known
	refused       string              // why what is wanted is not computed
}

// show says what is in force here, and what shows it.
func (d *Definitions) show() {
	d.mu.Lock()
	d.now.force, d.now.beside = nil, nil
	if d.force != nil {
		d.now.force = d.force.Worker
		if difference, err := d.wanted.catalog.Difference(d.force.Catalog.Definition()); err == nil {
			d.now.difference = difference
		}
	}
	if d.beside != nil {
		d.now.beside = d.beside.Worker
	}
	d.mu.Unlock()
	if d.force == nil || d.Show == nil || d.shown == (shown{d.force.Worker, d.wanted.catalog}) {
		return
	}
	d.shown = shown{d.force.Worker, d.wanted.catalog}
	d.Show(d.force.Worker, d.force.Catalog.As(d.wanted.catalog))
}

// refuse has others see why what is wanted is not computed beside the generation in force; nothing where it is.
func (d *Definitions) refuse(why string, generation uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now.refused, d.refusedIn = why, generation
}

// Observe returns what is known now of the numbers in force.
func (d *Definitions) Observe() Observation {
	d.mu.Lock()
	w := d.now.force
	d.mu.Unlock()
	if w == nil {
		return Observation{CatchingUp: true}
	}
	return w.Observe()
}

// Loading is that of the worker of the numbers in force.
func (d *Definitions) Loading() string {
	d.mu.Lock()
	w := d.now.force
	d.mu.Unlock()
	if w == nil {
		return "the numbers in force are not computed here"
	}
	return w.Loading()
}

// ImportedFrom is that of the worker of the numbers in force.
func (d *Definitions) ImportedFrom() int64 {
	d.mu.Lock()
	w := d.now.force
	d.mu.Unlock()
	if w == nil {
		return 0
	}
	return w.ImportedFrom()
}

// Building is what is computed beside.
type Building struct {
	Metrics []string // that are new or changed
	Lag     uint64   // messages to read
	Read    uint64   // messages read
	Refused string   // why what the catalog asks for is not computed; empty where it is
}

// Building returns what is computed beside, nil where nothing is nor should be.
func (d *Definitions) Building() *Building {
	d.mu.Lock()
	now := d.now
	d.mu.Unlock()
	if now.beside == nil && now.refused == "" {
		return nil
	}
	b := &Building{Refused: now.refused}
	if now.difference != nil {
		b.Metrics = slices.Concat(now.difference.Of(catalog.Added), now.difference.Of(catalog.Changed))
	}
	if now.beside == nil {
		return b
	}
	seen := now.beside.Observe()
	for i := range seen.Partitions {
		b.Lag, b.Read = b.Lag+seen.Partitions[i].Lag, b.Read+seen.Partitions[i].Accounts.Received
	}
	for i := range seen.Elsewhere {
		b.Lag += seen.Elsewhere[i].Lag
	}
	return b
}
