package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/lease"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// Workers share the partitions: a table in a register says who is there and who holds what (package lease). Every worker renews what
// it holds, takes what nobody holds and is its share, and gives up what is the share of others. Whoever does not renew has lost what
// it held.
//
// Goroutines: one that looks at the table and writes it (sharing.run), so that recovering a partition never keeps a lease from being
// renewed, and one that starts and stops partitions (Worker.move).

// Register is where the table stands, one for each database: *stream.Register is one.
type Register interface {
	// Read returns what stands there.
	Read(ctx context.Context) (stream.Entry, error)
	// Write replaces what stands there where it still has a revision, else it reports false.
	Write(ctx context.Context, data []byte, revision uint64) (bool, error)
	// Name says where the register stands, for people.
	Name() string
}

// sharing is one worker's part in the table.
type sharing struct {
	register Register
	terms    lease.Terms
	log      *zap.Logger
	runs     func() map[uint16]lease.Partition // what this worker runs
	idle     func(uint16) bool                 // it does nothing with a partition
	imports  func() bool                       // it reads events of the past
	changed  chan struct{}                     // what it should run may have changed
	soon     chan struct{}                     // there is something to write

	me         lease.Worker // from here on for who looks; while the loop runs that is the loop alone
	generation uint32
	partitions int
	wrote      time.Time // when it began to renew last; zero before
	patient    time.Time // until then nobody is taken for dead
	modest     time.Time // until then nothing is claimed: those who run it may say so
	foreign    uint64    // the revision of what is no table; 0: there is none
	since      time.Time // when that was seen first

	mu     sync.Mutex
	table  *lease.Table // as seen last; nil before
	at     time.Time    // when that was, by this machine's clock
	until  time.Time    // no other worker takes what this one holds before
	wanted []uint16     // what it should run
	still  map[uint16]still
}

// still is since when a partition of others is not stored any further, though it should be.
type still struct {
	stored uint64
	since  time.Time
}

func newSharing(w *Worker) *sharing {
	terms := lease.Standard
	if w.terms != nil {
		terms = *w.terms
	}
	return &sharing{
		register: w.Register, terms: terms, log: w.Log, runs: w.holdings, idle: func(id uint16) bool { return w.stateOf(id) == idle }, imports: w.importing,
		changed: make(chan struct{}, 1), soon: make(chan struct{}, 1), still: map[uint16]still{},
		me: lease.Worker{ID: rand.Text(), Name: w.Name, Place: processSpace(), PID: os.Getpid(), Definition: w.Catalog.Hash(), Drains: w.Drain},
	}
}

// errOtherCatalog is that a worker that came before computes other numbers.
var errOtherCatalog = errors.New("another worker computes other numbers")

// joinPatience is how long a worker that starts tries to see who else is there.
const joinPatience = 10 * time.Second

// join has the worker be seen, and waits until none that came before computes other numbers. It holds nothing afterwards.
func (s *sharing) join(ctx context.Context, board *trouble.Board) error {
	s.me.Ready, s.generation, s.partitions = false, 0, 0
	said := ""
	for began := time.Now(); ; {
		err := s.look(ctx)
		switch {
		case err == nil:
			board.Report(trouble.NATS, lookingAtLeases, nil)
		case errors.Is(err, lease.ErrForeign):
			board.Report(trouble.NATS, lookingAtLeases, err)
		case time.Since(began) > joinPatience:
			return err
		}
		if err == nil {
			others := s.ahead()
			if len(others) == 0 {
				return nil
			}
			if names := namesOf(others); names != said {
				said = names
				s.log.Warn("another catalog is at work, which defines other numbers: waiting until its workers have stopped", zap.String("workers", names))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.terms.Look):
		}
	}
}

const lookingAtLeases = "the leases of partitions"

func namesOf(workers []lease.Worker) string {
	var names []string
	for _, w := range workers {
		names = append(names, w.Name)
	}
	return strings.Join(names, ", ")
}

// ahead returns the workers that this one waits for.
func (s *sharing) ahead() []lease.Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table == nil {
		return nil
	}
	return s.table.Ahead(&s.me)
}

// begin has the worker take part, with the partitions of a generation.
func (s *sharing) begin(generation uint32, partitions int) {
	s.generation, s.partitions, s.me.Ready = generation, partitions, true
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until.IsZero() {
		s.until = time.Now() // since when it may be without leases
	}
}

// run looks at the table until end is closed. It returns errOtherCatalog where another catalog goes first.
func (s *sharing) run(ctx context.Context, end <-chan struct{}, board *trouble.Board) error {
	tick := time.NewTicker(s.terms.Look)
	defer tick.Stop()
	for {
		err := s.look(ctx)
		if ctx.Err() == nil {
			board.Report(trouble.NATS, lookingAtLeases, err)
		}
		if err == nil && len(s.ahead()) > 0 {
			return errOtherCatalog
		}
		select {
		case <-end:
			board.Forget(trouble.NATS, lookingAtLeases)
			return nil
		case <-tick.C:
		case <-s.soon:
		}
	}
}

// tries bounds how often one look writes a table that others write meanwhile.
const tries = 20

// look reads the table once, and writes it where there is something to say.
func (s *sharing) look(ctx context.Context) error {
	for range tries {
		began := time.Now()
		entry, err := s.register.Read(ctx)
		if err != nil {
			return err
		}
		t, err := s.decode(entry)
		if err != nil {
			return err
		}
		if !s.change(t, entry) {
			s.saw(t, time.Time{})
			return nil
		}
		written, err := s.register.Write(ctx, t.Encode(s.me.ID), entry.Revision)
		if err != nil {
			return err
		}
		if written {
			s.wrote = began
			s.saw(t, began)
			return nil
		}
	}
	return fmt.Errorf("write %s: others were faster %d times", s.register.Name(), tries)
}

// decode returns the table of an entry. What is no table is left alone for as long as a lease holds, for it may be that of another
// version whose workers live, and is replaced then.
func (s *sharing) decode(entry stream.Entry) (*lease.Table, error) {
	if entry.Revision == 0 {
		return &lease.Table{}, nil
	}
	t, err := lease.Decode(entry.Data, entry.At)
	if err == nil && s.me.Ready && !t.Of(s.generation, s.partitions) {
		err = fmt.Errorf("%w: it has %d partitions of generation %d, not %d of %d", lease.ErrForeign, len(t.Partitions), t.Generation, s.partitions, s.generation)
	}
	if err == nil {
		s.foreign = 0
		return t, nil
	}
	if s.foreign != entry.Revision {
		s.foreign, s.since = entry.Revision, time.Now()
	}
	if time.Since(s.since) > s.terms.Time {
		s.log.Warn("what stood where the leases of partitions belong is replaced", zap.String("at", s.register.Name()))
		return &lease.Table{}, nil
	}
	return nil, fmt.Errorf("%s: %w; it is replaced unless it changes within %s", s.register.Name(), err, s.terms.Time)
}

// change makes of the table what this worker wants it to be, and reports whether that has to be written.
func (s *sharing) change(t *lease.Table, entry stream.Entry) bool {
	now := time.Now()
	lost := t.Worker(s.me.ID) == nil
	away := !s.wrote.IsZero() && now.Sub(s.wrote) > s.terms.Time-s.terms.Margin
	if away { // others may have been so as well
		s.patient = now.Add(s.terms.Time)
	}
	if entry.Revision == 0 && !s.wrote.IsZero() { // the table was lost, and others may not know it yet
		s.modest = now.Add(s.terms.Every)
	}
	write := lost || now.Sub(s.wrote) >= s.terms.Every
	before := len(t.Held(s.me.ID))
	s.me.Importing = s.imports()
	t.Renew(s.me, s.generation, s.partitions, s.runs())
	write = write || len(t.Held(s.me.ID)) != before
	if now.After(s.patient) {
		gone := t.Expire(entry.At.Add(-s.terms.Time), s.me.ID, dead)
		for i := range gone {
			s.log.Info("a worker does not renew its leases any more: others do its work", zap.String("worker", gone[i].Name))
		}
		write = write || len(gone) > 0
	}
	if !s.me.Ready || s.generation != t.Generation || len(t.Ahead(&s.me)) > 0 {
		return t.Free(s.me.ID, t.Held(s.me.ID)...) || write
	}
	free := slices.DeleteFunc(t.Surplus(s.me.ID), func(id uint16) bool { return !s.idle(id) })
	write = t.Free(s.me.ID, free...) || write
	if now.After(s.modest) {
		write = t.Claim(s.me.ID) || write
	}
	return write
}

// saw takes in what the table says. renewed is when this worker began to write it, zero where it only read.
func (s *sharing) saw(t *lease.Table, renewed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.table, s.at = t, now
	if !renewed.IsZero() {
		s.until = renewed.Add(s.terms.Time - s.terms.Margin)
	}
	wanted := []uint16{}
	if s.generation == t.Generation {
		surplus := t.Surplus(s.me.ID)
		wanted = slices.DeleteFunc(t.Held(s.me.ID), func(id uint16) bool { return slices.Contains(surplus, id) })
	}
	if !slices.Equal(wanted, s.wanted) && s.me.Ready {
		s.log.Info("this worker's share", zap.Int("partitions", len(wanted)), zap.Int("of", len(t.Partitions)), zap.Int("workers", len(t.Workers)))
	}
	s.wanted = wanted
	s.trackStill(now)
	signal(s.changed)
}

// trackStill takes note of partitions that stand still. The caller holds mu.
func (s *sharing) trackStill(now time.Time) {
	for p := range s.table.Partitions {
		own, id := &s.table.Partitions[p], uint16(p)
		before, known := s.still[id]
		switch {
		case own.Running && own.Lag == 0:
			delete(s.still, id)
		case !known || before.stored != own.Stored:
			s.still[id] = still{own.Stored, now}
		}
	}
	maps.DeleteFunc(s.still, func(id uint16, _ still) bool { return int(id) >= len(s.table.Partitions) })
}

// leased reports whether no other worker takes what this one holds.
func (s *sharing) leased() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until)
}

// said is what the workers last said of each partition.
func (s *sharing) said() []lease.Partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table == nil {
		return nil
	}
	return slices.Clone(s.table.Partitions)
}

// observe adds what the table tells.
func (s *sharing) observe(o *Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().After(s.until) {
		o.Unleased = s.until
	}
	if s.table == nil {
		return
	}
	o.Workers = len(s.table.Workers)
	here := map[uint16]bool{}
	for i := range o.Partitions {
		here[o.Partitions[i].Accounts.Partition] = true
	}
	for p := range s.table.Partitions {
		own, id := &s.table.Partitions[p], uint16(p)
		if here[id] {
			continue
		}
		e := Elsewhere{Partition: id, Running: own.Running, Applied: own.Stored, Lag: own.Lag, AsOf: own.AsOf, StillSince: s.still[id].since}
		if holder := s.table.Worker(own.Holder); holder != nil {
			e.Holder = holder.Name
		}
		o.Elsewhere = append(o.Elsewhere, e)
	}
	for i := range s.table.Workers {
		if w := &s.table.Workers[i]; w.ID != s.me.ID {
			o.Importing = o.Importing || w.Importing
		}
	}
}

// leavePatience bounds how long a worker that ends says so: leases end by themselves.
const leavePatience = time.Second

// leave gives up all that the worker holds, so that others need not wait. Nothing of it may run.
func (s *sharing) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leavePatience)
	defer cancel()
	for range tries {
		entry, err := s.register.Read(ctx)
		if err != nil || entry.Revision == 0 {
			return
		}
		t, err := lease.Decode(entry.Data, entry.At)
		if err != nil || t.Worker(s.me.ID) == nil {
			return
		}
		for id, said := range s.runs() {
			if int(id) < len(t.Partitions) && t.Partitions[id].Holder == s.me.ID {
				t.Partitions[id].Stored, t.Partitions[id].Lag, t.Partitions[id].AsOf = said.Stored, said.Lag, said.AsOf
			}
		}
		t.Remove(s.me.ID)
		if written, err := s.register.Write(ctx, t.Encode(s.me.ID), entry.Revision); written || err != nil {
			return
		}
	}
}

// signal wakes whoever waits at a channel with room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is going to wake
	}
}

// join joins the other workers, where the worker has a register.
func (w *Worker) join(ctx context.Context) error {
	if w.Register == nil {
		return nil
	}
	if w.sharing == nil {
		w.sharing = newSharing(w)
	}
	if w.Rebuild || w.Drain {
		return nil // what is stored decides
	}
	return w.sharing.join(ctx, w.Trouble)
}

// leased reports whether messages may be taken.
func (w *Worker) leased() bool { return w.sharing == nil || w.sharing.leased() }

// holdings is what the worker says of the partitions that it runs.
func (w *Worker) holdings() map[uint16]lease.Partition {
	said := map[uint16]lease.Partition{}
	for _, l := range w.awake() {
		said[l.id] = lease.Partition{Running: true, Stored: l.committed.Load().sequence, AsOf: w.progress.of(l.id)}
	}
	if r := w.observed.report.Load(); r != nil {
		for _, row := range r.rows {
			if p, ok := said[row.Partition]; ok {
				p.Lag = row.Lag
				said[row.Partition] = p
			}
		}
	}
	return said
}

// startAll starts what this worker is to run: its share, which others may change from here on, or all there is.
func (w *Worker) startAll(ctx context.Context, checkpoints []Checkpoint) error {
	s := w.sharing
	if s == nil {
		if err := w.start(ctx, checkpoints, everyPartition(len(checkpoints))...); err != nil {
			return err
		}
		w.group.Go(func() error { return w.startOvertaken(w.taking) })
		return nil
	}
	if err := w.move(ctx); err != nil {
		return err
	}
	w.group.Go(func() error {
		tick := time.NewTicker(s.terms.Every)
		defer tick.Stop()
		for {
			select {
			case <-w.taking.Done():
				return nil
			case <-s.changed:
			case <-w.again:
			case <-tick.C:
			}
			w.tell(w.taking, trouble.ClickHouse, startingPartitions, w.move(w.taking))
		}
	})
	return nil
}

// move stops what is not this worker's share any more or was overtaken, and starts what has become its share.
func (w *Worker) move(ctx context.Context) error {
	s := w.sharing
	s.mu.Lock()
	wanted := slices.Clone(s.wanted)
	s.mu.Unlock()
	lives := w.slots()
	var stop, start []uint16
	for id := range uint16(len(lives)) {
		l, mine := lives[id].Load(), slices.Contains(wanted, id)
		if l != nil && (!mine || l.overtaken.Load()) {
			stop = append(stop, id)
		}
		if mine && (l == nil || l.overtaken.Load()) {
			start = append(start, id)
		}
	}
	if len(stop) > 0 {
		w.stop(stop...)
		signal(s.soon) // whoever they are for waits
	}
	if len(start) == 0 {
		return nil
	}
	return w.restart(ctx, start...)
}

// shareUntilStopped takes part in the table until the function that it returns is called; failed has what ends the worker.
func (w *Worker) shareUntilStopped(ctx context.Context, partitions int) (stop func(), failed <-chan error) {
	failing := make(chan error, 1)
	if w.sharing == nil {
		return func() {}, failing
	}
	w.sharing.begin(w.generation, partitions)
	w.tell(ctx, trouble.NATS, lookingAtLeases, w.sharing.look(ctx))
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.sharing.run(context.WithoutCancel(ctx), end, w.Trouble); err != nil {
			failing <- err
		}
	}()
	return func() { close(end); <-ended }, failing
}
