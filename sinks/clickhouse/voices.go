package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

// WriteVoices writes what people said, all in one insert.
func (s *Store) WriteVoices(ctx context.Context, voices []worker.Voice) error {
	return s.insert(ctx, "said", "definition, stream_created, partitions, sequence, partition, voice, user_id, at, text", func(b driver.Batch) error {
		for i := range voices {
			v := &voices[i]
			if err := b.Append(v.Definition, v.StreamCreated, v.Partitions, v.Sequence, v.Partition, v.Name, v.UserID, v.At, v.Text); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeepVoices says how long texts are kept: from now on the view shows no older ones.
func (s *Store) KeepVoices(ctx context.Context, keep time.Duration, now time.Time) error {
	var said int64
	err := s.each(ctx, "SELECT argMax(keep_ms, since) FROM "+s.table("voices_keep"), func(r driver.Rows) error { return r.Scan(&said) })
	if err != nil {
		return fmt.Errorf("read how long texts are kept: %w", err)
	}
	if said == keep.Milliseconds() {
		return nil
	}
	return s.insert(ctx, "voices_keep", "since, keep_ms", func(b driver.Batch) error { return b.Append(now.UTC(), keep.Milliseconds()) })
}

const (
	voicesOfUser    = 100    // that the view shows
	dropVoicesAtOne = 10_000 // rows that one statement names
)

// DropVoices deletes texts from disk that are older than they are kept, by the clock of the stream, and of each user's voice those
// beyond as many as are shown. It does not wait until that is done.
func (s *Store) DropVoices(ctx context.Context, keep time.Duration) error {
	old := fmt.Sprintf("at <= (SELECT min(as_of) FROM %s FINAL WHERE %s) - %d", s.table("progress"), s.here(), keep.Milliseconds())
	var before int64
	err := s.each(ctx, "SELECT max(at) FROM "+s.table("said")+" WHERE "+old, func(r driver.Rows) error { return r.Scan(&before) })
	if err == nil && before > 0 {
		err = s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DELETE WHERE at <= %d", s.table("said"), before))
	}
	if err != nil {
		return fmt.Errorf("delete texts older than %s: %w", keep, err)
	}
	return s.dropMoreVoices(ctx)
}

// dropMoreVoices deletes what users said beyond the texts that are shown of each.
func (s *Store) dropMoreVoices(ctx context.Context) error {
	query := fmt.Sprintf(`SELECT toString(tuple(definition, stream_created, partitions, sequence)) FROM
		(SELECT definition, stream_created, partitions, sequence, row_number() OVER (PARTITION BY definition, stream_created, partitions, user_id ORDER BY at DESC, sequence DESC) AS place FROM %s FINAL)
		WHERE place > %d`, s.table("said"), voicesOfUser)
	var rows []string
	err := s.each(ctx, query, func(r driver.Rows) error {
		var row string
		err := r.Scan(&row)
		rows = append(rows, row)
		return err
	})
	for some := range slices.Chunk(rows, dropVoicesAtOne) {
		if err == nil {
			err = s.conn.Exec(ctx, "ALTER TABLE "+s.table("said")+" DELETE WHERE (definition, stream_created, partitions, sequence) IN ("+strings.Join(some, ", ")+")")
		}
	}
	if err != nil {
		return fmt.Errorf("delete texts beyond the newest %d of a user: %w", voicesOfUser, err)
	}
	return nil
}
