// Package memstore is a worker's store in memory, for tests: it follows the rules of the tables (of two rows with one key the one
// with the higher version counts, of one version the one written last), and says what the counts of the views are.
// TestSameAsTheEngine holds it against the real engine.
package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
)

// Store is a worker.Store in memory. The zero Store is empty and ready for use.
type Store struct {
	mu          sync.Mutex
	generations map[uint32]*Numbers
	force       uint32 // the generation in force
	newest      uint32 // the largest generation that was begun
	beside      uint32 // the generation that is computed beside; 0: none is
	edges       []int64
	voices      map[VoiceKey]worker.Voice

	// Forget are the sequences of the messages that have the user of a token forgotten: once a checkpoint covers one, the rows of that
	// user up to it are deleted, as the command forget does. It is set before the store is used.
	Forget map[string][]uint64
}

// Numbers are the rows of one generation. Reading its fields is for when nobody writes.
type Numbers struct {
	store      *Store
	generation uint32
	source     []byte
	plan       worker.Plan
	catalog    *catalog.Catalog

	Cells     map[CellKey]Cell
	Users     map[UserKey]User
	Forgotten map[ForgottenKey]worker.Forgotten
	Names     map[NameKey]uint64 // versions
	Days      map[calendar.Day]int64
	Newest    map[uint16]worker.Checkpoint // by partition
	Progress  map[uint16]worker.Progress   // by partition
}

// CellKey is what tells cells apart.
type CellKey struct {
	Kind, Name, Segment, Value string
	CohortStart                time.Time
	Window                     string
	Stage                      uint8
	Bucket                     time.Time
	Partition                  uint16
}

// Cell is the rest of a cell's row.
type Cell struct {
	BucketEnd, Day                   time.Time
	N, Active, Adopters, NewAdopters int64
	Ages                             []uint16
	Counts, Sums                     []uint64
	Version                          uint64
}

// UserKey is what tells users apart.
type UserKey struct {
	Partition uint16
	ID        string
}

// User is the rest of a user's row.
type User struct {
	Facts       string
	LastSeen    int64
	EnteredAt   []int64
	CohortStart []time.Time
	Segments    []map[string]string
	ReachedAt   []int64
	Steps       []uint64
	StepTimes   [][]int64
	Excluded    bool
	Version     uint64
}

// ForgottenKey is what tells users who were forgotten apart.
type ForgottenKey struct {
	Partition uint16
	Token     string
	Sequence  uint64
}

// VoiceKey is what tells voices apart.
type VoiceKey struct {
	Definition    string
	StreamCreated int64
	Partitions    uint16
	Sequence      uint64
}

// NameKey is what tells names apart.
type NameKey struct {
	Partition    uint16
	Scope, Value string
}

var (
	_ worker.Store   = (*Store)(nil)
	_ worker.Numbers = (*Numbers)(nil)
)

// Generation returns the generation in force.
func (s *Store) Generation(context.Context) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.force, nil
}

// Begin puts the next generation in force.
func (s *Store) Begin(context.Context, time.Time) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest++
	s.force, s.beside = s.newest, 0
	return s.force, nil
}

// Beside returns the generation that is computed beside.
func (s *Store) Beside(context.Context) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beside, nil
}

// BeginBeside begins the next generation beside.
func (s *Store) BeginBeside(ctx context.Context, source []byte, c *catalog.Catalog, plan worker.Plan, now time.Time) (uint32, error) {
	s.mu.Lock()
	s.newest++
	generation := s.newest
	s.mu.Unlock()
	n := s.numbers(generation)
	n.plan = plan
	if err := n.SaveSource(ctx, source, now); err != nil {
		return 0, err
	}
	if err := n.SaveCatalog(ctx, c, now); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beside = max(s.beside, generation)
	return s.beside, nil
}

// EndBeside ends what is computed beside.
func (s *Store) EndBeside(context.Context, time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest++
	s.beside = 0
	return nil
}

// PutInForce puts a generation in force that is not older than the one that is.
func (s *Store) PutInForce(_ context.Context, generation uint32, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.force = max(s.force, generation); s.beside <= s.force {
		s.beside = 0
	}
	return nil
}

// In returns the numbers of a generation.
func (s *Store) In(generation uint32) worker.Numbers { return s.numbers(generation) }

func (s *Store) numbers(generation uint32) *Numbers {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locked(generation)
}

func (s *Store) locked(generation uint32) *Numbers {
	if n := s.generations[generation]; n != nil {
		return n
	}
	n := newNumbers(s, generation, map[CellKey]Cell{})
	if s.generations == nil {
		s.generations = map[uint32]*Numbers{}
	}
	s.generations[generation] = n
	return n
}

func newNumbers(s *Store, generation uint32, cells map[CellKey]Cell) *Numbers {
	return &Numbers{
		store: s, generation: generation, Cells: cells, Users: map[UserKey]User{}, Forgotten: map[ForgottenKey]worker.Forgotten{}, Names: map[NameKey]uint64{},
		Days: map[calendar.Day]int64{}, Newest: map[uint16]worker.Checkpoint{}, Progress: map[uint16]worker.Progress{},
	}
}

// InForce returns the numbers of the generation in force.
func (s *Store) InForce() *Numbers {
	generation, _ := s.Generation(context.Background()) // never fails
	return s.In(generation).(*Numbers)
}

// SaveSource keeps the catalog file.
func (n *Numbers) SaveSource(_ context.Context, source []byte, _ time.Time) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	n.source = slices.Clone(source)
	return nil
}

// Source returns the catalog file.
func (n *Numbers) Source(context.Context) ([]byte, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	return n.source, nil
}

// Plan returns how the generation comes by its numbers.
func (n *Numbers) Plan(context.Context) (worker.Plan, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	return n.plan, nil
}

// CopyCalendar takes over days.
func (n *Numbers) CopyCalendar(_ context.Context, from ...uint32) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for _, generation := range from {
		maps.Copy(n.Days, n.store.locked(generation).Days)
	}
	return nil
}

// generations are those under which cells stand.
func (n *Numbers) generations() map[uint32]bool {
	all := map[uint32]bool{n.generation: true}
	for _, generation := range n.plan.Origins {
		all[generation] = true
	}
	return all
}

// origin returns the generation under which a cell of the numbers stands.
func (n *Numbers) origin(kind, name string) uint32 {
	switch kind {
	case "volume":
		return n.plan.Origins.Of(worker.VolumesOrigin, n.generation)
	case "entry":
		return n.plan.Origins.Of(worker.CohortOrigin(name), n.generation)
	default:
		return n.plan.Origins.Of(worker.MetricOrigin(name), n.generation)
	}
}

// Counted are the cells that count, wherever they stand.
func (n *Numbers) Counted() map[CellKey]Cell {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	out := map[CellKey]Cell{}
	for generation := range n.generations() {
		for k, c := range n.store.locked(generation).Cells {
			if n.origin(k.Kind, k.Name) == generation {
				out[k] = c
			}
		}
	}
	return out
}

// SaveCatalog keeps the catalog.
func (n *Numbers) SaveCatalog(_ context.Context, c *catalog.Catalog, _ time.Time) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	n.catalog = c
	return nil
}

// ChangedDefinitions names what a catalog defines otherwise than the one kept.
func (s *Store) ChangedDefinitions(_ context.Context, c *catalog.Catalog) ([]string, error) {
	n := s.InForce()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.catalog == nil {
		return c.Changed(nil), nil
	}
	return c.Changed(n.catalog.Definition()), nil
}

// WriteAgeEdges keeps the edges.
func (s *Store) WriteAgeEdges(_ context.Context, edges []int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edges = edges
	return nil
}

// newer keeps a row unless the one that is there has a higher version.
func newer[K comparable, R any](rows map[K]R, key K, row R, version func(R) uint64) {
	if there, ok := rows[key]; !ok || version(row) >= version(there) {
		rows[key] = row
	}
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

// Checkpoints returns the checkpoints by partition.
func (n *Numbers) Checkpoints(context.Context) ([]worker.Checkpoint, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	all := slices.SortedFunc(maps.Values(n.Newest), func(a, b worker.Checkpoint) int { return cmp.Compare(a.Partition, b.Partition) })
	for i := range all {
		c := &all[i]
		c.Dead, c.Failures, c.Capped, c.Fingerprints = maps.Clone(c.Dead), maps.Clone(c.Failures), maps.Clone(c.Capped), maps.Clone(c.Fingerprints)
	}
	return all, nil
}

// AsOf returns as_of by partition.
func (n *Numbers) AsOf(context.Context) (map[uint16]int64, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	out := make(map[uint16]int64)
	for id, p := range n.Progress {
		out[id] = p.AsOf
	}
	return out, nil
}

// LoadNames calls name for every name of some partitions.
func (n *Numbers) LoadNames(_ context.Context, partitions []uint16, name func(partition uint16, scope, value string)) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k := range n.Names {
		if slices.Contains(partitions, k.Partition) {
			name(k.Partition, k.Scope, k.Value)
		}
	}
	return nil
}

// LoadUsers calls user for every user of some partitions.
func (n *Numbers) LoadUsers(_ context.Context, partitions []uint16, user func(partition uint16, id, facts []byte, version uint64) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	var id, facts []byte
	for k, u := range n.Users {
		if !slices.Contains(partitions, k.Partition) {
			continue
		}
		id, facts = append(id[:0], k.ID...), append(facts[:0], u.Facts...) // valid during the call only
		if err := user(k.Partition, id, facts, u.Version); err != nil {
			return err
		}
	}
	return nil
}

// LoadEntered calls user for users who entered a cohort before a time.
func (n *Numbers) LoadEntered(_ context.Context, partitions []uint16, cohort int, before int64, user func(partition uint16, id []byte)) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k, u := range n.Users {
		if slices.Contains(partitions, k.Partition) && cohort < len(u.EnteredAt) && u.EnteredAt[cohort] > 0 && u.EnteredAt[cohort] < before {
			user(k.Partition, []byte(k.ID))
		}
	}
	return nil
}

// PageUsers calls user for the first users of a page.
func (n *Numbers) PageUsers(_ context.Context, page worker.Page, user func(id, facts []byte, version uint64) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	var ids []string
	for k := range n.Users {
		if k.Partition == page.Partition && k.ID > page.Above && (page.UpTo == "" || k.ID <= page.UpTo) {
			ids = append(ids, k.ID)
		}
	}
	slices.Sort(ids)
	for _, id := range ids[:min(page.Limit, len(ids))] {
		u := n.Users[UserKey{page.Partition, id}]
		if err := user([]byte(id), []byte(u.Facts), u.Version); err != nil {
			return err
		}
	}
	return nil
}

// ReadUsers calls user for users of some partitions who are named.
func (n *Numbers) ReadUsers(_ context.Context, named []worker.Named, user func(partition uint16, id, facts []byte, version uint64) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k, u := range n.Users {
		of := func(w worker.Named) bool {
			return w.Partition == k.Partition && (slices.Contains(w.IDs, k.ID) ||
				slices.ContainsFunc(w.Tokens, func(beginning string) bool { return strings.HasPrefix(event.Token(k.ID), beginning) }))
		}
		if !slices.ContainsFunc(named, of) {
			continue
		}
		if err := user(k.Partition, []byte(k.ID), []byte(u.Facts), u.Version); err != nil {
			return err
		}
	}
	return nil
}

// LoadForgotten calls user for every user of some partitions who was forgotten.
func (n *Numbers) LoadForgotten(_ context.Context, partitions []uint16, user func(worker.Forgotten) error) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for k, f := range n.Forgotten {
		if !slices.Contains(partitions, k.Partition) {
			continue
		}
		if err := user(f); err != nil {
			return err
		}
	}
	return nil
}

// Purged returns nothing: nobody purges.
func (n *Numbers) Purged(context.Context) ([]uint64, error) { return nil, nil }

// LoadVolumes calls cell for every event volume whose hour ends after a time.
func (n *Numbers) LoadVolumes(_ context.Context, after map[uint16]int64, cell func(uint16, worker.StoredCell)) error {
	n.each(func(k CellKey, c Cell) bool {
		from, ok := after[k.Partition]
		return ok && k.Kind == "volume" && c.BucketEnd.Unix() > max(from, 0)
	}, cell)
	return nil
}

// LoadCells calls cell for every cell but volumes and those whose window ends at or before a time.
func (n *Numbers) LoadCells(_ context.Context, after map[uint16]int64, cell func(uint16, *worker.WholeCell)) error {
	open := func(k CellKey, c Cell) bool {
		from, ok := after[k.Partition]
		windowed := k.Kind == "window" || k.Kind == "trailing"
		return ok && k.Kind != "volume" && (!windowed || c.BucketEnd.Unix() > max(from, 0))
	}
	n.each(open, func(p uint16, c worker.StoredCell) {
		row := n.store.locked(c.Generation).Cells[CellKey{c.Kind, c.Name, c.Segment, c.Value, c.CohortStart, c.Window, c.Stage, c.Bucket, p}]
		whole := worker.WholeCell{StoredCell: c, Active: row.Active, Adopters: row.Adopters, NewAdopters: row.NewAdopters}
		for i, age := range row.Ages {
			whole.Ages = append(whole.Ages, cohort.AgeCount{Bucket: age, N: int32(row.Counts[i]), SumMs: int64(row.Sums[i])})
		}
		cell(p, &whole)
	})
	return nil
}

// LoadAhead calls cell for every other cell of a version above a sequence.
func (n *Numbers) LoadAhead(_ context.Context, seqs map[uint16]uint64, cell func(uint16, worker.StoredCell)) error {
	n.each(func(k CellKey, c Cell) bool {
		seq, ok := seqs[k.Partition]
		return ok && k.Kind != "volume" && c.Version > seq
	}, cell)
	return nil
}

// CountCells counts cells of a kind.
func (n *Numbers) CountCells(_ context.Context, partitions []uint16, kind string) (map[uint16]int, error) {
	counts := map[uint16]int{}
	is := func(k CellKey, c Cell) bool {
		return k.Kind == kind && c.N != 0 && slices.Contains(partitions, k.Partition)
	}
	n.each(is, func(partition uint16, _ worker.StoredCell) { counts[partition]++ })
	return counts, nil
}

func (n *Numbers) each(is func(CellKey, Cell) bool, cell func(uint16, worker.StoredCell)) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	for generation := range n.generations() {
		n.store.locked(generation).eachOwn(is, cell)
	}
}

func (n *Numbers) eachOwn(is func(CellKey, Cell) bool, cell func(uint16, worker.StoredCell)) {
	for k, c := range n.Cells {
		if is(k, c) {
			cell(k.Partition, worker.StoredCell{
				Generation: n.generation, Kind: k.Kind, Name: k.Name, Segment: k.Segment, Value: k.Value, Window: k.Window, CohortStart: k.CohortStart,
				Stage: k.Stage, Bucket: k.Bucket, N: c.N, Version: c.Version,
			})
		}
	}
}

// HasLeftovers reports whether there are users, cells or names.
func (n *Numbers) HasLeftovers(context.Context) (bool, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	return len(n.Cells)+len(n.Users)+len(n.Names) > 0, nil
}

// DropEarlier forgets earlier generations.
func (n *Numbers) DropEarlier(context.Context) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	kept := n.generations()
	for generation, other := range n.store.generations {
		switch {
		case generation >= n.generation:
		case kept[generation]:
			*other = *newNumbers(n.store, generation, other.Cells)
		default:
			delete(n.store.generations, generation)
		}
	}
	return nil
}
