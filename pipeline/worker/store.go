package worker

import (
	"context"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stream"
)

// Store is where a worker keeps what it computes. Everything computed belongs to a generation, and only the largest counts: so
// whatever is begun anew takes effect with one row, and a worker that has not heard of it writes where nobody reads. A Store is
// safe for concurrent use. Its errors are passing ones (package trouble) unless they say otherwise.
type Store interface {
	// Generation returns the generation in force, 0 when there is none yet.
	Generation(ctx context.Context) (uint32, error)
	// Begin puts a new generation in force, which holds nothing, and returns it: or another that began at the same moment.
	Begin(ctx context.Context, now time.Time) (uint32, error)
	// In returns the numbers of one generation.
	In(generation uint32) Numbers

	// Beside returns the generation that is computed beside the one in force, 0 when none is.
	Beside(ctx context.Context) (uint32, error)
	// BeginBeside begins a generation beside the one in force, in place of another, from a catalog file. It holds nothing but the
	// catalog.
	BeginBeside(ctx context.Context, source []byte, c *catalog.Catalog, plan Plan, now time.Time) (uint32, error)
	// EndBeside has no generation computed beside any more.
	EndBeside(ctx context.Context, now time.Time) error
	// PutInForce puts a generation in force that was computed beside, with its catalog.
	PutInForce(ctx context.Context, generation uint32, now time.Time) error

	// ChangedDefinitions names what a catalog defines otherwise than the one in force.
	ChangedDefinitions(ctx context.Context, c *catalog.Catalog) ([]string, error)
	// LoadLayouts calls layout for every layout of users' facts that is stored, of whatever generation (facts.Layouts).
	LoadLayouts(ctx context.Context, layout func(name uint64, text string) error) error
	// WriteLayout stores a layout, by its name. Users are stored by it afterwards.
	WriteLayout(ctx context.Context, name uint64, text string) error
	// WriteAgeEdges writes the upper edges (ms) of the age buckets.
	WriteAgeEdges(ctx context.Context, edges []int64) error
	// NotePurged notes messages, by sequence, that were purged from the stream for users who were forgotten before anything was stored
	// here, unless they are noted already: see Numbers.Purged.
	NotePurged(ctx context.Context, sequences []uint64) error
}

// Numbers is what a Store holds of one generation. Every row is absolute and versioned: of two rows with one key the one with the
// higher version counts, of one version the one written last. So a write that may or may not have arrived, in whole or in part, is
// made again. A write that returned is seen by every read that begins after it.
type Numbers interface {
	// SaveSource keeps the catalog file that the generation computes.
	SaveSource(ctx context.Context, source []byte, now time.Time) error
	// Source returns that file, nil when it is not known: an earlier version kept none.
	Source(ctx context.Context) ([]byte, error)
	// Plan returns how the generation comes by its numbers, as it was begun.
	Plan(ctx context.Context) (Plan, error)
	// CopyCalendar takes over the local days of other generations.
	CopyCalendar(ctx context.Context, from ...uint32) error
	// SaveCatalog makes a catalog the one that shows the numbers, as of now, unless it is already.
	SaveCatalog(ctx context.Context, c *catalog.Catalog, now time.Time) error
	// IsShownBy reports whether a catalog is the one that shows the numbers.
	IsShownBy(ctx context.Context, c *catalog.Catalog) (bool, error)

	WriteNames(ctx context.Context, names []Name) error
	// WriteCalendar writes the first instants (Unix seconds) of local days.
	WriteCalendar(ctx context.Context, starts map[calendar.Day]int64) error
	WriteCells(ctx context.Context, rows ...*CellRows) error
	// WriteForgotten writes what is kept of users who were forgotten.
	WriteForgotten(ctx context.Context, rows []Forgotten) error
	// WriteVoices writes what people said.
	WriteVoices(ctx context.Context, rows []Voice) error
	WriteUsers(ctx context.Context, rows ...*UserRows) error
	// WriteCheckpoints is the last write of a flush: what a checkpoint covers is stored.
	WriteCheckpoints(ctx context.Context, checkpoints ...Checkpoint) error
	// WriteProgress writes how far partitions are, now. as_of never goes back: of two rows the one with the larger counts.
	WriteProgress(ctx context.Context, now time.Time, progress []Progress) error

	// Checkpoints returns the newest checkpoint of every partition that has one, by partition.
	Checkpoints(ctx context.Context) ([]Checkpoint, error)
	// AsOf returns the stored as_of (ms) of every partition that has one.
	AsOf(ctx context.Context) (map[uint16]int64, error)
	// LoadNames calls name for every name of some partitions.
	LoadNames(ctx context.Context, partitions []uint16, name func(partition uint16, scope, value string)) error
	// LoadUsers calls user for every user of some partitions, in no particular order. id and facts are valid during the call only.
	LoadUsers(ctx context.Context, partitions []uint16, user func(partition uint16, id, facts []byte, version uint64) error) error
	// ReadUsers calls user for users of some partitions who are named, those of whom there is none left out, in no particular order: for
	// one who is named by id and by token perhaps twice. id and facts are valid during the call only.
	ReadUsers(ctx context.Context, named []Named, user func(partition uint16, id, facts []byte, version uint64) error) error
	// PageUsers calls user for the first users of a page, in the order of ids. id and facts are valid during the call only.
	PageUsers(ctx context.Context, page Page, user func(id, facts []byte, version uint64) error) error
	// LoadEntered calls user for every user of some partitions who entered a cohort, by its place in the catalog that is computed, before a
	// time (ms). id is valid during the call only.
	LoadEntered(ctx context.Context, partitions []uint16, cohort int, before int64, user func(partition uint16, id []byte)) error
	// LoadForgotten calls user for what is kept of every user of some partitions who was forgotten.
	LoadForgotten(ctx context.Context, partitions []uint16, user func(Forgotten) error) error
	// Purged returns the sequences of messages that were purged from the stream for users who were forgotten, before this generation
	// began, ascending: it never received them, and they are not missed.
	Purged(ctx context.Context) ([]uint64, error)
	// LoadVolumes calls cell for every event volume of partitions whose hour ends after a time (Unix seconds), given by partition.
	LoadVolumes(ctx context.Context, after map[uint16]int64, cell func(partition uint16, c StoredCell)) error
	// LoadCells calls cell for every cell of partitions that an event may still change: all but event volumes and those whose window ends
	// at or before a time (Unix seconds), given by partition. The cell is valid during the call only.
	LoadCells(ctx context.Context, after map[uint16]int64, cell func(partition uint16, c *WholeCell)) error
	// LoadAhead calls cell for every cell of partitions whose version is above a sequence, given by partition, event volumes aside.
	LoadAhead(ctx context.Context, seqs map[uint16]uint64, cell func(partition uint16, c StoredCell)) error
	// CountCells returns how many cells of a kind that count anybody each of some partitions has, nothing for those that have none.
	CountCells(ctx context.Context, partitions []uint16, kind string) (map[uint16]int, error)

	// HasLeftovers reports whether users, cells or names are stored: without checkpoints they are of no use.
	HasLeftovers(ctx context.Context) (bool, error)
	// DropEarlier deletes what belongs to generations before this one. Nobody reads it any more, but it takes room.
	DropEarlier(ctx context.Context) error
}

// Named names users of one partition.
type Named struct {
	Partition uint16
	IDs       []string
	Tokens    []string // the beginnings of tokens: all users are meant who have one of them. Looking for them takes longer
}

// Page is some users of one partition: those whose ids, as bytes, are above one and at most another.
type Page struct {
	Partition   uint16
	Above, UpTo string // UpTo is empty where there is no last one
	Limit       int    // how many, at most
}

// Letters is where messages go that were refused, each once: *stream.DeadLetters is one.
type Letters interface {
	// Send stores letters. One that is there already is left.
	Send(ctx context.Context, letters []stream.DeadLetter) error
	// SentAfter returns the letters that are stored after a sequence of theirs.
	SentAfter(ctx context.Context, seq uint64) (stream.Sent, error)
	// Last returns the last sequence of theirs that is known to be stored.
	Last() uint64
}

// Identity is what numbers belong to: other numbers cannot continue them.
type Identity struct {
	StreamCreated  int64 // ms
	Partitions     uint16
	DefinitionHash string
}

// Checkpoint is the position of one partition and every account that must survive with it. Its version is AppliedSeq.
type Checkpoint struct {
	Identity
	Partition     uint16
	AppliedSeq    uint64
	ArrivalClock  int64 // ms, 0 before the first message
	StreamClock   int64 // largest received time (ms) of all messages of the stream up to AppliedSeq, of whatever partition
	FirstReceived int64 // ms, 0 before the first message
	Received      uint64
	Applied       uint64
	Ignored       uint64
	Missed        uint64 // of the stream as a whole, in partition 0
	Clamped       uint64
	Misrouted     uint64            // applied under a token that is not that of their user
	Dead          map[string]uint64 // by reason
	Failures      map[string]uint64 // by selector
	Capped        map[string]uint64 // by cap
	DeadSeq       uint64            // last sequence of the dead-letter stream when written
	Fingerprints  map[uint64]uint64 // of a few messages of the partition, by sequence
	Cells         uint8             // whether the cells that are stored are all that users give; see wholeCells

	unjoined bool // of the generation that the worker joins: its own has none of the partition yet
}

// CellRows are cells of one partition at one sequence, by column: what the columns mean stands with the table cells.
type CellRows struct {
	Kind, Name, Segment, Value, Window []string
	CohortStart, Day                   []time.Time
	Stage                              []uint8
	Bucket, BucketEnd                  []time.Time
	N, Active, Adopters, NewAdopters   []int64
	Ages                               [][]uint16
	Counts, Sums                       [][]uint64
	Partition                          uint16
	Version                            uint64
	Generation                         []uint32 // under which each stands; 0, or none at all: that of the numbers it is written to
}

// Len returns the number of rows.
func (r *CellRows) Len() int { return len(r.Kind) }

// Slice returns some of the rows.
func (r *CellRows) Slice(from, to int) *CellRows {
	s := &CellRows{
		Kind: r.Kind[from:to], Name: r.Name[from:to], Segment: r.Segment[from:to], Value: r.Value[from:to], Window: r.Window[from:to],
		CohortStart: r.CohortStart[from:to], Day: r.Day[from:to], Stage: r.Stage[from:to], Bucket: r.Bucket[from:to], BucketEnd: r.BucketEnd[from:to],
		N: r.N[from:to], Active: r.Active[from:to], Adopters: r.Adopters[from:to], NewAdopters: r.NewAdopters[from:to],
		Ages: r.Ages[from:to], Counts: r.Counts[from:to], Sums: r.Sums[from:to], Partition: r.Partition, Version: r.Version,
	}
	if len(r.Generation) > 0 {
		s.Generation = r.Generation[from:to]
	}
	return s
}

// UserRows are users of one partition, by column: what the columns mean stands with the table users.
type UserRows struct {
	UserID      []string
	Facts       []string
	LastSeen    []int64
	EnteredAt   [][]int64
	CohortStart [][]time.Time
	Segments    [][]map[string]string
	ReachedAt   [][]int64
	Steps       [][]uint64
	StepTimes   [][][]int64
	Excluded    []bool
	Version     []uint64
	Partition   uint16
}

// Len returns the number of rows.
func (r *UserRows) Len() int { return len(r.UserID) }

// Slice returns some of the rows.
func (r *UserRows) Slice(from, to int) *UserRows {
	return &UserRows{
		UserID: r.UserID[from:to], Facts: r.Facts[from:to], LastSeen: r.LastSeen[from:to], EnteredAt: r.EnteredAt[from:to], CohortStart: r.CohortStart[from:to],
		Segments: r.Segments[from:to], ReachedAt: r.ReachedAt[from:to], Steps: r.Steps[from:to], StepTimes: r.StepTimes[from:to], Excluded: r.Excluded[from:to],
		Version: r.Version[from:to], Partition: r.Partition,
	}
}

// Name is a value that a cap admitted.
type Name struct {
	Partition    uint16
	Scope, Value string
	Version      uint64
}

// StoredCell is what recovery reads of a cell.
type StoredCell struct {
	Kind, Name, Segment, Value, Window string
	CohortStart                        time.Time
	Stage                              uint8
	Bucket                             time.Time
	N                                  int64
	Version                            uint64
	Generation                         uint32 // under which it stands
}

// Progress is how far a partition has got, beside its checkpoint.
type Progress struct {
	Partition uint16
	StreamSeq uint64
	Lag       uint64
	AsOf      int64  // ms
	Worker    string // who says so
}
