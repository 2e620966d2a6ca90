package trouble

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestPasses: what a server gives while it starts, ends or elects a leader passes, and what somebody has to change does not.
func TestPasses(t *testing.T) {
	for _, c := range []struct {
		err    error
		passes bool
	}{
		{nats.ErrNoServers, true},
		{nats.ErrAuthorization, false},
		{fmt.Errorf("read the stream: %w", context.DeadlineExceeded), true},
		{&jetstream.APIError{Code: 503, ErrorCode: 10008, Description: "JetStream system temporarily unavailable"}, true},
		{jetstream.ErrJetStreamNotEnabled, false},
		{jetstream.ErrJetStreamNotEnabledForAccount, false},
		{jetstream.ErrStreamNotFound, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, false},
		{&clickhouse.Exception{Code: 999, Message: "Keeper"}, true},
		{&clickhouse.Exception{Code: 516, Message: "Authentication failed"}, false},
		{&clickhouse.Exception{Code: 497, Message: "Not enough privileges"}, false},
		{Final(nats.ErrNoServers), false},
		{errors.New("facts cannot be read"), false},
	} {
		if got := Passes(c.err); got != c.passes {
			t.Errorf("%v passes: %v, want %v", c.err, got, c.passes)
		}
	}
}

// TestRetryFor: what passes is tried again as long as patience lasts, and what does not is not.
func TestRetryFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTestBoard()
		began, tries := time.Now(), 0
		err := b.RetryFor(t.Context(), time.Minute, NATS, "connecting", func() error {
			tries++
			return nats.ErrNoServers
		})
		if took := time.Since(began); !errors.Is(err, nats.ErrNoServers) || tries < 10 || took < time.Minute || took > time.Minute+maxRetry {
			t.Errorf("%d tries in %s: %v", tries, took, err)
		}
		began = time.Now()
		if err := b.RetryFor(t.Context(), time.Minute, NATS, "connecting", func() error { return nats.ErrAuthorization }); err == nil || time.Since(began) > 0 {
			t.Errorf("a wrong password: %v after %s", err, time.Since(began))
		}
		if lines := b.Failing(); len(lines) > 0 {
			t.Errorf("what is not tried any more fails: %q", lines)
		}
	})
}
