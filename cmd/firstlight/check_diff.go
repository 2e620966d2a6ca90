package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
)

// change is what a catalog would do to the numbers in force.
type change struct {
	*catalog.Difference        // nil: nothing is in force
	messages            uint64 // that computing reads
	lost                uint64 // that were counted, and are in the stream no more
}

// writeDifference says what a start with a catalog would compute.
func writeDifference(ctx context.Context, c *catalog.Catalog, w io.Writer) error {
	s, err := loadSettings()
	if err != nil {
		return err
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.close()
	if err := b.open(ctx, false); err != nil {
		return err
	}
	would, err := b.change(ctx, c)
	if err != nil {
		return err
	}
	would.write(w)
	return nil
}

func (b *backends) change(ctx context.Context, c *catalog.Catalog) (*change, error) {
	out := &change{}
	store := clickhouse.NewStore(b.conn, b.settings.Database)
	generation, err := store.Generation(ctx)
	if err != nil {
		return nil, err
	}
	numbers := store.In(generation)
	definition, err := computedDefinition(ctx, store, numbers)
	if err != nil {
		return nil, err
	}
	if definition != "" {
		if out.Difference, err = c.Difference([]byte(definition)); err != nil {
			return nil, err
		}
	}
	events, err := b.js.Stream(ctx, b.settings.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", b.settings.Stream, err)
	}
	info := events.CachedInfo()
	purged, err := store.In(math.MaxUint32).Purged(ctx)
	if err != nil {
		return nil, err
	}
	checkpoints, err := numbers.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	out.messages, out.lost = info.State.Msgs, worker.Lost(info, purged, checkpoints)
	return out, nil
}

// computedDefinition is that of the catalog which the numbers in force began with; of a version that kept no file, of the one that shows
// them.
func computedDefinition(ctx context.Context, store *clickhouse.Store, numbers worker.Numbers) (string, error) {
	source, err := numbers.Source(ctx)
	if err != nil {
		return "", err
	}
	if source == nil {
		return store.Definition(ctx)
	}
	c, err := compile(source)
	if err != nil {
		return "", err
	}
	return string(c.Definition()), nil
}

func (d *change) write(w io.Writer) {
	if d.Difference == nil {
		fmt.Fprintf(w, "Nothing was computed yet: a start reads %s.\n", count(int(d.messages), "message"))
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, m := range d.Metrics {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", m.Name, m.State, strings.Join(m.Why, "; "))
	}
	for _, e := range d.Experiments {
		fmt.Fprintf(t, "  experiment %s\t%s\t%s\n", e.Name, e.State, strings.Join(e.Why, "; "))
	}
	for _, v := range d.Voices {
		fmt.Fprintf(t, "  voice %s\t%s\t%s\n", v.Name, v.State, strings.Join(v.Why, "; "))
	}
	_ = t.Flush()
	switch {
	case !d.Computes():
		fmt.Fprintln(w, "Nothing has to be computed: it takes effect at once.")
	case d.lost > 0 && !d.Loses():
		fmt.Fprintf(w, "It is computed beside what stands, which is shown until then; that reads %s. The stream does not hold %s any more that were counted: what is new counts users who enter "+
			"from the first day on of which it holds all.%s\n", count(int(d.messages), "message"), count(int(d.lost), "message"), d.stays())
	case d.lost > 0:
		fmt.Fprintf(w, "The stream does not hold %s any more that were counted. What stands would go on, and what is new or changed be computed with run --accept-loss only, "+
			"from the %s that there are.%s\n", count(int(d.lost), "message"), count(int(d.messages), "message"), d.stays())
	default:
		fmt.Fprintf(w, "It is computed beside what stands, which is shown until then; that reads %s.%s\n", count(int(d.messages), "message"), d.stays())
	}
}

// stays says that something is not computed again.
func (d *change) stays() string {
	if len(d.Everywhere) > 0 || len(d.Of(catalog.Unchanged)) == 0 {
		return ""
	}
	return " What is unchanged is not computed again."
}
