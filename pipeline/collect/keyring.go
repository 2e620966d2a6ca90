package collect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"firstlight/pipeline/trouble"
)

// Keyring is the write keys in force. It is safe for concurrent use.
type Keyring struct {
	perSecond float64 // events that each key may send; 0: any number
	hide      func(secret string)
	keys      atomic.Pointer[[]Key]
	text      string // that they were read from; of who sets them alone
}

// NewKeyring returns the keys of a text, see ParseKeys. Each may send so many events a second, 0 for any number. hide is told every key,
// so that it is shown nowhere.
func NewKeyring(text string, perSecond float64, hide func(secret string)) (*Keyring, error) {
	r := &Keyring{perSecond: perSecond, hide: hide}
	return r, r.set(text)
}

// set puts the keys of a text in force. What a key has used of its events per second stays used.
func (r *Keyring) set(text string) error {
	keys, secrets, err := ParseKeys(text)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		r.hide(secret)
	}
	for i := range keys {
		if r.perSecond > 0 {
			keys[i].limit = rate.NewLimiter(rate.Limit(r.perSecond), max(int(r.perSecond), maxEvents))
		}
		for _, old := range r.all() {
			if old.digest == keys[i].digest {
				keys[i].limit = old.limit
			}
		}
	}
	r.keys.Store(&keys)
	r.text = strings.TrimSpace(text)
	return nil
}

// renew is set, and no way to do without keys: a file that is being written is empty for a moment.
func (r *Keyring) renew(text string) error {
	if keys, _, err := ParseKeys(text); err == nil && len(keys) == 0 && r.Len() > 0 {
		return errors.New("there is no key in it any more: the keys stay as they were; to take events without keys, start again without the file")
	}
	return r.set(text)
}

func (r *Keyring) all() []Key {
	if keys := r.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}

// Len is how many keys are in force.
func (r *Keyring) Len() int { return len(r.all()) }

// keysEvery is how often the file of the keys is looked at.
const keysEvery = time.Second

// Follow reads a file of keys again whenever it changes, until ctx ends. While it is unreadable the keys stay as they were.
func (r *Keyring) Follow(ctx context.Context, path string, log *zap.Logger, board *trouble.Board) {
	const place, what = "the file of write keys", "reading it"
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(content)) == r.text {
			board.Report(place, what, nil)
			continue
		}
		if err == nil {
			if err = r.renew(string(content)); err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
		}
		board.Report(place, what, err)
		if err == nil {
			log.Info("write keys were read again", zap.Int("keys", len(r.all())))
		}
	}
}
