package worker

import (
	"sync/atomic"
	"time"

	"firstlight/pipeline/stream"
)

// What a running worker lets others see, at any time and from any goroutine.

// Observation is the state of a worker as it last reported it.
type Observation struct {
	Recovered  bool          // partitions are loaded and messages are taken
	Alive      time.Time     // when the slowest partition's loop last went round; zero before Recovered
	Reported   time.Time     // when progress was last written to ClickHouse; zero before the first time
	StreamSeq  uint64        // last sequence of the stream at Reported
	Patience   time.Duration // how much longer than usual stored messages may take, because flushes are rare
	CatchingUp bool          // not all that the stream held at the worker's start is stored yet
	Importing  bool          // events of the past are being loaded: of the past, half may be counted
	Partitions []PartitionObservation
	Elsewhere  []Elsewhere // the partitions that do not run here
	Workers    int         // that are there, this one included
	Returned   Returned    // users who were read back since the worker's start
	Unleased   time.Time   // since when the worker may take no messages, because its leases could not be renewed; zero while it may
}

// Elsewhere is a partition that another worker holds, or nobody, or that this one has yet to start.
type Elsewhere struct {
	Partition uint16
	Holder    string // the name of a worker; empty: nobody holds it
	Running   bool   // its holder applies its messages
	Applied   uint64 // sequence up to which it is stored, as its holder last said
	Lag       uint64
	AsOf      int64 // ms
	// StillSince is since when it was not stored any further though messages wait, nobody holds it, or it is being loaded; zero when
	// all is well.
	StillSince time.Time
}

// Returned counts users who were read back.
type Returned struct {
	Users, Batches uint64
	Took           time.Duration // reading them, which batches do one after the other
}

// PartitionObservation is one partition, as of its last flush.
type PartitionObservation struct {
	Accounts  Checkpoint // as stored
	Watermark int64      // ms; meaningless before the first message
	Users     int        // in memory
	Known     int        // users, in memory or not
	Cells     int        // in memory
	Lag       uint64     // stored messages not yet applied
	AsOf      int64      // ms
	// WaitsSince is since when messages wait and none was stored; zero when none waits.
	WaitsSince time.Time
}

// observed is what the worker's goroutines leave behind for Observe.
type observed struct {
	recovered atomic.Bool // messages are taken
	report    atomic.Pointer[report]
	reader    atomic.Pointer[stream.Reader]
	returns   returns
}

type report struct {
	at         time.Time
	rows       []Progress
	last       uint64 // sequence of the stream
	server     int64  // the server's clock, ms
	behind     bool   // messages wait
	stored     uint64 // sequence up to which all partitions are, those of other workers as they last said
	catchingUp bool
}

// held is what a partition holds, as of a flush.
type held struct {
	accounts            Checkpoint
	watermark           int64
	users, known, cells int // users in memory, and all
}

// Observe returns what is known now.
func (w *Worker) Observe() Observation {
	o := Observation{CatchingUp: true}
	if !w.observed.recovered.Load() {
		return o
	}
	o.Recovered, o.Patience = true, intervalsBehind*max(0, w.FlushInterval-time.Second)
	o.Alive, o.Workers, o.Returned = time.Now(), 1, w.observed.returns.counted()
	at := map[uint16]int{}
	for _, l := range w.awake() {
		if alive := time.Unix(0, l.alive.Load()); alive.Before(o.Alive) {
			o.Alive = alive
		}
		h := l.held.Load()
		p := PartitionObservation{Accounts: h.accounts, Watermark: h.watermark, Users: h.users, Known: h.known, Cells: h.cells}
		if waits := l.waits.Load(); waits != nil {
			p.WaitsSince = waits.since
		}
		at[l.id] = len(o.Partitions)
		o.Partitions = append(o.Partitions, p)
	}
	if r := w.observed.report.Load(); r != nil {
		o.Reported, o.CatchingUp, o.Importing = r.at, r.catchingUp, w.importing()
		for _, row := range r.rows {
			if i, ok := at[row.Partition]; ok {
				o.Partitions[i].Lag, o.Partitions[i].AsOf = row.Lag, row.AsOf
			}
		}
		o.StreamSeq = r.last
	}
	if w.sharing != nil {
		w.sharing.observe(&o)
	}
	return o
}

// holds describes the partition for Observe. Only the partition's goroutine calls it.
func (p *partition) holds(accounts Checkpoint) *held {
	return &held{accounts: accounts, watermark: p.watermark(), users: p.users.Len(), known: p.known(), cells: p.cells.Len()}
}
