package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

// LoadNames calls name for every name of some partitions.
func (s *Store) LoadNames(ctx context.Context, partitions []uint16, name func(partition uint16, scope, value string)) error {
	query := "SELECT DISTINCT partition, scope, value FROM " + s.table("names") + " WHERE " + s.here() + " AND " + in(partitions)
	err := s.each(ctx, query, func(r driver.Rows) error {
		var (
			partition    uint16
			scope, value string
		)
		if err := r.Scan(&partition, &scope, &value); err != nil {
			return err
		}
		name(partition, scope, value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load names: %w", err)
	}
	return nil
}

// in is the condition on rows of some partitions.
func in(partitions []uint16) string {
	texts := make([]string, len(partitions))
	for i, p := range partitions {
		texts[i] = strconv.Itoa(int(p))
	}
	return "partition IN (" + strings.Join(texts, ", ") + ")"
}

// byPartition is the condition on rows of partitions, of which each has a value of its own.
func byPartition[T any](values map[uint16]T, format string) string {
	var conditions []string
	for _, p := range slices.Sorted(maps.Keys(values)) {
		conditions = append(conditions, fmt.Sprintf("partition = %d AND "+format, p, values[p]))
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// notNegative are times that the server can compare.
func notNegative(times map[uint16]int64) map[uint16]int64 {
	out := make(map[uint16]int64, len(times))
	for p, at := range times {
		out[p] = max(at, 0)
	}
	return out
}

// LoadVolumes calls cell for every event volume of partitions whose hour ends after a time (Unix seconds), given by partition.
func (s *Store) LoadVolumes(ctx context.Context, after map[uint16]int64, cell func(uint16, worker.StoredCell)) error {
	return s.loadCells(ctx, "kind = 'volume' AND "+byPartition(notNegative(after), "bucket_end > toDateTime(%d, 'UTC')"), cell)
}

// LoadAhead calls cell for every cell of partitions that was written after a checkpoint, event volumes aside.
func (s *Store) LoadAhead(ctx context.Context, seqs map[uint16]uint64, cell func(uint16, worker.StoredCell)) error {
	return s.loadCells(ctx, "kind != 'volume' AND "+byPartition(seqs, "version > %d"), cell)
}

// CountCells returns how many cells of a kind that are not empty each of some partitions has stored.
func (s *Store) CountCells(ctx context.Context, partitions []uint16, kind string) (map[uint16]int, error) {
	counts := map[uint16]int{}
	here, err := s.cellsOf(ctx)
	if err != nil {
		return nil, err
	}
	query := "SELECT partition, count() FROM " + s.table("cells") + " FINAL WHERE " + here + " AND kind = ? AND n != 0 AND " + in(partitions) + " GROUP BY partition"
	err = s.each(ctx, query, func(r driver.Rows) error {
		var (
			partition uint16
			n         uint64
		)
		if err := r.Scan(&partition, &n); err != nil {
			return err
		}
		counts[partition] = int(n)
		return nil
	}, kind)
	if err != nil {
		return nil, fmt.Errorf("count cells of kind %s: %w", kind, err)
	}
	return counts, nil
}

func (s *Store) loadCells(ctx context.Context, where string, cell func(uint16, worker.StoredCell)) error {
	here, err := s.cellsOf(ctx)
	if err != nil {
		return err
	}
	query := "SELECT partition, kind, name, segment, segment_value, window, cohort_start, stage, bucket, n, version, generation FROM " + s.table("cells") + " FINAL WHERE " + here + " AND " + where
	err = s.each(ctx, query, func(r driver.Rows) error {
		var (
			p uint16
			c worker.StoredCell
		)
		if err := r.Scan(&p, &c.Kind, &c.Name, &c.Segment, &c.Value, &c.Window, &c.CohortStart, &c.Stage, &c.Bucket, &c.N, &c.Version, &c.Generation); err != nil {
			return err
		}
		cell(p, c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load cells where %s: %w", where, err)
	}
	return nil
}

// AsOf returns the stored as_of (ms) of every partition.
func (s *Store) AsOf(ctx context.Context) (map[uint16]int64, error) {
	out := make(map[uint16]int64)
	err := s.each(ctx, "SELECT partition, max(as_of) FROM "+s.table("progress")+" WHERE "+s.here()+" GROUP BY partition", func(r driver.Rows) error {
		var (
			p  uint16
			at int64
		)
		if err := r.Scan(&p, &at); err != nil {
			return err
		}
		out[p] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	return out, nil
}
