// Package memstore is a worker's store in memory, for tests: it follows the rules of the tables (of two rows with one key the one
// with the higher version counts, of one version the one written last), and says what the counts of the views are.
// TestSameAsTheEngine holds it against the real engine.
package memstore

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
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
	layouts     map[uint64]string

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

// IsShownBy reports whether a catalog is the one kept.
func (n *Numbers) IsShownBy(_ context.Context, c *catalog.Catalog) (bool, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	return n.catalog != nil && bytes.Equal(n.catalog.Definition(), c.Definition()) && slices.EqualFunc(n.catalog.Metrics, c.Metrics, func(a, b catalog.Metric) bool {
		return reflect.DeepEqual(a.Governance, b.Governance)
	}), nil
}

// Catalog returns the catalog that shows the numbers, nil when none does.
func (n *Numbers) Catalog() *catalog.Catalog {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	return n.catalog
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
