package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Register is one value in a bucket that several workers read and replace by compare-and-set. A bucket that is gone is made again, by
// the call after the one that missed it. It is not safe for concurrent use.
type Register struct {
	js     jetstream.JetStream
	kv     jetstream.KeyValue // nil: to be looked up
	bucket jetstream.KeyValueConfig
	key    string
}

// NewRegister returns the register with a key in the bucket of leases: what stands there goes by itself LeaseTime after it was last
// written. Nothing is read yet.
func NewRegister(js jetstream.JetStream, key string) *Register {
	return &Register{js: js, bucket: leaseConfig, key: key}
}

// NewLastingRegister returns the register with a key in a bucket that keeps what stands there.
func NewLastingRegister(js jetstream.JetStream, key string) *Register {
	return &Register{js: js, key: key, bucket: jetstream.KeyValueConfig{
		Bucket: "FIRSTLIGHT_POSITIONS", Description: "Up to which message each partition is stored in a ClickHouse cluster",
	}}
}

// Entry is what stands in a register.
type Entry struct {
	Data     []byte
	At       time.Time // when it was written, by the server's clock
	Revision uint64    // 0: there is nothing
}

// Name says where the register stands, for people.
func (r *Register) Name() string { return r.bucket.Bucket + ", key " + r.key }

// registerPatience bounds one attempt: a worker that waits longer loses its lease.
const registerPatience = 2 * time.Second

// Read returns what stands there.
func (r *Register) Read(ctx context.Context) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, registerPatience)
	defer cancel()
	if err := r.open(ctx); err != nil {
		return Entry{}, err
	}
	e, err := r.kv.Get(ctx, r.key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return Entry{}, nil
	case err != nil:
		r.kv = nil
		return Entry{}, fmt.Errorf("read %s: %w", r.Name(), err)
	}
	return Entry{Data: e.Value(), At: e.Created(), Revision: e.Revision()}, nil
}

// Write replaces what stands there, if it still has the revision that was read. It reports false when it has another.
func (r *Register) Write(ctx context.Context, data []byte, revision uint64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, registerPatience)
	defer cancel()
	if err := r.open(ctx); err != nil {
		return false, err
	}
	var err error
	if revision == 0 {
		_, err = r.kv.Create(ctx, r.key, data)
	} else {
		_, err = r.kv.Update(ctx, r.key, data, revision)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, jetstream.ErrKeyExists), taken(err):
		return false, nil
	}
	r.kv = nil
	return false, fmt.Errorf("write %s: %w", r.Name(), err)
}

func (r *Register) open(ctx context.Context) (err error) {
	if r.kv == nil {
		r.kv, err = bucketOf(ctx, r.js, r.bucket)
	}
	return err
}
