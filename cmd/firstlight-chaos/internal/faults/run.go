package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/judge"
	"firstlight/cmd/firstlight-chaos/internal/lab"
)

// Options bound a run.
type Options struct {
	Seed   uint64
	Faults int
	Only   *regexp.Regexp // of faults as String says them; nil: all
	Round  time.Duration  // in which faults begin, before recovery is waited for
	Log    io.Writer
}

// Result is what a run did, and what came of it.
type Result struct {
	Done    []*Fault
	Unmet   []string // faults whose moment did not come, and why
	Slowest time.Duration
	After   []*Fault // what the slowest recovery was from
	Rounds  int
	Verdict *judge.Verdict
}

// Run does faults to a lab, several at a time, lets it recover after each round, and judges it in the end.
func Run(ctx context.Context, l *lab.Lab, o Options) (*Result, error) {
	r := &runner{lab: l, options: o, lanes: Deck(l, o.Seed), random: rand.New(rand.NewPCG(o.Seed, 3)), result: &Result{}}
	if o.Only != nil {
		for i, lane := range r.lanes {
			r.lanes[i] = slices.DeleteFunc(lane, func(f *Fault) bool { return !o.Only.MatchString(f.String()) })
		}
	}
	if n := Count(r.lanes); n < o.Faults {
		return nil, fmt.Errorf("%d faults are asked for: there are %d distinct ones", o.Faults, n)
	}
	stop, published := make(chan struct{}), make(chan error, 1)
	go func() { published <- l.Publish(ctx, stop) }()
	err := r.rounds(ctx)
	close(stop)
	if err = errors.Join(err, <-published); err != nil {
		return r.result, err
	}
	r.result.Verdict, err = l.Judge(ctx)
	return r.result, err
}

type runner struct {
	lab     *lab.Lab
	options Options
	random  *rand.Rand
	result  *Result

	mu    sync.Mutex
	lanes [][]*Fault
	left  int // faults of this run that have not begun
	round []*Fault
}

func (r *runner) rounds(ctx context.Context) error {
	for r.left = r.options.Faults; r.left > 0; {
		began := time.Now()
		if err := r.one(ctx); err != nil {
			return err
		}
		injected := time.Since(began)
		took, err := r.lab.Recovered(ctx)
		if err != nil {
			return fmt.Errorf("it does not recover from %s: %w", list(r.round), err)
		}
		if err := r.lab.Run.Letters.Deleted(ctx); err != nil {
			return err
		}
		r.result.Rounds++
		if took > r.result.Slowest {
			r.result.Slowest, r.result.After = took, r.round
		}
		fmt.Fprintf(r.options.Log, "%3d of %d faults; recovered in %5.1f s from %4.1f s of: %s\n", len(r.result.Done), r.options.Faults, took.Seconds(), injected.Seconds(), list(r.round))
		if len(r.round) == 0 {
			return errors.New("no fault comes to its moment any more")
		}
	}
	return nil
}

// one is a round: some faults of every lane.
func (r *runner) one(ctx context.Context) error {
	r.round = nil
	end := time.Now().Add(r.options.Round)
	failed := make([]error, len(r.lanes))
	var all sync.WaitGroup
	for lane := range r.lanes {
		start := time.Duration(r.random.Int64N(int64(r.options.Round / 4)))
		all.Go(func() {
			wait(ctx, start)
			failed[lane] = r.lane(ctx, lane, end)
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// lane does faults of a lane until the round ends. What is not a worker's comes once a round.
func (r *runner) lane(ctx context.Context, lane int, end time.Time) error {
	for first := true; first || time.Now().Before(end) && lane < len(r.lab.Workers); first = false {
		f := r.take(lane)
		if f == nil {
			return nil
		}
		met, cancel := context.WithTimeoutCause(ctx, max(meets, f.patience), errors.New("its moment did not come"))
		err := f.inject(met, r.lab)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if stands := (*standstill)(nil); errors.As(err, &stands) {
			return fmt.Errorf("%s: %w", f, err)
		}
		r.mu.Lock()
		if err != nil {
			r.left++
			r.result.Unmet = append(r.result.Unmet, fmt.Sprintf("%s: %v", f, err))
		} else {
			r.result.Done, r.round = append(r.result.Done, f), append(r.round, f)
		}
		r.mu.Unlock()
	}
	return nil
}

// standstill is the error of a fault that nothing goes on beside although it should.
type standstill struct{ error }

func (s *standstill) Unwrap() error { return s.error }

// meets is how long a fault waits for its moment.
const meets = 2 * time.Minute

func (r *runner) take(lane int) *Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 {
		return nil
	}
	f := next(r.lanes, lane)
	if f != nil {
		r.left--
	}
	return f
}

func list(all []*Fault) string {
	var texts []string
	for _, f := range all {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, "; ")
}
