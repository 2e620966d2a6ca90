package worker

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/cohort"
	"firstlight/pipeline/stream"
)

// open returns the checkpoint of every partition, new ones where nothing is stored.
func (w *Worker) open(ctx context.Context) ([]Checkpoint, error) {
	info, err := w.Events.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the stream's state: %w", err)
	}
	w.created = info.Created.UnixMilli()
	if err := w.Store.WriteAgeEdges(ctx, cohort.AgeEdges); err != nil {
		return nil, err
	}
	if err := w.awaitStored(ctx); err != nil {
		return nil, err
	}
	if err := w.chooseGeneration(ctx); err != nil {
		return nil, err
	}
	checkpoints, err := w.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	id := Identity{StreamCreated: w.created, Partitions: uint16(w.Partitions), DefinitionHash: w.Catalog.Hash()}
	begun, err := w.begun(ctx, checkpoints)
	if err != nil {
		return nil, err
	}
	if !begun {
		return w.begin(ctx, id, info)
	}
	if w.AsStored {
		id.Partitions = checkpoints[0].Partitions
	}
	if err := w.continues(ctx, id, checkpoints); err != nil {
		return nil, err
	}
	return checkpoints, w.saveCatalog(ctx)
}

// saveCatalog has the catalog show the numbers. Of a generation that has begun it is there, and may show less than what is computed.
func (w *Worker) saveCatalog(ctx context.Context) error {
	if w.Generation != 0 {
		return nil
	}
	return w.numbers.SaveCatalog(ctx, w.Catalog, time.Now())
}

// begun reports whether a generation has begun: its first checkpoints may have been written in part, and nothing after them.
func (w *Worker) begun(ctx context.Context, checkpoints []Checkpoint) (bool, error) {
	if len(checkpoints) == 0 || len(checkpoints) >= int(checkpoints[0].Partitions) {
		return len(checkpoints) > 0, nil
	}
	return w.numbers.HasLeftovers(ctx)
}

// begin stores the first checkpoints: from here on, rows belong to this stream and catalog.
func (w *Worker) begin(ctx context.Context, id Identity, info *jetstream.StreamInfo) ([]Checkpoint, error) {
	var checkpoints []Checkpoint
	for i := range w.Partitions {
		checkpoints = append(checkpoints, Checkpoint{Identity: id, Partition: uint16(i), AppliedSeq: beforeFirst(info), Cells: wholeCells})
	}
	if err := w.saveCatalog(ctx); err != nil {
		return nil, err
	}
	purged, err := stream.Purged(ctx, w.Events)
	if err != nil {
		return nil, err
	}
	if err := w.Store.NotePurged(ctx, purged); err != nil {
		return nil, err
	}
	if err := w.numbers.WriteCheckpoints(ctx, checkpoints...); err != nil || w.Positions == nil || w.beside.Load() {
		return checkpoints, err
	}
	return checkpoints, w.notePositions(ctx, checkpoints, true)
}

// continues refuses to go on from checkpoints of another catalog, partition count or stream: frozen or mixed numbers are worse
// than none.
func (w *Worker) continues(ctx context.Context, id Identity, checkpoints []Checkpoint) error {
	if err := w.sameDefinition(ctx, id, checkpoints); err != nil {
		return err
	}
	return w.sameHistory(ctx, checkpoints)
}

// sameDefinition returns a *Refusal when the stored numbers are of another catalog or partition count.
func (w *Worker) sameDefinition(ctx context.Context, id Identity, checkpoints []Checkpoint) error {
	stored := checkpoints[0]
	switch {
	case stored.DefinitionHash != id.DefinitionHash:
		changed, err := w.Store.ChangedDefinitions(ctx, w.Catalog)
		if err != nil {
			return err
		}
		return &Refusal{fmt.Sprintf("the catalog defines other numbers than those stored (%s): %s, or restore the definition", strings.Join(changed, "; "), rebuildAdvice)}
	case stored.Partitions != id.Partitions:
		return &Refusal{fmt.Sprintf("FIRSTLIGHT_PARTITIONS is %d but the stored numbers have %d partitions: set it to %d, or %s", id.Partitions, stored.Partitions, stored.Partitions, rebuildAdvice)}
	case len(checkpoints) != int(stored.Partitions):
		return &Refusal{fmt.Sprintf("%d of %d partitions have a checkpoint: %s", len(checkpoints), stored.Partitions, rebuildAdvice)}
	}
	return nil
}

// sameHistory returns a *Refusal when the checkpoints are of another stream, or of other messages than those it holds.
func (w *Worker) sameHistory(ctx context.Context, checkpoints []Checkpoint) error {
	known := past{created: checkpoints[0].StreamCreated, prints: map[uint64]uint64{}}
	received := uint64(0)
	for _, c := range checkpoints {
		known.read, received = max(known.read, c.AppliedSeq), received+c.Received
		maps.Copy(known.prints, c.Fingerprints)
	}
	info, err := agreed(ctx, known.read, w.state) // asked now: another worker may have stored more than the stream held before
	if err != nil {
		return err
	}
	proven, err := known.belongs(ctx, w.Events, info)
	if err == nil && received > 0 {
		w.sayProven(proven, info)
	}
	return err
}

// sayProven says once that only a stream's creation time and sequences tell that it is the one read so far.
func (w *Worker) sayProven(proven bool, info *jetstream.StreamInfo) {
	if !proven && !w.unproven {
		w.Log.Warn("none of the messages by which the stream is known is left in it: its creation time and sequences decide that the numbers are its own",
			zap.String("stream", info.Config.Name), zap.Time("created", info.Created), zap.Uint64("first", info.State.FirstSeq), zap.Uint64("last", info.State.LastSeq))
	}
	w.unproven = !proven
}
