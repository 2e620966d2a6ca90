// Package trouble is how whatever waits for something says so: errors have classes, what fails is tried again, and
// the log gets a line when trouble begins, one a minute while it lasts, and one when it is over.
package trouble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Class is what an error calls for.
type Class int

const (
	// Passing errors are tried again, and nobody need know.
	Passing Class = iota
	// Lasting errors are tried again too, and people are told what is the matter: somebody may have to act.
	Lasting
	// ForGood is what trying again cannot help.
	ForGood
)

// LastsAfter is how long something fails until that is called lasting: a second before the ten after which it must
// be said.
const LastsAfter = 9 * time.Second

// Of returns the class of an error that has kept something from working for a while.
func Of(err error, lasted time.Duration) Class {
	switch final := (*forGood)(nil); {
	case errors.As(err, &final), errors.Is(err, nats.ErrConnectionClosed):
		return ForGood
	case lasted >= LastsAfter:
		return Lasting
	}
	return Passing
}

type forGood struct{ error }

func (f *forGood) Unwrap() error { return f.error }

// Final marks an error that trying again cannot help.
func Final(err error) error { return &forGood{err} }

// The places that most trouble is at. Everything that fails at one place is one trouble.
const (
	ClickHouse = "ClickHouse"
	NATS       = "NATS"
)

type placed struct {
	error
	at string
}

func (p *placed) Unwrap() error { return p.error }

// At says at which place an error came up; a nil error stays nil.
func At(place string, err error) error {
	if err == nil {
		return nil
	}
	return &placed{err, place}
}

// PlaceOf returns the place of an error, or another one where it says none.
func PlaceOf(err error, otherwise string) string {
	if p := (*placed)(nil); errors.As(err, &p) {
		return p.at
	}
	return otherwise
}

// Board holds what fails now. It is safe for concurrent use.
type Board struct {
	log *zap.Logger
	now func() time.Time

	mu     sync.Mutex
	places map[string]*place
}

// place is where something has failed.
type place struct {
	failing map[string]failure // by what is tried
	begun   bool               // the log says so
	said    time.Time          // when the log last said so
}

type failure struct {
	since time.Time
	err   error
}

// sayEvery is how often the log says that something still fails.
const sayEvery = time.Minute

// NewBoard returns an empty board that writes to a log.
func NewBoard(log *zap.Logger) *Board {
	return &Board{log: log, now: time.Now, places: map[string]*place{}}
}

// Report tells how an attempt went: err is nil when it worked.
func (b *Board) Report(at, what string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, now := b.places[at], b.now()
	if err == nil {
		if p != nil {
			p.worked(b.log, at, what, now)
		}
		return
	}
	if p == nil {
		p = &place{failing: map[string]failure{}}
		b.places[at] = p
	}
	f, known := p.failing[what]
	if !known {
		f.since = now
	}
	f.err = err
	p.failing[what] = f
	if now.Sub(p.said) < sayEvery {
		return
	}
	p.begun, p.said = true, now
	b.log.Warn(at+" fails, trying again", zap.String("what", what), zap.Duration("for", now.Sub(p.since()).Round(time.Second)),
		zap.Int("waiting", len(p.failing)), zap.Error(err))
}

// worked takes note that something works.
func (p *place) worked(log *zap.Logger, at, what string, now time.Time) {
	if _, failed := p.failing[what]; !failed {
		return
	}
	since := p.since()
	delete(p.failing, what)
	if len(p.failing) > 0 || !p.begun {
		return
	}
	p.begun = false
	log.Info(at+" works again", zap.Duration("after", now.Sub(since).Round(time.Second)))
}

// since is when the oldest failure that goes on began.
func (p *place) since() (oldest time.Time) {
	for _, f := range p.failing {
		if oldest.IsZero() || f.since.Before(oldest) {
			oldest = f.since
		}
	}
	return oldest
}

// Forget drops what is not tried any more, without a word.
func (b *Board) Forget(at, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.places[at]; p != nil {
		delete(p.failing, what)
		if len(p.failing) == 0 {
			p.begun = false
		}
	}
}

// Lasting returns one line for each place where something has failed for long, the oldest first.
func (b *Board) Lasting() []string { return b.lines(Lasting) }

// Failing returns one line for each place where something fails, the oldest first.
func (b *Board) Failing() []string { return b.lines(Passing) }

// lines are of what fails and is of a class at least.
func (b *Board) lines(least Class) (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	names := slices.SortedFunc(maps.Keys(b.places), func(x, y string) int {
		return cmp.Or(b.places[x].since().Compare(b.places[y].since()), strings.Compare(x, y))
	})
	for _, at := range names {
		if line := b.places[at].line(at, now, least); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// line says what fails for longest at a place; empty when that is not of a class at least.
func (p *place) line(at string, now time.Time, least Class) string {
	var what string
	for w, f := range p.failing {
		if o, ok := p.failing[what]; !ok || f.since.Before(o.since) || f.since.Equal(o.since) && w < what {
			what = w
		}
	}
	f, ok := p.failing[what]
	if !ok || Of(f.err, now.Sub(f.since)) < least {
		return ""
	}
	more := ""
	if n := len(p.failing) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("%s fails for %s: %s%s: %s", at, now.Sub(f.since).Round(time.Second), what, more, Line(f.err))
}

// maxLine bounds what is quoted of an error.
const maxLine = 400

// Line returns an error as one line of bounded length.
func Line(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	return text
}

const (
	firstRetry = 100 * time.Millisecond
	maxRetry   = 5 * time.Second
)

// Backoff is how long to wait before an attempt, after so many that failed.
func Backoff(failed int) time.Duration { return min(firstRetry<<min(failed-1, 10), maxRetry) }

// Retry tries something until it works, ctx ends, or it fails for good. It returns the last error then.
func (b *Board) Retry(ctx context.Context, at, what string, try func() error) error {
	return b.retry(ctx, at, what, func(err error) bool { return Of(err, 0) != ForGood }, try)
}

// RetryFor tries something until it works, ctx ends, it fails with an error that does not pass, or has failed for as long as patience lasts.
// It returns the last error then.
func (b *Board) RetryFor(ctx context.Context, patience time.Duration, at, what string, try func() error) error {
	began := b.now()
	return b.retry(ctx, at, what, func(err error) bool { return Passes(err) && b.now().Sub(began) < patience }, try)
}

func (b *Board) retry(ctx context.Context, at, what string, again func(error) bool, try func() error) error {
	for failed := 1; ; failed++ {
		err := try()
		if err == nil {
			b.Report(at, what, nil)
			return nil
		}
		if ctx.Err() != nil || !again(err) {
			b.Forget(at, what)
			return err
		}
		b.Report(at, what, err)
		select {
		case <-time.After(Backoff(failed)):
		case <-ctx.Done():
			b.Forget(at, what)
			return err
		}
	}
}
