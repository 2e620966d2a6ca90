package faults

import (
	"math"

	"firstlight/pipeline/anomaly"
)

// Kind is what breaks.
type Kind uint8

// The kinds.
const (
	None       Kind = iota
	Activation      // activation falls by Size
	Drift           // activation falls by Size a day for as long as the fault lasts
	TTFV            // time to first value is Size times as long
	Adoption        // the users of Value use the feature no more
	Mix             // Size times as many users of Value come; nobody changes
	Silence         // Source sends nothing
	Loss            // of Source's events the share Size is lost
)

// Fault is what breaks, when and where.
type Fault struct {
	Kind    Kind
	Size    float64
	Segment string // where; empty: everywhere
	Value   string
	Source  string
	From    float64 // days since the beginning
	Until   float64 // then all is as it was
}

// Subjects are what a fault can move: the metrics of the catalog, and the events of a source.
var Subjects = []string{names[activated], names[firstReport], names[exports], anomaly.VolumeMetric, anomaly.EntriesMetric}

// Metrics names what a fault moves.
func (f *Fault) Metrics() []string {
	switch f.Kind {
	case Activation, Drift:
		return []string{names[activated]}
	case TTFV:
		return []string{names[firstReport]}
	case Adoption:
		return []string{names[exports]}
	case Mix:
		return []string{names[activated], names[firstReport]}
	case Loss: // its users' steps are lost, but for those who use another source
		return []string{anomaly.VolumeMetric, anomaly.EntriesMetric, names[activated], names[firstReport]}
	case Silence:
		return []string{anomaly.VolumeMetric, anomaly.EntriesMetric}
	}
	return nil
}

// on reports whether the fault goes on at a time (days since the beginning).
func (f *Fault) on(at float64) bool { return f.Kind != None && at >= f.From && at < f.Until }

// at is the position of the fault's value in values, -1: everywhere.
func (f *Fault) at() int {
	for i, v := range values {
		if v.segment == f.Segment && v.name == f.Value {
			return i
		}
	}
	return -1
}

// within is by how much the rate of a fault's users falls, so that the rate of all users falls by size. A value
// that is too small to bring that about falls as far as it can.
func (f *Fault) within(size float64) float64 {
	at := f.at()
	if at < 0 {
		return size
	}
	v, base := values[at], baseOdds(activatedBase)
	own := 0.0 // the value's part of all who activate
	for _, segment := range segments {
		if segment[0].segment == v.segment {
			own = v.share * rateOf(base, v)
		}
	}
	return min(0.95, size*activatedBase/own)
}

// rateOf is a value's rate among all kinds of users that have it.
func rateOf(base float64, v value) float64 {
	sum, weight := 0.0, 0.0
	for _, a := range segments[0] {
		for _, b := range segments[1] {
			for _, c := range segments[2] {
				for _, own := range []value{a, b, c} {
					if own == v {
						share := a.share * b.share * c.share
						sum += share * chance(base*a.odds*b.odds*c.odds)
						weight += share
					}
				}
			}
		}
	}
	return sum / weight
}

// keeps is what is left of the activation rate of the fault's users who enter at a time.
func (f *Fault) keeps(at float64) float64 {
	switch {
	case !f.on(at):
		return 1
	case f.Kind == Activation:
		return 1 - f.within(f.Size)
	case f.Kind == Drift:
		return 1 - f.within(1-math.Pow(1-f.Size, at-f.From))
	}
	return 1
}

// lost is the share of a source's events that are lost at a time.
func (f *Fault) lost(source string, at float64) float64 {
	switch {
	case source != f.Source || !f.on(at):
		return 0
	case f.Kind == Silence:
		return 1
	case f.Kind == Loss:
		return f.Size
	}
	return 0
}
