package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/calendar"
	"firstlight/schemas"
)

// days are the local days of a generation that this store has written. Partitions share them, and each asks for those that it meets.
type days struct {
	sync.Mutex
	written map[calendar.Day]bool
}

// WriteCalendar writes the first instants (Unix seconds) of local days, and which windows those days lie in, unless the store has
// done so before. The catalog of the generation is stored before its days are, and a catalog with other windows has a generation of
// its own.
func (s *Store) WriteCalendar(ctx context.Context, starts map[calendar.Day]int64) error {
	s.days.Lock()
	defer s.days.Unlock()
	var missing []calendar.Day
	for d := range starts {
		if !s.days.written[d] {
			missing = append(missing, d)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err := s.insert(ctx, "calendar", "day, start, generation", func(b driver.Batch) error {
		for _, d := range missing {
			if err := b.Append(d.Time(), time.Unix(starts[d], 0).UTC(), s.generation); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	first, last := slices.Min(missing)-longestWindow, slices.Max(missing)+longestWindow // a day that ends a window begins or shows it for the others
	if err := s.writeWindowDays(ctx, fmt.Sprintf("day >= %s AND day <= %s", dayLiteral(first), dayLiteral(last))); err != nil {
		return err
	}
	if s.days.written == nil {
		s.days.written = make(map[calendar.Day]bool, len(missing))
	}
	for _, d := range missing {
		s.days.written[d] = true
	}
	return nil
}

// longestWindow is how many days the longest window has, a trailing one (N of Nd/1d is at most 90).
const longestWindow = 90

// writeWindowDays writes which windows the calendar's days lie in that fulfil a condition.
func (s *Store) writeWindowDays(ctx context.Context, condition string) error {
	query, err := schemas.WindowDays(s.database)
	if err != nil {
		return err
	}
	err = s.conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (generation, window, day, start_day, window_start, window_end, shown_from) SELECT * FROM (%s) WHERE %s AND %s",
		s.table("window_days"), query, s.here(), condition))
	if err != nil {
		return fmt.Errorf("write the windows of days: %w", err)
	}
	return nil
}

// CopyCalendar takes over the local days of other generations. The windows they lie in are those of the store's own catalog, which is
// stored before.
func (s *Store) CopyCalendar(ctx context.Context, from ...uint32) error {
	query := fmt.Sprintf("INSERT INTO %s (day, start, generation) SELECT day, start, %d FROM %s FINAL WHERE generation IN (%s)", s.table("calendar"), s.generation, s.table("calendar"), numbersOf(from))
	if err := s.conn.Exec(ctx, query); err != nil {
		return fmt.Errorf("copy the calendar: %w", err)
	}
	return s.writeWindowDays(ctx, "true")
}
