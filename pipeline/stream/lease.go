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
	js       jetstream.JetStream
	kv       jetstream.KeyValue // nil: to be looked up, it may have to be made again
	key      string
	holder   string
	revision uint64 // of the entry that this process wrote; 0: not held
}

// NewLease returns the lease on key for a holder with that name. It is not held yet.
func NewLease(ctx context.Context, js jetstream.JetStream, key, holder string) (*Lease, error) {
	l := &Lease{js: js, key: key, holder: holder}
	return l, l.open(ctx)
}

func (l *Lease) open(ctx context.Context) (err error) {
	l.kv, err = bucketOf(ctx, l.js, leaseConfig)
	return err
}

var leaseConfig = jetstream.KeyValueConfig{
	Bucket: leaseBucket, Description: "Which worker does what only one should do", TTL: LeaseTime,
}

// bucketOf returns a bucket of Firstlight's own.
func bucketOf(ctx context.Context, js jetstream.JetStream, c jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	kv, err := EnsureBucket(ctx, js, c)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", c.Bucket, err)
	}
	return kv, nil
}

// holdPatience bounds one attempt: servers that elect a leader may not answer.
const holdPatience = 5 * time.Second

// Hold takes or renews the lease and reports whether it is held. Call it several times within LeaseTime. A bucket that is gone is
// made again, by the call after the one that missed it.
func (l *Lease) Hold(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, holdPatience)
	defer cancel()
	if l.kv == nil {
		if err := l.open(ctx); err != nil {
			return false, err
		}
	}
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
	l.kv = nil
	return false, fmt.Errorf("take the lease %s: %w", l.key, err)
}

// Release gives the lease up, so that another worker need not wait.
func (l *Lease) Release(ctx context.Context) error {
	if l.revision == 0 || l.kv == nil {
		return nil
	}
	err := l.kv.Purge(ctx, l.key, jetstream.LastRevision(l.revision))
	l.revision = 0
	if err != nil {
		return fmt.Errorf("give up the lease %s: %w", l.key, err)
	}
	return nil
}
