package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/trouble"
)

// A worker reads users of all its partitions back together, so that one query answers for as many as there are. While it runs,
// partitions gather whom they want next.

// readBack is what one partition wants to be read back, and what comes.
type readBack struct {
	Named
	upTo   uint64 // what is stored up to here stays as it is
	digits int    // of a token that make a key
	keys   map[uint64]*keyed
	reply  chan<- *readBack
	ended  <-chan struct{} // closed when nobody waits for the reply any more

	users       []returned
	ids, tokens []string // those of whom there is no user
	took        time.Duration
	err         error // for good
}

// waits reports whether somebody waits for what is not known yet.
func (r *readBack) waits() bool {
	select {
	case <-r.ended:
		return false
	default:
		return r.err == nil
	}
}

// keyed are the absent users who have one key.
type keyed struct {
	versions []uint32
	came     []bool // which of them were read
}

// returned is a user who was read back.
type returned struct {
	id      string
	facts   []byte
	version uint64
}

// errOvertaken says that another worker stored users of a partition beyond where this one has got.
var errOvertaken = errors.New("another worker applied messages of a partition that runs here")

// errBehind says that the store answers with less than what was written.
var errBehind = errors.New("users that were stored are not found, or as they were before: the ClickHouse replica that answers is behind, or their rows were deleted")

// readBacks are the partitions that wait for users, and what was read so far.
type readBacks struct {
	mu      sync.Mutex
	waiting []*readBack
	wake    chan struct{}
}

// returns counts who was read back.
type returns struct {
	users, batches atomic.Uint64
	took           atomic.Int64 // ns
}

func newReadBacks() *readBacks { return &readBacks{wake: make(chan struct{}, 1)} }

// ask asks for users; the answer comes by its channel.
func (r *readBacks) ask(one *readBack) {
	r.mu.Lock()
	r.waiting = append(r.waiting, one)
	r.mu.Unlock()
	signal(r.wake)
}

// next returns all that wait.
func (r *readBacks) next() []*readBack {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.waiting
	r.waiting = nil
	return all
}

// runReadBacks reads users back until ctx ends.
func (w *Worker) runReadBacks(ctx context.Context) error {
	for {
		select {
		case <-w.readBacks.wake:
		case <-ctx.Done():
			return nil
		}
		w.rally(ctx)
		batch := w.readBacks.next()
		if len(batch) == 0 {
			continue
		}
		began := time.Now()
		err := w.Trouble.Retry(ctx, trouble.ClickHouse, "users who come back", func() error { return readTogether(ctx, w.numbers, batch) })
		if ctx.Err() != nil {
			return nil
		}
		took := time.Since(began)
		w.observed.returns.count(batch, took)
		for _, one := range batch {
			one.took, one.err = took, cmp.Or(one.err, err)
			one.reply <- one
		}
	}
}

// mostRally is how long partitions have to ask for whom they want once one of them does: a busy one needs no longer for its stride.
const mostRally = 20 * time.Millisecond

// rally has all partitions ask for whom they want, so that one query answers for all of them: what a query takes hardly depends on how
// many it is about.
func (w *Worker) rally(ctx context.Context) {
	lives := w.awake()
	asked, waiting := make(chan struct{}, len(lives)), 0
	for _, l := range lives {
		select {
		case l.rally <- asked:
			waiting++
		default: // it has not come to answer the one before, or has ended
		}
	}
	limit := time.NewTimer(mostRally)
	defer limit.Stop()
	for ; waiting > 0; waiting-- {
		select {
		case <-asked:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *returns) count(batch []*readBack, took time.Duration) {
	users := 0
	for _, one := range batch {
		users += len(one.users)
	}
	r.users.Add(uint64(users))
	r.batches.Add(1)
	r.took.Add(int64(took))
}

func (r *returns) counted() Returned {
	return Returned{Users: r.users.Load(), Batches: r.batches.Load(), Took: time.Duration(r.took.Load())}
}

// readTogether reads what several partitions want. A user who is not found is one of whom nothing is stored only where all that is
// absent under its key is found to be others.
func readTogether(ctx context.Context, numbers Numbers, batch []*readBack) error {
	of := make(map[uint16]*readBack, len(batch))
	var named []Named
	for _, one := range batch {
		if one.waits() {
			one.begin()
			of[one.Partition], named = one, append(named, one.Named)
		}
	}
	for range 2 {
		if len(named) == 0 {
			return nil
		}
		err := numbers.ReadUsers(ctx, named, func(partition uint16, id, facts []byte, version uint64) error {
			of[partition].take(id, facts, version)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read users back: %w", err)
		}
		named = named[:0]
		for _, one := range of {
			if open := one.open(); len(open) > 0 && one.waits() {
				named = append(named, Named{Partition: one.Partition, Tokens: open})
			}
		}
	}
	if len(named) == 0 {
		return nil
	}
	return fmt.Errorf("read users of %d partitions back: %w", len(named), errBehind)
}

// begin forgets what an attempt before read.
func (r *readBack) begin() {
	r.users = r.users[:0]
	for _, k := range r.keys {
		k.came = make([]bool, len(k.versions))
	}
}

// take takes an absent user as it was stored last. Users who are in memory are left.
func (r *readBack) take(id, facts []byte, version uint64) {
	token := event.TokenBytes(view(id))
	k := r.keys[keyOf(token, r.digits)]
	if k == nil {
		return
	}
	for i, of := range k.versions {
		if of == uint32(version) && version <= r.upTo {
			if !k.came[i] {
				k.came[i] = true
				r.users = append(r.users, returned{string(id), bytes.Clone(facts), version})
			}
			return
		}
	}
	if version > r.upTo && (slices.Contains(r.IDs, view(id)) || slices.Contains(r.Tokens, hex.EncodeToString(token[:]))) {
		r.err = fmt.Errorf("user %q of partition %d is stored as of %d, and the partition as of %d: %w", id, r.Partition, version, r.upTo, errOvertaken)
	}
}

// open sorts out who is not found, and returns the keys, as beginnings of tokens, under which somebody else may be absent.
func (r *readBack) open() (beginnings []string) {
	found := make(map[string]bool, len(r.users))
	for _, u := range r.users {
		found[u.id] = true
		if len(r.Tokens) > 0 {
			found[event.Token(u.id)] = true
		}
	}
	r.ids, r.tokens = r.ids[:0], r.tokens[:0]
	look := func(name, token string, missing *[]string) {
		if found[name] {
			return
		}
		*missing = append(*missing, name)
		bytes, _ := tokenBytes(token) // tokens are checked before they are wanted
		if slices.Contains(r.keys[keyOf(bytes, r.digits)].came, false) {
			beginnings = append(beginnings, token[:r.digits])
		}
	}
	for _, id := range r.IDs {
		look(id, event.Token(id), &r.ids)
	}
	for _, token := range r.Tokens {
		look(token, token, &r.tokens)
	}
	return beginnings
}
