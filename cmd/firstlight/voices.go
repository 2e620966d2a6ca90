package main

import (
	"context"
	"time"

	"firstlight/pipeline/trouble"
	"firstlight/sinks/clickhouse"
)

// dropVoicesEvery is how often texts are deleted that are kept no longer. The view shows none of them in between.
const dropVoicesEvery = time.Hour

// keepVoices says how long texts are kept, and deletes older ones from time to time, until ctx ends.
func (b *backends) keepVoices(ctx context.Context) {
	store := clickhouse.NewStore(b.conn, b.settings.Database)
	tick := time.NewTicker(dropVoicesEvery)
	defer tick.Stop()
	for {
		_ = b.trouble().Retry(ctx, trouble.ClickHouse, "how long texts are kept", func() error { // it ends with ctx only
			if err := store.KeepVoices(ctx, b.settings.VoicesKeep, time.Now()); err != nil {
				return err
			}
			return store.DropVoices(ctx, b.settings.VoicesKeep)
		})
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
