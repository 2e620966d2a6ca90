package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// readerKey marks the consumers of readers, so that one which a killed process left behind is known.
const readerKey = "firstlight_reader"

// createConsumer creates a reader's consumer as the stream's own limits allow.
func createConsumer(ctx context.Context, s jetstream.Stream, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	config := s.CachedInfo().Config
	if most := config.ConsumerLimits.InactiveThreshold; most > 0 {
		c.InactiveThreshold = min(c.InactiveThreshold, most)
	}
	c.Metadata = map[string]string{readerKey: "1"}
	consumer, err := s.CreateConsumer(ctx, c)
	if !isMaxConsumers(err) {
		return consumer, err
	}
	if dropped, e := dropIdle(ctx, s); e != nil || !dropped {
		return nil, fmt.Errorf("the stream %s allows %d consumers (max_consumers) and has them already: raise that, or remove one: %w", config.Name, config.MaxConsumers, err)
	}
	return s.CreateConsumer(ctx, c)
}

func isMaxConsumers(err error) bool {
	const maxConsumers = 10026
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == maxConsumers
}

// dropIdle deletes the consumers of readers that nobody pulls from: their process was killed.
func dropIdle(ctx context.Context, s jetstream.Stream) (dropped bool, err error) {
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		if _, reader := info.Config.Metadata[readerKey]; !reader || info.NumWaiting > 0 {
			continue
		}
		if err := s.DeleteConsumer(ctx, info.Name); err != nil {
			return dropped, fmt.Errorf("delete the consumer %s: %w", info.Name, err)
		}
		dropped = true
	}
	return dropped, list.Err()
}
