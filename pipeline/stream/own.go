package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What Firstlight makes in JetStream beside the event stream has as many replicas as that: it must not be what is lost when
// a server is.

// Gone reports whether something failed because a stream or bucket is not there.
func Gone(err error) bool {
	for _, gone := range []error{jetstream.ErrNoStreamResponse, jetstream.ErrStreamNotFound, jetstream.ErrBucketNotFound, nats.ErrNoResponders} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// changePatience bounds an attempt to change what there is: a user who may not is not answered.
const changePatience = 3 * time.Second

// replicas returns how many the event stream has, 1 when there is none yet.
func replicas(ctx context.Context, js jetstream.JetStream) (int, error) {
	name, err := js.StreamNameBySubject(ctx, EventSubjects)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return copies(ctx, js)
	}
	if err != nil {
		return 0, fmt.Errorf("look for the event stream: %w", err)
	}
	s, err := js.Stream(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("look for the event stream: %w", err)
	}
	return max(1, s.CachedInfo().Config.Replicas), nil
}

// copies returns the most replicas that a copy of another stream has, 1 when there is none: an event stream that is a mirror, or has
// nothing but sources, takes no subjects by which it is known.
func copies(ctx context.Context, js jetstream.JetStream) (int, error) {
	most := 1
	streams := js.ListStreams(ctx)
	for info := range streams.Info() {
		if info.Config.Mirror != nil || len(info.Config.Sources) > 0 {
			most = max(most, info.Config.Replicas)
		}
	}
	if err := streams.Err(); err != nil {
		return 0, fmt.Errorf("look for the event stream: %w", err)
	}
	return most, nil
}

// open returns a stream as it is, created with a configuration if it is not there. One of Firstlight's own that has fewer
// replicas than the event stream gets more; it never loses any.
func open(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, c.Name)
	if err == nil {
		return s, raise(ctx, js, s, c.Description)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	if c.Replicas, err = replicas(ctx, js); err != nil {
		return nil, err
	}
	c.Storage, c.Retention, c.AllowDirect = jetstream.FileStorage, jetstream.LimitsPolicy, true
	if c.Duplicates == 0 {
		c.Duplicates = DuplicateWindow
	}
	s, err = create(ctx, js, c)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another worker was faster
		return js.Stream(ctx, c.Name)
	}
	if err != nil {
		other, e := js.StreamNameBySubject(ctx, c.Subjects[0])
		switch {
		case e == nil && other == c.Name: // it was made, and the answer was lost
			return js.Stream(ctx, c.Name)
		case e == nil:
			return nil, fmt.Errorf("the stream %s holds %q already, take that out of its subjects: %w", other, c.Subjects[0], err)
		}
	}
	return s, err
}

// leastBytes is what a stream that discards its oldest needs to be of use.
const leastBytes = 4 << 20

// shareOfRoom is the part of a narrow room that one stream may reserve: what it reserves the events cannot use.
const shareOfRoom = 4

// create makes a stream. One with a bound on its size that is more than its share of what the disk or the account has room for gets
// that share.
func create(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (jetstream.Stream, error) {
	for {
		s, err := js.CreateStream(ctx, c)
		switch {
		case c.MaxBytes <= 0:
			return s, err
		case err == nil:
			return share(ctx, js, s), nil
		case !noRoom(err):
			return nil, err
		}
		if c.MaxBytes /= 2; c.MaxBytes < leastBytes {
			return nil, fmt.Errorf("JetStream has no room for %d MiB: make room on its disk, or raise the account's limit: %w", leastBytes>>20, err)
		}
	}
}

// share bounds an empty stream to its share of the room, if it may be changed: else it serves as it is. How much room there is only
// shows when more is asked for.
func share(ctx context.Context, js jetstream.JetStream, s jetstream.Stream) jetstream.Stream {
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	c := s.CachedInfo().Config
	granted, room := c.MaxBytes, c.MaxBytes
	for more := granted * shareOfRoom; more > granted; more /= 2 {
		c.MaxBytes = more
		larger, err := js.UpdateStream(ctx, c)
		if err == nil {
			s, room = larger, more
			break
		}
		if !noRoom(err) {
			return s
		}
	}
	c.MaxBytes = max(min(granted, room/shareOfRoom), leastBytes)
	if smaller, err := js.UpdateStream(ctx, c); err == nil {
		s = smaller
	}
	return s
}

// noRoom reports whether the server or the account cannot reserve what was asked for.
func noRoom(err error) bool {
	api := (*jetstream.APIError)(nil)
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case 10002, 10005, 10023, 10047: // account limit, cluster peers, resources, storage of the server
		return true
	}
	return false
}

// raise gives a stream that Firstlight has made as many replicas as the event stream has, if it may change streams.
func raise(ctx context.Context, js jetstream.JetStream, s jetstream.Stream, description string) error {
	c := s.CachedInfo().Config
	if c.Description != description {
		return nil // somebody else made it, for reasons of their own
	}
	want, err := replicas(ctx, js)
	if err != nil || c.Replicas >= want {
		return err
	}
	c.Replicas = want
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	_, _ = js.UpdateStream(ctx, c) // it serves as it is; docs/operations.md says what a user who may change streams can do
	return nil
}

// EnsureBucket returns a bucket on file, created if it is not there. One that is there keeps its storage, and gets as many
// replicas as the event stream has; it never loses any.
func EnsureBucket(ctx context.Context, js jetstream.JetStream, c jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, c.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if c.Replicas, err = replicas(ctx, js); err != nil {
			return nil, err
		}
		c.Storage, c.History = jetstream.FileStorage, 1
		kv, err = js.CreateKeyValue(ctx, c)
		if errors.Is(err, jetstream.ErrBucketExists) { // another worker was faster
			kv, err = js.KeyValue(ctx, c.Bucket)
		}
		return kv, err
	}
	if err != nil {
		return nil, err
	}
	s, err := js.Stream(ctx, "KV_"+c.Bucket)
	if err != nil {
		return nil, err
	}
	return kv, raise(ctx, js, s, c.Description)
}
