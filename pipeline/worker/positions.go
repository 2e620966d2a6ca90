package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"firstlight/pipeline/trouble"
)

// Where the store is several servers that are replicas, one may be asked that has not got yet, or has lost, what another has stored.
// So workers say in a register outside of it up to which message each partition is stored. Whoever finds less in the store waits: going
// on from there would compute what has been computed, beside rows that are newer.

// positions is up to where partitions of a generation are stored at least.
type positions struct {
	Generation uint32   `json:"generation"`
	Stored     []uint64 `json:"stored"` // by partition
}

// note takes over what was stored, and reports whether that was new. What belongs to an earlier generation is not.
func (p *positions) note(generation uint32, checkpoints []Checkpoint) (changed bool) {
	if generation < p.Generation {
		return false
	}
	if generation > p.Generation {
		*p, changed = positions{Generation: generation}, true
	}
	for i := range checkpoints {
		c := &checkpoints[i]
		for len(p.Stored) < int(c.Partitions) {
			p.Stored, changed = append(p.Stored, 0), true
		}
		if c.AppliedSeq > p.Stored[c.Partition] {
			p.Stored[c.Partition], changed = c.AppliedSeq, true
		}
	}
	return changed
}

// behind says what checkpoints of a generation lack, empty when nothing.
func (p *positions) behind(generation uint32, checkpoints []Checkpoint) string {
	if generation != p.Generation {
		if generation > p.Generation {
			return ""
		}
		return fmt.Sprintf("it holds generation %d of the numbers, and workers stored generation %d", generation, p.Generation)
	}
	has := map[uint16]uint64{}
	for i := range checkpoints {
		has[checkpoints[i].Partition] = checkpoints[i].AppliedSeq
	}
	for partition, stored := range p.Stored {
		if applied := has[uint16(partition)]; applied < stored {
			return fmt.Sprintf("it holds partition %d up to message %d, and workers stored it up to %d", partition, applied, stored)
		}
	}
	return ""
}

// readPositions returns what stands in the register, and its revision.
func (w *Worker) readPositions(ctx context.Context) (p positions, revision uint64, err error) {
	entry, err := w.Positions.Read(ctx)
	if err != nil || entry.Revision == 0 {
		return p, entry.Revision, err
	}
	if err := json.Unmarshal(entry.Data, &p); err != nil {
		w.Log.Warn("what stood where the positions of partitions belong is replaced", zap.String("at", w.Positions.Name()), zap.Error(err))
		return positions{}, entry.Revision, nil
	}
	return p, entry.Revision, nil
}

// notePositions says what was stored, after it was. What was said of another generation goes when this one begins: after a database was
// emptied generations may count from the start.
func (w *Worker) notePositions(ctx context.Context, checkpoints []Checkpoint, begins bool) error {
	w.noting.Lock()
	defer w.noting.Unlock()
	for range tries {
		p, revision, err := w.readPositions(ctx)
		if err != nil {
			return err
		}
		if begins && p.Generation != w.generation {
			p = positions{}
		}
		if !p.note(w.generation, checkpoints) {
			return nil
		}
		data, err := json.Marshal(p)
		if err != nil {
			panic("BUG: positions cannot be encoded: " + err.Error())
		}
		if written, err := w.Positions.Write(ctx, data, revision); written || err != nil {
			return err
		}
	}
	return fmt.Errorf("write %s: others were faster %d times", w.Positions.Name(), tries)
}

// errLacking is that the store has less than workers have stored.
var errLacking = errors.New("the ClickHouse server is behind")

// lacking returns errLacking when the store has less than workers have stored.
func (w *Worker) lacking(ctx context.Context) error {
	if w.Positions == nil {
		return nil
	}
	w.noting.Lock()
	p, _, err := w.readPositions(ctx) // before the store is read: what is said later may be stored later
	w.noting.Unlock()
	if err != nil {
		return trouble.At(trouble.NATS, err)
	}
	generation, err := w.Store.Generation(ctx)
	if err != nil {
		return err
	}
	checkpoints, err := w.Store.In(generation).Checkpoints(ctx)
	if err != nil {
		return err
	}
	if what := p.behind(generation, checkpoints); what != "" {
		return fmt.Errorf("%w: %s; waiting until it has got that from its replicas. If ClickHouse was restored to an earlier state or emptied, "+
			"delete %s, or start with --rebuild", errLacking, what, w.Positions.Name())
	}
	return nil
}

// awaitStored waits until the store has what workers have stored. A rebuild needs nothing of it.
func (w *Worker) awaitStored(ctx context.Context) error {
	if w.Positions == nil || w.Rebuild {
		return nil
	}
	err := w.Trouble.Retry(ctx, trouble.ClickHouse, "what workers stored before", func() error { return w.lacking(ctx) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
