// Package stats is the mathematics under detection: intervals, predictions, survival curves, e-values.
//
// Everything is a pure function of float64s and counts: no I/O, no clock, no state outside of the values passed
// around. Every formula names its source. Valid input never gives NaN: where a value does not exist, a second
// result says so, and where it is unbounded it is an infinity.
package stats
