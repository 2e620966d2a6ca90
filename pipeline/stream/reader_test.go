package stream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap/zaptest"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
	"firstlight/pipeline/trouble"
)

// TestUnreadableMetadata: something without the metadata of a stored message is no reason to leave any message out. The reader
// starts again where it was.
func TestUnreadableMetadata(t *testing.T) {
	t.Parallel()
	conn, js := streamtest.Connect(t)
	s, err := stream.Ensure(t.Context(), js, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	publish := func(from, to int) {
		for i := from; i <= to; i++ {
			if _, err := js.Publish(t.Context(), "events.web.u", fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	inboxes := make(chan string, 100)
	if _, err := conn.Subscribe("$JS.API.CONSUMER.MSG.NEXT.>", func(m *nats.Msg) { inboxes <- m.Reply }); err != nil {
		t.Fatal(err)
	}
	out := make(chan stream.Item, 1000)
	r := stream.NewReader(s, 1)
	r.Attach(stream.Known{Had: stream.Had{Applied: []uint64{0}}}, stream.Joining{In: out})
	r.Trouble = trouble.NewBoard(zaptest.NewLogger(t))
	r.Check = func(context.Context, uint64, uint64) error { return nil }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	read := uint64(0)
	until := func(last uint64) {
		t.Helper()
		for deadline := time.After(5 * time.Minute); read < last; {
			select {
			case item := <-out:
				switch {
				case item.Gap != nil:
					t.Errorf("%d messages are missed", item.Gap.Missed)
				case item.Mark == nil && item.Message.Sequence != read+1:
					t.Errorf("message %d came after %d", item.Message.Sequence, read)
				}
				read = max(read, item.Message.Sequence)
			case <-deadline:
				t.Fatalf("read up to %d of %d", read, last)
			}
		}
	}
	for round := range 3 {
		publish(10*round+1, 10*round+5)
		until(uint64(10*round + 5))
		for len(inboxes) > 1 {
			<-inboxes
		}
		if err := conn.Publish(<-inboxes, []byte("no message of a stream")); err != nil {
			t.Fatal(err)
		}
		publish(10*round+6, 10*round+10)
		until(uint64(10*round + 10))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
