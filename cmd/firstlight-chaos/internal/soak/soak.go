// Package soak gives a lab a steady load of a product that does not grow, and sees whether the workers do: in memory, goroutines or open
// files.
package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/lab"
	"firstlight/cmd/firstlight-chaos/internal/product"
	"firstlight/cmd/firstlight-chaos/internal/servers"
)

// Options bound a soak.
type Options struct {
	Seed    uint64
	During  time.Duration
	Users   int
	PerWave int // events of each tick
	Tick    time.Duration
	Every   time.Duration // from one look at the workers to the next
	Log     io.Writer
}

// Result is what was seen.
type Result struct {
	Messages int
	Workers  []Growth
}

// Growth is what a worker needed early and late: medians of the second and of the last quarter of what was seen.
type Growth struct {
	Worker string
	Of     map[string]Span
}

// Span is a figure early and late.
type Span struct{ Early, Late float64 }

// Figures are what is looked at, by the name that /metrics gives it.
const (
	Resident   = "process_resident_memory_bytes"
	Goroutines = "go_goroutines"
	Files      = "process_open_fds"
)

// The growth that chance, a collector's pace or a connection that is being made explain.
const (
	someMemory     = 16 << 20
	partOfMemory   = 0.1
	someGoroutines = 5
	someFiles      = 5
)

// Wrong says what grew.
func (r *Result) Wrong() (all []string) {
	for _, w := range r.Workers {
		allowed := map[string]float64{Resident: max(someMemory, partOfMemory*w.Of[Resident].Early), Goroutines: someGoroutines, Files: someFiles}
		for name, most := range allowed {
			if s := w.Of[name]; s.Late > s.Early+most {
				all = append(all, fmt.Sprintf("%s of %s grew from %.0f to %.0f", name, w.Worker, s.Early, s.Late))
			}
		}
	}
	slices.Sort(all)
	return all
}

// Run soaks.
func Run(ctx context.Context, l *lab.Lab, o Options) (*Result, error) {
	s := &soak{lab: l, options: o, product: product.NewSteady(o.Seed, o.Users), seen: map[string]map[string][]float64{}}
	if _, err := l.Recovered(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.before, err = l.Run.Received(ctx); err != nil {
		return nil, err
	}
	stop, published := make(chan struct{}), make(chan error, 1)
	go func() { published <- s.publish(ctx, stop) }()
	err = s.watch(ctx)
	close(stop)
	if err = errors.Join(err, <-published); err != nil {
		return nil, err
	}
	if err := l.Until(ctx, fmt.Sprintf("%d messages are counted, and no more", s.messages), s.received); err != nil {
		return nil, err
	}
	return s.result(), nil
}

type soak struct {
	lab      *lab.Lab
	options  Options
	product  *product.Steady
	before   uint64 // messages
	messages int
	seen     map[string]map[string][]float64 // by worker and figure
}

func (s *soak) publish(ctx context.Context, stop <-chan struct{}) error {
	tick := time.NewTicker(s.options.Tick)
	defer tick.Stop()
	for {
		wave := s.product.Next(time.Now(), s.options.PerWave)
		if _, err := product.Publish(ctx, s.lab.JS, wave); err != nil {
			return fmt.Errorf("publish events: %w", err)
		}
		s.messages += len(wave)
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// received reports whether all that was published is counted.
func (s *soak) received(ctx context.Context) bool {
	received, err := s.lab.Run.Received(ctx)
	return err == nil && received == s.before+uint64(s.messages)
}

// watch looks at the workers until the time is over.
func (s *soak) watch(ctx context.Context) error {
	tick := time.NewTicker(s.options.Every)
	defer tick.Stop()
	for end := time.Now().Add(s.options.During); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for _, w := range s.lab.Workers {
			figures, err := look(ctx, w)
			if err != nil {
				return err
			}
			of := s.seen[w.Name]
			if of == nil {
				of = map[string][]float64{}
				s.seen[w.Name] = of
			}
			for name, value := range figures {
				of[name] = append(of[name], value)
			}
			fmt.Fprintf(s.options.Log, "%s: %3.0f MiB, %3.0f goroutines, %2.0f files\n", w.Name, figures[Resident]/(1<<20), figures[Goroutines], figures[Files])
		}
	}
	return nil
}

// look reads a worker's figures.
func look(ctx context.Context, w *servers.Worker) (map[string]float64, error) {
	at, err := w.HTTP()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its figures: %w", w.Name, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its figures: %w", w.Name, err)
	}
	defer answer.Body.Close()
	figures := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if name != Resident && name != Goroutines && name != Files {
			continue
		}
		if figures[name], err = strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", name, w.Name, err)
		}
	}
	if len(figures) < 3 {
		return nil, fmt.Errorf("%s tells %v of itself: it does not on this system", w.Name, figures)
	}
	return figures, nil
}

func (s *soak) result() *Result {
	r := &Result{Messages: s.messages}
	for _, w := range s.lab.Workers {
		g := Growth{Worker: w.Name, Of: map[string]Span{}}
		for name, all := range s.seen[w.Name] {
			quarter := len(all) / 4
			g.Of[name] = Span{Early: median(all[quarter : 2*quarter+1]), Late: median(all[len(all)-quarter-1:])}
		}
		r.Workers = append(r.Workers, g)
	}
	return r
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
