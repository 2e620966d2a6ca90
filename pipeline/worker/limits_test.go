package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker/faulty"
)

// TestStreamWithConsumerLimits: an existing stream is read as its limits on consumers allow, also after a worker that was killed
// has left its consumer behind.
func TestStreamWithConsumerLimits(t *testing.T) {
	onlyInFull(t)
	for _, c := range []struct {
		name   string
		config jetstream.StreamConfig
	}{
		{"consumers that are not used end soon", jetstream.StreamConfig{ConsumerLimits: jetstream.StreamConsumerLimits{InactiveThreshold: 5 * time.Second}}},
		{"one consumer", jetstream.StreamConfig{MaxConsumers: 1}},
		{"both, and few acknowledgements", jetstream.StreamConfig{MaxConsumers: 1, ConsumerLimits: jetstream.StreamConsumerLimits{InactiveThreshold: time.Hour, MaxAckPending: 10}}},
		{"subjects of other shapes", jetstream.StreamConfig{Subjects: []string{"events.>", "other.>"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			h := p.harness()
			c.config.Name = "EVENTS"
			if c.config.Subjects == nil {
				c.config.Subjects = []string{"events.direct.*", "events.web.*"}
			}
			if _, err := h.js.CreateStream(t.Context(), c.config); err != nil {
				t.Fatal(err)
			}
			h.publish(traffic(200, 0))
			w := h.worker([]byte(hostileCatalog), 2)
			crashAt(w, 5, faulty.Before)
			_ = w.Run(t.Context()) // it crashes
			r := start(t, h.worker([]byte(hostileCatalog), 2))
			h.applied(200)
			p.stop()
			p.start()
			p.reconnected(h.nats)
			h.publish(traffic(100, 200))
			h.applied(300)
			r.mustEnd()
			if c.config.MaxConsumers == 1 { // as a process that was killed leaves it
				s, err := h.js.Stream(t.Context(), "EVENTS")
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, Metadata: map[string]string{"firstlight_reader": "1"}})
				if err != nil {
					t.Fatal(err)
				}
			}
			h.drain([]byte(hostileCatalog), 2)
			h.publish(traffic(100, 300))
			h.drain([]byte(hostileCatalog), 2)
			h.accounted(400, 0)
		})
	}
}

// TestNoConsumerLeft: where others use all consumers that a stream allows, one line names the setting.
func TestNoConsumerLeft(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	s, err := h.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, MaxConsumers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "theirs"}); err != nil {
		t.Fatal(err)
	}
	h.publish(traffic(10, 0))
	w := h.worker([]byte(hostileCatalog), 2)
	w.Trouble = trouble.NewBoard(h.log())
	r := start(t, w)
	eventually(t, "the trouble names max_consumers", func() bool {
		return strings.Contains(strings.Join(w.Trouble.Lasting(), "\n"), "max_consumers")
	})
	r.mustEnd()
}
