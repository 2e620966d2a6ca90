package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	leaseBucket = "FIRSTLIGHT_LEASES"
	// LeaseTime is how long a lease lasts that is not renewed: how long nobody does the work after its holder died.
	LeaseTime = 15 * time.Second
)

// Lease makes one of several workers the one that does a thing. It saves work and repetition, nothing more: a holder that was
// suspended may go on for a moment beside the next one, so what it does must be harmless when done twice.
type Lease struct {
	kv       jetstream.KeyValue
	key      string
	holder   string
	revision uint64 // of the entry that this process wrote; 0: not held
}

// NewLease returns the lease on key for a holder with that name. It is not held yet.
func NewLease(ctx context.Context, js jetstream.JetStream, key, holder string) (*Lease, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: leaseBucket, Description: "Which worker does what only one should do", TTL: LeaseTime, History: 1, Storage: jetstream.MemoryStorage,
	})
	if err != nil {
		return nil, fmt.Errorf("leases in bucket %s: %w", leaseBucket, err)
	}
	return &Lease{kv: kv, key: key, holder: holder}, nil
}

// Hold takes or renews the lease and reports whether it is held. Call it several times within LeaseTime.
func (l *Lease) Hold(ctx context.Context) (bool, error) {
	var err error
	if l.revision != 0 {
		var revision uint64
		if revision, err = l.kv.Update(ctx, l.key, []byte(l.holder), l.revision); err == nil {
			l.revision = revision
			return true, nil
		}
		l.revision = 0
	}
	l.revision, err = l.kv.Create(ctx, l.key, []byte(l.holder))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, jetstream.ErrKeyExists):
		return false, nil
	}
	return false, fmt.Errorf("take the lease %s: %w", l.key, err)
}

// Release gives the lease up, so that another worker need not wait.
func (l *Lease) Release(ctx context.Context) error {
	if l.revision == 0 {
		return nil
	}
	err := l.kv.Purge(ctx, l.key, jetstream.LastRevision(l.revision))
	l.revision = 0
	if err != nil {
		return fmt.Errorf("give up the lease %s: %w", l.key, err)
	}
	return nil
}
