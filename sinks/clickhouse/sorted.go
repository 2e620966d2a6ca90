package clickhouse

import (
	"maps"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// sorted is a map that is written in the order of its keys, so that equal maps are equal rows: ClickHouse compares and groups
// maps pair by pair, and Go walks its maps in a new order each time.
type sorted[V any] struct {
	values map[string]V
	keys   []string
	at     int
}

func sortedMap[V any](m map[string]V) *sorted[V] {
	return &sorted[V]{values: m, keys: slices.Sorted(maps.Keys(m))}
}

// Iterator and Put make it a column.IterableOrderedMap.
func (s *sorted[V]) Iterator() column.MapIterator {
	return &sorted[V]{values: s.values, keys: s.keys, at: -1}
}

// Put is for reading, which does not use this type.
func (s *sorted[V]) Put(any, any) { panic("BUG: a sorted map is only written") }

// Next, Key and Value are those of column.MapIterator.
func (s *sorted[V]) Next() bool { s.at++; return s.at < len(s.keys) }

// Key returns the key that Next went to.
func (s *sorted[V]) Key() any { return s.keys[s.at] }

// Value returns its value.
func (s *sorted[V]) Value() any { return s.values[s.keys[s.at]] }
