package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/annotation"
)

// AnnotationRow is one message of the stream of annotations.
type AnnotationRow struct {
	annotation.Annotation
	Sequence uint64
}

// WriteAnnotations writes messages of the stream that was created at a time (ms).
func (s *Store) WriteAnnotations(ctx context.Context, streamCreated int64, rows []AnnotationRow) error {
	const names = "source, id, stream_created, sequence, deleted, time, until, kind, title, url, metric, text, author, expects, incident"
	return s.insert(ctx, "annotation_log", names, func(b driver.Batch) error {
		for i := range rows {
			r := &rows[i]
			var until *time.Time
			if r.Until != 0 {
				at := time.UnixMilli(r.Until).UTC()
				until = &at
			}
			var expects *float64
			if r.Expects != 0 {
				expects = &r.Expects
			}
			err := b.Append(r.Source, r.ID, streamCreated, r.Sequence, r.Deleted, time.UnixMilli(r.At).UTC(), until,
				string(r.Kind), r.Title, r.URL, r.Metric, r.Text, r.Author, expects, r.Incident)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// expectedDay is longer than any local day: it bounds how far an annotation of kind expected without an end reaches.
const expectedDay = 26 * time.Hour

// Annotations returns the annotations that may cover a moment of [from, until), in order of time: those that do, and
// those of kind expected without an end that began within a day before. Annotation.Overlaps, which knows where the
// local day ends, decides on these.
func (s *Store) Annotations(ctx context.Context, from, until time.Time) ([]annotation.Annotation, error) {
	query := "SELECT time, until, kind, source, title, url, metric, text, author, id, ifNull(expects, 0), incident FROM " + s.table("annotations") + `
		WHERE time < fromUnixTimestamp64Milli(?, 'UTC') AND (
			time >= fromUnixTimestamp64Milli(?, 'UTC') OR until > fromUnixTimestamp64Milli(?, 'UTC')
			OR kind = 'expected' AND until IS NULL AND time >= fromUnixTimestamp64Milli(?, 'UTC'))
		ORDER BY time, source, id`
	begin := from.UnixMilli()
	var out []annotation.Annotation
	err := s.each(ctx, query, func(r driver.Rows) error {
		var (
			a    annotation.Annotation
			kind string
			at   time.Time
			end  *time.Time
		)
		if err := r.Scan(&at, &end, &kind, &a.Source, &a.Title, &a.URL, &a.Metric, &a.Text, &a.Author, &a.ID, &a.Expects, &a.Incident); err != nil {
			return err
		}
		a.At, a.Kind = at.UnixMilli(), annotation.Kind(kind)
		if end != nil {
			a.Until = end.UnixMilli()
		}
		out = append(out, a)
		return nil
	}, until.UnixMilli(), begin, begin, begin-expectedDay.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("read annotations: %w", err)
	}
	return out, nil
}

// AnnotationPosition is how far the stream of annotations is stored.
type AnnotationPosition struct {
	StreamCreated int64 // ms
	AppliedSeq    uint64
	DeadSeq       uint64 // last sequence of the dead-letter stream when written
}

// WriteAnnotationPosition writes a position. What it covers is stored.
func (s *Store) WriteAnnotationPosition(ctx context.Context, p AnnotationPosition) error {
	return s.insert(ctx, "annotation_position", "stream_created, applied_seq, dead_seq", func(b driver.Batch) error {
		return b.Append(p.StreamCreated, p.AppliedSeq, p.DeadSeq)
	})
}

// AnnotationPositions returns the position in every stream of annotations that was ever read.
func (s *Store) AnnotationPositions(ctx context.Context) ([]AnnotationPosition, error) {
	query := "SELECT stream_created, applied_seq, dead_seq FROM " + s.table("annotation_position") + " FINAL ORDER BY stream_created"
	var out []AnnotationPosition
	err := s.each(ctx, query, func(r driver.Rows) error {
		var p AnnotationPosition
		err := r.Scan(&p.StreamCreated, &p.AppliedSeq, &p.DeadSeq)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the positions in the stream of annotations: %w", err)
	}
	return out, nil
}

// AnnotationsVersion changes whenever an annotation is stored.
func (s *Store) AnnotationsVersion(ctx context.Context) (version uint64, err error) {
	query := "SELECT cityHash64(groupArray((stream_created, applied_seq))) FROM (SELECT stream_created, applied_seq FROM " +
		s.table("annotation_position") + " FINAL ORDER BY stream_created)"
	if err := s.each(ctx, query, func(r driver.Rows) error { return r.Scan(&version) }); err != nil {
		return 0, fmt.Errorf("read whether annotations are new: %w", err)
	}
	return version, nil
}

// ForgetAnnotations drops the position in a stream, and the messages that lie after its end: it was rolled back, or is
// to be read again from its start.
func (s *Store) ForgetAnnotations(ctx context.Context, streamCreated int64, end uint64) error {
	for _, statement := range []string{
		fmt.Sprintf("DELETE FROM %s WHERE stream_created = %d", s.table("annotation_position"), streamCreated),
		fmt.Sprintf("DELETE FROM %s WHERE stream_created = %d AND sequence > %d", s.table("annotation_log"), streamCreated, end),
	} {
		if err := s.conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("forget the position in the stream of annotations: %w", err)
		}
	}
	return nil
}
