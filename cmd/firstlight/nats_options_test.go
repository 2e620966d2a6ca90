package main

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// TestNATSServersThatHangAreGivenUp: a server that answers nothing, and ends no connection, is given up for another in seconds.
func TestNATSServersThatHangAreGivenUp(t *testing.T) {
	b := &backends{settings: &Settings{NATSInbox: "_INBOX"}, log: zap.NewNop()}
	o := nats.GetDefaultOptions()
	for _, set := range b.natsOptions() {
		if err := set(&o); err != nil {
			t.Fatal(err)
		}
	}
	if after := o.PingInterval * time.Duration(o.MaxPingsOut+1); after > 20*time.Second {
		t.Errorf("a server that hangs is given up after %s", after)
	}
}
