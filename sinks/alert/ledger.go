package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/stream"
)

// Bucket is the KV bucket of the ledger.
const Bucket = "FIRSTLIGHT_ALERTS"

// keepClosed is how long the ledger remembers incidents that are over.
const keepClosed = 30 * 24 * time.Hour

const ledgerPatience = 2 * time.Second

// entry is what one destination was told of one incident.
type entry struct {
	Seq      uint64           `json:"seq"`             // last message that was sent or withheld
	Open     bool             `json:"open"`            // it stands open there, or may
	Doubt    bool             `json:"doubt,omitempty"` // whether it does: the process may have died while sending
	Over     bool             `json:"over"`            // the incident is resolved
	Severity anomaly.Severity `json:"severity,omitempty"`
	State    anomaly.State    `json:"state,omitempty"`
	Title    string           `json:"title,omitempty"`

	Firing []map[string]string `json:"firing,omitempty"` // label sets that may fire in Alertmanager

	Withheld      int       `json:"withheld,omitempty"` // messages since the last digest
	WithheldSince time.Time `json:"withheld_since,omitzero"`
	Changed       time.Time `json:"changed,omitzero"`
}

// ledger is the part of the bucket that belongs to one destination. Its courier alone changes it.
type ledger struct {
	js     jetstream.JetStream
	kv     jetstream.KeyValue
	prefix string
	// patience bounds one write: messages are worth more than the ledger.
	patience time.Duration

	mu      sync.Mutex // never held while JetStream is asked
	entries map[string]entry
	newest  uint64          // revision of the bucket that was read or written last
	made    *atomic.Uint64  // how often couriers of this process have made the bucket again
	knows   uint64          // made, as of the last write
	dirty   map[string]bool // not written yet
}

func ensureLedger(ctx context.Context, js jetstream.JetStream) (jetstream.KeyValue, error) {
	kv, err := stream.EnsureBucket(ctx, js, jetstream.KeyValueConfig{
		Bucket: Bucket, Description: "What each destination was told of each incident; keys <whose>.<destination>.<incident>",
		LimitMarkerTTL: markerTime,
	})
	if err != nil {
		return nil, fmt.Errorf("ledger of messages %s: %w", Bucket, err)
	}
	return kv, nil
}

// load reads all entries.
func (l *ledger) load(ctx context.Context) error {
	l.entries, l.dirty = map[string]entry{}, map[string]bool{}
	watch, err := l.kv.Watch(ctx, l.prefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("read the ledger of messages: %w", err)
	}
	defer func() { _ = watch.Stop() }() // it has been read
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("read the ledger of messages: %w", ctx.Err())
		case kv := <-watch.Updates():
			if kv == nil {
				return nil
			}
			var e entry
			if err := json.Unmarshal(kv.Value(), &e); err != nil {
				return fmt.Errorf("read the ledger of messages: %s is not an entry (delete the key to have its incident sent again): %w", kv.Key(), err)
			}
			l.newest = max(l.newest, kv.Revision())
			l.entries[keyText(strings.TrimPrefix(kv.Key(), l.prefix))] = e
		}
	}
}

// get returns an incident's entry.
func (l *ledger) get(incident string) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[incident]
}

// set changes an entry in memory; write stores it.
func (l *ledger) set(incident string, e entry, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Changed = now.UTC()
	l.entries[incident], l.dirty[incident] = e, true
}

// unwritten reports whether there are changes that write has not stored.
func (l *ledger) unwritten() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.dirty) > 0
}

// write stores what has changed.
func (l *ledger) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	l.mu.Lock()
	incidents := sortedKeys(l.dirty)
	l.mu.Unlock()
	for _, incident := range incidents {
		data, err := json.Marshal(l.get(incident))
		if err != nil {
			return fmt.Errorf("write the ledger entry of incident %s: %w", incident, err)
		}
		revision, err := l.kv.Put(ctx, l.prefix+keyToken(incident), data)
		if err != nil {
			return fmt.Errorf("write the ledger entry of incident %s: %w", incident, l.again(ctx, err))
		}
		l.mu.Lock()
		if made := l.made.Load(); revision <= l.newest || made != l.knows { // it counts from its start: another courier has made it again
			l.knows = made
			l.taint()
		}
		l.newest = revision
		delete(l.dirty, incident)
		l.mu.Unlock()
	}
	return nil
}

// again makes the ledger again if that it is gone is why something failed. It returns the error.
func (l *ledger) again(ctx context.Context, err error) error {
	if !stream.Gone(err) {
		return err
	}
	if _, e := ensureLedger(ctx, l.js); e != nil {
		return fmt.Errorf("%w (%w)", err, e)
	}
	l.made.Add(1)
	return err
}

// taint marks everything as not written. mu is held.
func (l *ledger) taint() {
	for incident := range l.entries {
		l.dirty[incident] = true
	}
}

// open returns the incidents that stand open at the destination.
func (l *ledger) open() []string {
	incidents, _ := l.which(func(e *entry) bool { return e.Open })
	return incidents
}

// withheld returns what the next digest is about.
func (l *ledger) withheld() ([]string, []entry) {
	return l.which(func(e *entry) bool { return e.Withheld > 0 })
}

// withheldSince is when the first message of the next digest was withheld; zero: there is none.
func (l *ledger) withheldSince() (since time.Time) {
	_, entries := l.withheld()
	for _, e := range entries {
		if since.IsZero() || e.WithheldSince.Before(since) {
			since = e.WithheldSince
		}
	}
	return since
}

// which returns the incidents, in order, and the entries that are wanted.
func (l *ledger) which(wanted func(*entry) bool) (incidents []string, entries []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, incident := range sortedKeys(l.entries) {
		if e := l.entries[incident]; wanted(&e) {
			incidents, entries = append(incidents, incident), append(entries, e)
		}
	}
	return incidents, entries
}

// sweep forgets incidents that have been over for long.
func (l *ledger) sweep(ctx context.Context, now time.Time) error {
	old, _ := l.which(func(e *entry) bool {
		return e.Over && !e.Open && e.Withheld == 0 && now.Sub(e.Changed) >= keepClosed
	})
	if len(old) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	for _, incident := range old {
		if err := l.purge(ctx, l.prefix+keyToken(incident)); err != nil {
			return fmt.Errorf("forget incident %s: %w", incident, err)
		}
		l.mu.Lock()
		delete(l.entries, incident)
		l.mu.Unlock()
	}
	return nil
}

// markerTime is how long a purged key leaves a marker behind: the least that servers allow, nobody looks at it.
const markerTime = time.Second

// purge removes a key with what its user may do anyway, which is to write to the bucket: purging a stream is a right of its own. The
// marker it leaves goes by itself, except in a bucket of an older version, which keeps it: a hundred bytes.
func (l *ledger) purge(ctx context.Context, key string) error {
	err := l.kv.Purge(ctx, key, jetstream.PurgeTTL(markerTime))
	if api := (*jetstream.APIError)(nil); errors.As(err, &api) && api.ErrorCode == messageTTLDisabled {
		return l.kv.Purge(ctx, key)
	}
	return err
}

const messageTTLDisabled = 10166

// keyToken writes any text as one token of a key: letters, digits, - and _ as they are, other bytes as =hex.
func keyToken(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "=%02x", c)
	}
	if b.Len() == 0 {
		return "="
	}
	return b.String()
}

// keyText is the text that keyToken wrote.
func keyText(token string) string {
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		var c byte
		if token[i] == '=' && i+2 < len(token) {
			if _, err := fmt.Sscanf(token[i+1:i+3], "%02x", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		if token[i] != '=' {
			b.WriteByte(token[i])
		}
	}
	return b.String()
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
