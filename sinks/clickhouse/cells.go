package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/cohort"
	"firstlight/pipeline/worker"
)

// LoadCells calls cell for every cell of partitions that an event may still change: all but event volumes and those whose window ends at or
// before a time (Unix seconds), given by partition. The cell is valid during the call only.
func (s *Store) LoadCells(ctx context.Context, after map[uint16]int64, cell func(uint16, *worker.WholeCell)) error {
	here, err := s.cellsOf(ctx)
	if err != nil {
		return err
	}
	open := byPartition(notNegative(after), "(kind NOT IN ('window', 'trailing') OR bucket_end > toDateTime(%d, 'UTC'))")
	query := "SELECT partition, CAST(kind AS String) AS k, CAST(name AS String) AS m, CAST(segment AS String) AS s, segment_value, CAST(window AS String) AS w, cohort_start, stage, bucket, n, active, adopters, new_adopters, version, generation, ages, counts, sums FROM " +
		s.table("cells") + " FINAL WHERE " + here + " AND kind != 'volume' AND " + open
	err = s.cellColumns(ctx, query, cell)
	if errors.Is(err, clickhouse.ErrFormatNativeUnsupported) {
		err = s.cellRows(ctx, query, cell)
	}
	if err != nil {
		return fmt.Errorf("load cells: %w", err)
	}
	return nil
}

// cellColumns reads cells by column.
func (s *Store) cellColumns(ctx context.Context, query string, cell func(uint16, *worker.WholeCell)) error {
	var (
		partition                       chproto.ColUInt16
		kind, name, segment, value, win chproto.ColStr
		start                           chproto.ColDate
		stage                           chproto.ColUInt8
		bucket                          chproto.ColDateTime
		n, active, adopters, newcomers  chproto.ColInt64
		version                         chproto.ColUInt64
		generation                      chproto.ColUInt32
		buckets                         chproto.ColUInt16
		numbers, totals                 chproto.ColUInt64
		ages, counts, sums              = chproto.NewArray(&buckets), chproto.NewArray(&numbers), chproto.NewArray(&totals)
		words                           = texts{}
		c                               worker.WholeCell
	)
	block := chproto.Results{
		{Name: "partition", Data: &partition},
		{Name: "k", Data: &kind},
		{Name: "m", Data: &name},
		{Name: "s", Data: &segment},
		{Name: "segment_value", Data: &value},
		{Name: "w", Data: &win},
		{Name: "cohort_start", Data: &start},
		{Name: "stage", Data: &stage},
		{Name: "bucket", Data: &bucket},
		{Name: "n", Data: &n},
		{Name: "active", Data: &active},
		{Name: "adopters", Data: &adopters},
		{Name: "new_adopters", Data: &newcomers},
		{Name: "version", Data: &version},
		{Name: "generation", Data: &generation},
		{Name: "ages", Data: ages},
		{Name: "counts", Data: counts},
		{Name: "sums", Data: sums},
	}
	return s.blocks(ctx, query, block, func(rows int) error {
		from := 0
		for i := range rows {
			c.Kind, c.Name, c.Segment = words.of(kind.RowBytes(i)), words.of(name.RowBytes(i)), words.of(segment.RowBytes(i))
			c.Value, c.Window = words.of(value.RowBytes(i)), words.of(win.RowBytes(i))
			c.CohortStart, c.Stage, c.Bucket = start[i].Time(), stage[i], time.Unix(int64(bucket.Data[i]), 0).UTC()
			c.N, c.Active, c.Adopters, c.NewAdopters, c.Version, c.Generation = n[i], active[i], adopters[i], newcomers[i], version[i], generation[i]
			to := int(ages.Offsets[i])
			if int(counts.Offsets[i]) != to || int(sums.Offsets[i]) != to {
				return fmt.Errorf("a cell of %s has ages, counts and sums of different lengths", c.Name)
			}
			c.Ages = c.Ages[:0]
			for ; from < to; from++ {
				c.Ages = append(c.Ages, cohort.AgeCount{Bucket: buckets[from], N: int32(numbers[from]), SumMs: int64(totals[from])})
			}
			cell(partition[i], &c)
		}
		return nil
	})
}

// texts are texts that come again and again, each allocated once.
type texts map[string]string

func (t texts) of(b []byte) string {
	if text, ok := t[string(b)]; ok {
		return text
	}
	text := string(b)
	t[text] = text
	return text
}

// cellRows reads cells row by row.
func (s *Store) cellRows(ctx context.Context, query string, cell func(uint16, *worker.WholeCell)) error {
	return s.each(ctx, query, func(r driver.Rows) error {
		var (
			p            uint16
			c            worker.WholeCell
			ages         []uint16
			counts, sums []uint64
		)
		err := r.Scan(&p, &c.Kind, &c.Name, &c.Segment, &c.Value, &c.Window, &c.CohortStart, &c.Stage, &c.Bucket, &c.N, &c.Active, &c.Adopters, &c.NewAdopters, &c.Version, &c.Generation, &ages, &counts, &sums)
		if err != nil {
			return err
		}
		if len(counts) != len(ages) || len(sums) != len(ages) {
			return fmt.Errorf("a cell of %s has ages, counts and sums of different lengths", c.Name)
		}
		for i := range ages {
			c.Ages = append(c.Ages, cohort.AgeCount{Bucket: ages[i], N: int32(counts[i]), SumMs: int64(sums[i])})
		}
		cell(p, &c)
		return nil
	})
}
