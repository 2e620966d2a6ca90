// Package health says whether a worker is alive, and whether its numbers are up to date, in lines that people read. It is pure: what is
// seen is handed in.
package health

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker"
)

const (
	// stuckAfter is when a partition's loop that does not go round counts as dead: it has nothing to wait for.
	stuckAfter = 30 * time.Second
	// staleAfter is when what stands still makes the worker unready.
	staleAfter = trouble.LastsAfter
)

// Worker is what is seen of one worker.
type Worker struct {
	Connected func() bool // to NATS
	Observe   func() worker.Observation
	Unjudged  func() (since time.Time, why error) // nil: nothing is judged
	// Definitions says what of the catalog is not in force, one line each; nil: all of it is.
	Definitions func() []string
	Lasting     func() []string // what has failed for long, one line each
	Now         func() time.Time
}

// Answer is what /healthz and /readyz say, one line each.
type Answer struct {
	Status string   `json:"status"`
	Wrong  []string `json:"wrong,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// Dead says why a restart would help: servers that are away are no reason.
func (w *Worker) Dead() []string {
	seen := w.Observe()
	if age := w.Now().Sub(seen.Alive); seen.Recovered && age > stuckAfter {
		return []string{fmt.Sprintf("a partition has not moved for %s", age.Round(time.Second))}
	}
	return nil
}

// Ready says why numbers are not up to date, nothing when they are; and what else is worth knowing.
func (w *Worker) Ready() (wrong, notes []string) {
	seen, now := w.Observe(), w.Now()
	if !w.Connected() {
		wrong = append(wrong, "not connected to NATS")
	}
	switch age := now.Sub(seen.Reported); {
	case !seen.Recovered:
		wrong = append(wrong, "not recovered yet")
	case seen.Reported.IsZero():
		wrong = append(wrong, "no progress published yet")
	case age > staleAfter:
		wrong = append(wrong, fmt.Sprintf("no progress could be published to ClickHouse for %s", age.Round(time.Second)))
	}
	wrong = append(wrong, stuck(&seen, now)...)
	if !seen.Unleased.IsZero() && now.Sub(seen.Unleased) >= staleAfter {
		wrong = append(wrong, fmt.Sprintf("the leases of partitions could not be renewed for %s", now.Sub(seen.Unleased).Round(time.Second)))
	}
	if w.Unjudged != nil {
		if since, why := w.Unjudged(); why != nil && now.Sub(since) >= staleAfter {
			wrong = append(wrong, fmt.Sprintf("incidents cannot be judged for %s: %s", now.Sub(since).Round(time.Second), trouble.Line(why)))
		}
	}
	wrong = append(wrong, w.Dead()...)
	lasting := w.Lasting()
	notes = catchingUp(&seen)
	if w.Definitions != nil {
		notes = append(notes, w.Definitions()...)
	}
	if len(wrong) > 0 {
		return append(wrong, lasting...), notes
	}
	return nil, append(notes, lasting...)
}

// Building says what is computed beside the numbers in force, or why it is not.
func Building(b *worker.Building) string {
	if b.Refused != "" {
		return b.Refused
	}
	what := "the catalog's definitions are"
	if len(b.Metrics) > 0 {
		what = "new or changed: " + strings.Join(b.Metrics, ", ") + ", which are"
	}
	how := "about to take effect"
	if b.Lag > 0 {
		how = fmt.Sprintf("%s to read, %d %% are read", messages(b.Lag), 100*b.Read/(b.Read+b.Lag))
	}
	return what + " being computed, " + how + "; what stood before is shown until then"
}

// stuck names the partitions whose messages wait and are not stored.
func stuck(seen *worker.Observation, now time.Time) (lines []string) {
	var ids []uint16
	var lag uint64
	var longest time.Duration
	for i := range seen.Partitions {
		p := &seen.Partitions[i]
		if p.WaitsSince.IsZero() || now.Sub(p.WaitsSince) < staleAfter+seen.Patience {
			continue
		}
		ids, lag, longest = append(ids, p.Accounts.Partition), lag+p.Lag, max(longest, now.Sub(p.WaitsSince))
	}
	if len(ids) > 0 {
		lines = append(lines, fmt.Sprintf("nothing was stored of partitions %v of %d for %s, %s waiting", ids, len(seen.Partitions)+len(seen.Elsewhere),
			longest.Round(time.Second), messages(lag)))
	}
	return append(lines, stuckElsewhere(seen, now)...)
}

// stuckElsewhere names the partitions that stand still and do not run here, by who holds them.
func stuckElsewhere(seen *worker.Observation, now time.Time) (lines []string) {
	ids, longest := map[string][]uint16{}, map[string]time.Duration{}
	for i := range seen.Elsewhere {
		e := &seen.Elsewhere[i]
		if e.StillSince.IsZero() || now.Sub(e.StillSince) < staleAfter+seen.Patience {
			continue
		}
		ids[e.Holder], longest[e.Holder] = append(ids[e.Holder], e.Partition), max(longest[e.Holder], now.Sub(e.StillSince))
	}
	for _, holder := range slices.Sorted(maps.Keys(ids)) {
		line := fmt.Sprintf("nobody holds partitions %v for %s", ids[holder], longest[holder].Round(time.Second))
		if holder != "" {
			line = fmt.Sprintf("nothing was stored of partitions %v, which the worker %s holds, for %s", ids[holder], holder, longest[holder].Round(time.Second))
		}
		lines = append(lines, line)
	}
	return lines
}

// catchingUp says how many messages wait.
func catchingUp(seen *worker.Observation) []string {
	var lag uint64
	for i := range seen.Partitions {
		lag += seen.Partitions[i].Lag
	}
	for i := range seen.Elsewhere {
		lag += seen.Elsewhere[i].Lag
	}
	if lag == 0 {
		return nil
	}
	return []string{"catching up: " + messages(lag) + " to apply"}
}

func messages(n uint64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}
