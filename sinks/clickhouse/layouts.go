package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// WriteLayout writes a layout of users' facts, by its name.
func (s *Store) WriteLayout(ctx context.Context, name uint64, text string) error {
	return s.insert(ctx, "layouts", "layout, text", func(b driver.Batch) error { return b.Append(name, text) })
}

// LoadLayouts calls layout for every layout that is stored, with its name.
func (s *Store) LoadLayouts(ctx context.Context, layout func(name uint64, text string) error) error {
	err := s.each(ctx, "SELECT layout, text FROM "+s.table("layouts")+" FINAL", func(r driver.Rows) error {
		var (
			name uint64
			text string
		)
		if err := r.Scan(&name, &text); err != nil {
			return err
		}
		return layout(name, text)
	})
	if err != nil {
		return fmt.Errorf("load layouts: %w", err)
	}
	return nil
}
