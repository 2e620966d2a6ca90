package memstore

// What is written of numbers in memory: the newest version of a row counts.

import (
	"context"
	"maps"
	"slices"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
)

// newer keeps a row unless the one that is there has a higher version.
func newer[K comparable, R any](rows map[K]R, key K, row R, version func(R) uint64) {
	if there, ok := rows[key]; !ok || version(row) >= version(there) {
		rows[key] = row
	}
}

// WriteLayout keeps a layout.
func (s *Store) WriteLayout(_ context.Context, name uint64, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layouts == nil {
		s.layouts = map[uint64]string{}
	}
	s.layouts[name] = text
	return nil
}

// WriteNames keeps names.
func (n *Numbers) WriteNames(_ context.Context, names []worker.Name) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, name := range names {
		newer(n.Names, NameKey{name.Partition, name.Scope, name.Value}, name.Version, func(v uint64) uint64 { return v })
	}
	return nil
}

// WriteCalendar keeps the starts of days.
func (n *Numbers) WriteCalendar(_ context.Context, starts map[calendar.Day]int64) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	maps.Copy(n.Days, starts)
	return nil
}

// WriteCells keeps cells.
func (n *Numbers) WriteCells(_ context.Context, rows ...*worker.CellRows) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, r := range rows {
		for i := range r.Len() {
			k := CellKey{r.Kind[i], r.Name[i], r.Segment[i], r.Value[i], r.CohortStart[i], r.Window[i], r.Stage[i], r.Bucket[i], r.Partition}
			under := n
			if len(r.Generation) > 0 && r.Generation[i] != 0 {
				under = n.store.locked(r.Generation[i])
			}
			newer(under.Cells, k, Cell{
				r.BucketEnd[i], r.Day[i], r.N[i], r.Active[i], r.Adopters[i], r.NewAdopters[i],
				slices.Clone(r.Ages[i]), slices.Clone(r.Counts[i]), slices.Clone(r.Sums[i]), r.Version,
			}, func(c Cell) uint64 { return c.Version })
		}
	}
	return nil
}

// WriteUsers keeps users.
func (n *Numbers) WriteUsers(_ context.Context, rows ...*worker.UserRows) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, r := range rows {
		for i := range r.Len() {
			newer(n.Users, UserKey{r.Partition, r.UserID[i]}, User{
				r.Facts[i], r.LastSeen[i], slices.Clone(r.EnteredAt[i]), slices.Clone(r.CohortStart[i]),
				slices.Clone(r.Segments[i]), slices.Clone(r.ReachedAt[i]), slices.Clone(r.Steps[i]), cloned(r.StepTimes[i]), r.Excluded[i], r.Version[i],
			}, func(u User) uint64 { return u.Version })
		}
	}
	return nil
}

func cloned(lists [][]int64) (out [][]int64) {
	for _, list := range lists {
		out = append(out, slices.Clone(list))
	}
	return out
}

// WriteVoices keeps what people said, which belongs to no generation.
func (n *Numbers) WriteVoices(_ context.Context, rows []worker.Voice) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	if n.store.voices == nil {
		n.store.voices = map[VoiceKey]worker.Voice{}
	}
	for _, v := range rows {
		n.store.voices[VoiceKey{v.Definition, v.StreamCreated, v.Partitions, v.Sequence}] = v
	}
	return nil
}

// WriteForgotten keeps what is kept of users who were forgotten.
func (n *Numbers) WriteForgotten(_ context.Context, rows []worker.Forgotten) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, f := range rows {
		newer(n.Forgotten, ForgottenKey{f.Partition, f.Token, f.Sequence}, f, func(f worker.Forgotten) uint64 { return uint64(f.Version) })
	}
	return nil
}

// WriteCheckpoints keeps checkpoints.
func (n *Numbers) WriteCheckpoints(_ context.Context, checkpoints ...worker.Checkpoint) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, c := range checkpoints {
		c.Dead, c.Failures, c.Capped, c.Fingerprints = maps.Clone(c.Dead), maps.Clone(c.Failures), maps.Clone(c.Capped), maps.Clone(c.Fingerprints)
		newer(n.Newest, c.Partition, c, func(c worker.Checkpoint) uint64 { return c.AppliedSeq })
		n.deleteForgotten(c.Partition, c.AppliedSeq)
	}
	return nil
}

// deleteForgotten deletes the rows of users of a partition who are forgotten as of a sequence.
func (n *Numbers) deleteForgotten(partition uint16, applied uint64) {
	if len(n.store.Forget) == 0 {
		return
	}
	maps.DeleteFunc(n.Users, func(k UserKey, u User) bool {
		return k.Partition == partition && slices.ContainsFunc(n.store.Forget[event.Token(k.ID)], func(sequence uint64) bool {
			return u.Version <= sequence && sequence <= applied
		})
	})
}

// WriteProgress keeps progress.
func (n *Numbers) WriteProgress(_ context.Context, _ time.Time, progress []worker.Progress) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, p := range progress {
		newer(n.Progress, p.Partition, p, func(p worker.Progress) uint64 { return uint64(p.AsOf) })
	}
	return nil
}
