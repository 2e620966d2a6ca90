package clickhouse_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

func TestMigrateManyAtOnce(t *testing.T) {
	conn, database, dsn := enginetest.Database(t)
	ctx := context.Background()
	var group sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		group.Go(func() {
			own, err := clickhouse.Open(ctx, dsn)
			if err == nil {
				defer own.Close()
				err = clickhouse.Migrate(ctx, own, database)
			}
			errs <- err
		})
	}
	group.Wait()
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	views, err := schemas.Views(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		rows, err := conn.Query(ctx, "SELECT * FROM "+schemas.Quote(database)+"."+view.Name)
		if err != nil {
			t.Errorf("%s: %v", view.Name, err)
			continue
		}
		for rows.Next() {
			if !strings.HasPrefix(view.Name, "pipeline") {
				t.Errorf("%s has a row before anything was written", view.Name)
			}
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: %v", view.Name, err)
		}
	}
}
