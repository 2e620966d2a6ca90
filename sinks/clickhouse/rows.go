package clickhouse

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

type (
	cellRows = *worker.CellRows
	userRows = *worker.UserRows
)

// cellColumns are the columns of cells. Where rows do not say under which generation they stand, it is this one.
func cellColumns(generation uint32) []blockColumn[cellRows] {
	return []blockColumn[cellRows]{
		{"kind", lowString, words(func(r cellRows) []string { return r.Kind })},
		{"name", lowString, words(func(r cellRows) []string { return r.Name })},
		{"segment", lowString, words(func(r cellRows) []string { return r.Segment })},
		{"segment_value", "String", values(func(r cellRows) []string { return r.Value }, putText)},
		{"cohort_start", "Date", values(func(r cellRows) []time.Time { return r.CohortStart }, putDate)},
		{"window", lowString, words(func(r cellRows) []string { return r.Window })},
		{"stage", "UInt8", values(func(r cellRows) []uint8 { return r.Stage }, put8)},
		{"bucket", dateTime, values(func(r cellRows) []time.Time { return r.Bucket }, putTime)},
		{"bucket_end", dateTime, values(func(r cellRows) []time.Time { return r.BucketEnd }, putTime)},
		{"day", "Date", values(func(r cellRows) []time.Time { return r.Day }, putDate)},
		{"n", "Int64", values(func(r cellRows) []int64 { return r.N }, putInt)},
		{"active", "Int64", values(func(r cellRows) []int64 { return r.Active }, putInt)},
		{"adopters", "Int64", values(func(r cellRows) []int64 { return r.Adopters }, putInt)},
		{"new_adopters", "Int64", values(func(r cellRows) []int64 { return r.NewAdopters }, putInt)},
		{"partition", "UInt16", same(func(r cellRows) uint16 { return r.Partition }, put16)},
		{"version", "UInt64", same(func(r cellRows) uint64 { return r.Version }, put64)},
		{"generation", "UInt32", values(func(r cellRows) []uint32 {
			if len(r.Generation) == 0 {
				return repeat(generation, r.Len())
			}
			return r.Generation
		}, func(buf []byte, of uint32) []byte { return put32(buf, cmp.Or(of, generation)) })},
		{"ages", "Array(UInt16)", lists(func(r cellRows) [][]uint16 { return r.Ages }, put16)},
		{"counts", "Array(UInt64)", lists(func(r cellRows) [][]uint64 { return r.Counts }, put64)},
		{"sums", "Array(UInt64)", lists(func(r cellRows) [][]uint64 { return r.Sums }, put64)},
	}
}

// userColumns are the columns of users of a generation.
func userColumns(generation uint32) []blockColumn[userRows] {
	return []blockColumn[userRows]{
		{"partition", "UInt16", same(func(r userRows) uint16 { return r.Partition }, put16)},
		{"user_id", "String", values(func(r userRows) []string { return r.UserID }, putText)},
		{"facts", "String", values(func(r userRows) []string { return r.Facts }, putText)},
		{"last_seen", "Int64", values(func(r userRows) []int64 { return r.LastSeen }, putInt)},
		{"version", "UInt64", values(func(r userRows) []uint64 { return r.Version }, put64)},
		{"generation", "UInt32", same(func(userRows) uint32 { return generation }, put32)},
		{"entered_at", "Array(Int64)", lists(func(r userRows) [][]int64 { return r.EnteredAt }, putInt)},
		{"cohort_start", "Array(Date)", lists(func(r userRows) [][]time.Time { return r.CohortStart }, putDate)},
		{"segments", textsOfSegments, listsOfMaps(func(r userRows) [][]map[string]string { return r.Segments })},
		{"reached_at", "Array(Int64)", lists(func(r userRows) [][]int64 { return r.ReachedAt }, putInt)},
		{"steps", "Array(UInt64)", lists(func(r userRows) [][]uint64 { return r.Steps }, put64)},
		{"step_times", "Array(Array(Int64))", listsOfLists(func(r userRows) [][][]int64 { return r.StepTimes }, putInt)},
		{"excluded", "Bool", values(func(r userRows) []bool { return r.Excluded }, putBool)},
	}
}

// WriteCells writes cells, all in one insert.
func (s *Store) WriteCells(ctx context.Context, all ...*worker.CellRows) error {
	return insertRows(ctx, s, "cells", cellColumns(s.generation), all)
}

// WriteUsers writes users, all in one insert.
func (s *Store) WriteUsers(ctx context.Context, all ...*worker.UserRows) error {
	return insertRows(ctx, s, "users", userColumns(s.generation), all)
}

// inserter is what insertRows needs of a connection to stream blocks.
type inserter interface {
	InsertFormat(ctx context.Context, format, query string, data func() io.Reader) error
}

// insertRows writes rows in one insert.
func insertRows[R part[R]](ctx context.Context, s *Store, table string, columns []blockColumn[R], all []R) error {
	if rowsOf(all) == 0 {
		return nil
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	into := strings.Join(names, ", ")
	err := clickhouse.ErrFormatNativeUnsupported
	if conn, ok := s.conn.(inserter); ok {
		err = streamRows(ctx, conn, "INSERT INTO "+s.table(table)+" ("+into+")", columns, all)
	}
	if errors.Is(err, clickhouse.ErrFormatNativeUnsupported) {
		return s.insert(ctx, table, into, func(b driver.Batch) error { return fillBatch(b, columns, all) })
	}
	if err != nil {
		return fmt.Errorf("write rows of %s: %w", table, err)
	}
	return nil
}

// streamRows writes rows block by block.
func streamRows[R part[R]](ctx context.Context, conn inserter, query string, columns []blockColumn[R], all []R) error {
	memory := spareBlocks.Get().(*block)
	defer spareBlocks.Put(memory)
	var sent *blocks[R]
	stop := func() {
		if sent != nil {
			sent.stop()
		}
	}
	defer stop()
	return conn.InsertFormat(ctx, "Native", query, func() io.Reader {
		stop()
		sent = &blocks[R]{block: memory, columns: columns, parts: slices.Clone(all)}
		return sent
	})
}

var spareBlocks = sync.Pool{New: func() any { return &block{} }}

// fillBatch fills a batch with rows, column by column: a connection that does not take whole blocks takes columns as it reads them.
func fillBatch[R part[R]](batch driver.Batch, columns []blockColumn[R], all []R) error {
	var b block
	for i, into := range batch.Columns() {
		c := &columns[i]
		if string(into.Type()) != c.of {
			return fmt.Errorf("column %s is of type %s, and not %s", c.name, into.Type(), c.of)
		}
		b.buf = b.buf[:0]
		c.write(&b, all)
		if err := into.Decode(chproto.NewReader(bytes.NewReader(b.buf)), rowsOf(all)); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}
