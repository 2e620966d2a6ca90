package worker

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/stream"
)

// snapshot is everything a flush writes: one partition at one sequence.
type snapshot struct {
	names      []Name
	days       map[calendar.Day]int64
	cells      CellRows
	forgotten  []Forgotten
	voices     []Voice
	users      UserRows
	dead       []stream.DeadLetter
	checkpoint Checkpoint
	watermark  int64
	blank      []uint32 // users of whom nothing is known any more
}

// snapshot takes what changed since the last one. The partition may go on at once: nothing is shared.
func (p *partition) snapshot() *snapshot {
	p.check()
	p.touchAhead()
	s := &snapshot{names: p.names.fresh, dead: p.dead, watermark: p.watermark()}
	p.names.fresh, p.dead, p.deadBytes, p.changed = nil, nil, 0, false
	s.forgotten, p.forgotten.fresh, p.forgotten.numbers, p.forgotten.indexed = p.forgotten.fresh, nil, nil, 0
	s.blank, p.forgotten.blank = p.forgotten.blank, nil
	s.voices = p.voices.take()
	p.takeCells(&s.cells)
	p.takeUsers(&s.users)
	s.days, p.days = p.days, make(map[calendar.Day]int64)
	s.checkpoint = p.checkpoint()
	return s
}

// checkpoint returns the accounts as they are now.
func (p *partition) checkpoint() Checkpoint {
	c := p.counters
	c.AppliedSeq, c.ArrivalClock, c.StreamClock = p.applied, p.clock, p.streamClock
	c.Cells = wholeCells
	if p.uniting != nil {
		c.Cells = 0
	}
	c.Dead = maps.Clone(c.Dead)
	c.Fingerprints = p.trail.all()
	c.Failures = p.matcher.Failures()
	c.Capped = maps.Clone(p.names.capped)
	if p.joiner.Capped > 0 {
		c.Capped[capOpenEvents] = p.joiner.Capped
	}
	return c
}

// committed is called once a snapshot is stored: windows that are final now leave memory, and users as far as they must.
func (p *partition) committed(s *snapshot) {
	before := p.prune
	p.prune = max(p.prune, s.watermark)
	p.collapseDue()
	p.counters.DeadSeq = s.checkpoint.DeadSeq
	if before/msPerHour != p.prune/msPerHour {
		p.cells.Forget(func(k cohort.Key) bool { return p.folder.BucketEnd(k)*1000 <= p.prune })
		p.releaseForgotten()
	}
	p.away.stored = s.checkpoint.AppliedSeq
	p.dropBlank(s.blank)
	p.shed()
}

// capOpenEvents names the cap on a user's open events among the counts of caps.
const capOpenEvents = "open events"

const msPerHour = calendar.HourSeconds * 1000

// touchAhead marks the stored cells that this replay has caught up with: a cell that a later event emptied
// before the crash would else stay as it was stored.
func (p *partition) touchAhead() {
	n := 0
	for ; n < len(p.ahead) && p.ahead[n].seq <= p.applied; n++ {
		k := p.ahead[n].key
		if !p.isFinal(k) {
			p.cells.Touch(k)
		}
	}
	p.ahead = p.ahead[n:]
}

func (p *partition) takeCells(r *CellRows) {
	r.Partition, r.Version = p.id, p.applied
	grow(r, p.cells.Dirty())
	var room struct {
		ages   arena[uint16]
		counts arena[uint64]
	}
	p.cells.Take(func(k cohort.Key, c *cohort.Cell) {
		p.describe(k, r)
		r.Generation = append(r.Generation, p.origins.of(k))
		r.N = append(r.N, c.Counts.N)
		r.Active = append(r.Active, int64(c.Counts.Active))
		r.Adopters = append(r.Adopters, int64(c.Counts.Adopters))
		r.NewAdopters = append(r.NewAdopters, int64(c.Counts.NewAdopters))
		n := c.Ages.Len()
		ages, counts, sums := room.ages.cut(n), room.counts.cut(n), room.counts.cut(n)
		for i := range n {
			a := c.Ages.At(i)
			ages[i], counts[i], sums[i] = a.Bucket, uint64(a.N), uint64(a.SumMs)
		}
		r.Ages, r.Counts, r.Sums = append(r.Ages, ages), append(r.Counts, counts), append(r.Sums, sums)
	})
}

func grow(r *CellRows, n int) {
	r.Kind, r.Name, r.Segment = make([]string, 0, n), make([]string, 0, n), make([]string, 0, n)
	r.Value, r.Window = make([]string, 0, n), make([]string, 0, n)
	r.CohortStart, r.Day, r.Stage = make([]time.Time, 0, n), make([]time.Time, 0, n), make([]uint8, 0, n)
	r.Bucket, r.BucketEnd = make([]time.Time, 0, n), make([]time.Time, 0, n)
	r.N, r.Active, r.Adopters, r.NewAdopters = make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	r.Ages, r.Counts, r.Sums = make([][]uint16, 0, n), make([][]uint64, 0, n), make([][]uint64, 0, n)
	r.Generation = make([]uint32, 0, n)
}

func growUsers(r *UserRows, n int) {
	r.UserID, r.Facts, r.LastSeen, r.Version = make([]string, 0, n), make([]string, 0, n), make([]int64, 0, n), make([]uint64, 0, n)
	r.EnteredAt, r.CohortStart, r.Segments = make([][]int64, 0, n), make([][]time.Time, 0, n), make([][]map[string]string, 0, n)
	r.ReachedAt, r.Steps, r.StepTimes = make([][]int64, 0, n), make([][]uint64, 0, n), make([][][]int64, 0, n)
	r.Excluded = make([]bool, 0, n)
}

// describe appends the columns that say what a cell means.
func (p *partition) describe(k cohort.Key, r *CellRows) {
	name, segment, value, window := "", "", "", ""
	day := p.folder.Day(k)
	switch k.Kind {
	case cohort.Entry:
		name = p.catalog.Cohorts[k.Name].Name
		segment, value = p.segmentOf(int(k.Name), k)
	case cohort.Volume:
		name, value = p.names.text(k.Name), p.names.text(k.Value)
	default:
		name = p.catalog.Metrics[k.Name].Name
		segment, value = p.segmentOf(p.catalog.Metrics[k.Name].Cohort, k)
		if startIsValue(k) {
			value = strconv.Itoa(int(k.Value))
		}
	}
	if k.Kind == cohort.Window || k.Kind == cohort.Trailing {
		window = p.folder.Windows[k.Window].Name
	}
	r.Kind, r.Name, r.Segment, r.Value, r.Window = append(r.Kind, k.Kind.String()), append(r.Name, name), append(r.Segment, segment), append(r.Value, value), append(r.Window, window)
	r.CohortStart, r.Day = append(r.CohortStart, k.Start.Time()), append(r.Day, day.Time())
	r.Stage = append(r.Stage, k.Stage)
	r.Bucket, r.BucketEnd = append(r.Bucket, time.Unix(k.Bucket, 0).UTC()), append(r.BucketEnd, time.Unix(p.folder.BucketEnd(k), 0).UTC())
	p.cover(day)
}

// startIsValue reports whether the value of a cell is when its users started, as a number.
func startIsValue(k cohort.Key) bool { return k.Kind == cohort.Period && k.Segment == 0 && k.Value > 0 }

func (p *partition) segmentOf(c int, k cohort.Key) (segment, value string) {
	if k.Segment == 0 {
		return "", ""
	}
	return p.catalog.Cohorts[c].Segments[k.Segment-1].Name, p.names.text(k.Value)
}

// The calendar table reaches this many days beyond every day that occurs: the longest trailing window starts
// 89 days before its last day, and ends as long after its first.
const (
	daysBehind = 95
	daysAhead  = 130
)

func (p *partition) cover(day calendar.Day) {
	if p.covered[day] {
		return
	}
	p.covered[day] = true
	maps.Copy(p.days, around(p.calendar, day))
}

// around are the first instants (Unix s) of the days that the calendar table has around one that occurs.
func around(cal *calendar.Calendar, day calendar.Day) map[calendar.Day]int64 {
	starts := make(map[calendar.Day]int64, daysBehind+daysAhead+1)
	for d := day - daysBehind; d <= day+daysAhead; d++ {
		starts[d] = cal.Start(d)
	}
	return starts
}

// takeUsers encodes the users that changed.
func (p *partition) takeUsers(r *UserRows) {
	r.Partition = p.id
	n := len(p.dirtyUsers)
	growUsers(r, n)
	var room userRoom
	texts := make([]byte, 0, p.room(p.dirtyUsers)) // of ids and facts, one behind the other: two strings a user would be garbage of their own
	ends := make([]int, 0, 2*n)
	for _, u := range p.dirtyUsers {
		p.users.unmark(u, markDirty)
		p.scratch.Open(p.users.facts(u))
		texts = append(texts, p.users.id(u)...)
		ends = append(ends, len(texts))
		texts = p.scratch.StoreByLayout(texts)
		ends = append(ends, len(texts))
		r.LastSeen, r.Version = append(r.LastSeen, p.scratch.LastSeen), append(r.Version, p.scratch.Sequence)
		p.describeUser(r, &room)
	}
	from, all := 0, view(texts)
	for i := 0; i < len(ends); i += 2 {
		r.UserID, r.Facts = append(r.UserID, all[from:ends[i]]), append(r.Facts, all[ends[i]:ends[i+1]])
		from = ends[i+1]
	}
	p.dirtyUsers = p.dirtyUsers[:0]
}

// room is how many bytes the ids and the stored facts of users take at most. A buffer that grew instead would be copied again and again:
// it is megabytes.
func (p *partition) room(of []uint32) (bytes int) {
	for _, u := range of {
		bytes += len(p.users.id(u)) + len(p.users.facts(u)) + facts.StoredMore
	}
	return bytes
}

// arena gives out slices of large ones: a snapshot's rows hold a few short slices each, which would be garbage of their own.
type arena[T any] struct{ rest []T }

const arenaSize = 4096

// cut returns n zeros.
func (a *arena[T]) cut(n int) []T {
	if n > len(a.rest) {
		a.rest = make([]T, max(n, arenaSize))
	}
	out := a.rest[:n:n]
	a.rest = a.rest[n:]
	return out
}

// userRoom is where the columns of users that are lists lie.
type userRoom struct {
	times    arena[int64]
	days     arena[time.Time]
	segments arena[map[string]string]
	steps    arena[uint64]
	perStep  arena[[]int64]
}

// describeUser appends what BI reads of the user in scratch.
func (p *partition) describeUser(r *UserRows, room *userRoom) {
	cohorts, metrics := p.shown.cohorts, p.shown.metrics
	entered, starts, segments := room.times.cut(cohorts), room.days.cut(cohorts), room.segments.cut(cohorts)
	excluded := p.scratch.Excluded() != 0
	for c := range cohorts {
		co := p.scratch.Cohort(c)
		starts[c] = calendar.Day(0).Time()
		if co.Entered() && !excluded {
			entered[c], starts[c] = co.Entry, p.folder.CohortStart(c, co.Entry).Time()
			segments[c] = p.segmentMap(c, co.Segments)
		}
	}
	reached, steps := room.times.cut(metrics), room.steps.cut(metrics)
	var stepTimes [][]int64
	if len(p.catalog.Voices) > 0 {
		stepTimes = room.perStep.cut(metrics)
	}
	o := &p.outcome
	for m := range metrics {
		if entered[p.catalog.Metrics[m].Cohort] == 0 {
			continue
		}
		p.scratch.Metric(m).Outcome(p.scratch.CohortOf(m), o)
		reached[m] = o.Reached
		for i, at := range o.Steps {
			if at != 0 {
				steps[m] |= 1 << i
			}
		}
		if stepTimes != nil {
			stepTimes[m] = room.times.cut(len(o.Steps))
			copy(stepTimes[m], o.Steps)
		}
	}
	r.EnteredAt, r.CohortStart, r.Segments = append(r.EnteredAt, entered), append(r.CohortStart, starts), append(r.Segments, segments)
	r.ReachedAt, r.Steps = append(r.ReachedAt, reached), append(r.Steps, steps)
	r.StepTimes, r.Excluded = append(r.StepTimes, stepTimes), append(r.Excluded, excluded)
}

// segmentMap returns a user's segment values by name. Users share few combinations, and the maps are only read.
func (p *partition) segmentMap(c int, values []string) map[string]string {
	p.buf = append(p.buf[:0], byte(c))
	for _, v := range values {
		p.buf = append(append(p.buf, v...), 0)
	}
	if m, ok := p.segmentMaps[string(p.buf)]; ok {
		return m
	}
	m := make(map[string]string, len(values))
	for i, v := range values {
		m[p.catalog.Cohorts[c].Segments[i].Name] = v
	}
	if len(p.segmentMaps) >= maxSegmentMaps {
		clear(p.segmentMaps)
	}
	p.segmentMaps[string(p.buf)] = m
	return m
}

const maxSegmentMaps = 10_000

// keyOf returns the key of a stored cell, false when it counts nothing that the partition computes.
func (p *partition) keyOf(c StoredCell) (cohort.Key, bool) {
	k, ok := p.placeOf(c)
	if !ok || c.Generation != p.origins.of(k) {
		return k, false
	}
	switch k.Kind {
	case cohort.Volume:
		return k, p.countsVolumes
	case cohort.Entry:
		return k, p.entries[k.Name]
	default:
		return k, p.metrics[k.Name]
	}
}

// placeOf is the key of a stored cell by its names, false when the catalog has no such thing any more.
func (p *partition) placeOf(c StoredCell) (cohort.Key, bool) {
	k := cohort.Key{Bucket: c.Bucket.Unix(), Start: calendar.FromDate(c.CohortStart.Date()), Stage: c.Stage, Value: p.names.number(c.Value)}
	var cohortIndex int
	switch c.Kind {
	case "volume":
		return cohort.Key{Kind: cohort.Volume, Bucket: k.Bucket, Name: p.names.number(c.Name), Value: k.Value}, true
	case "entry":
		k.Kind = cohort.Entry
		cohortIndex = slices.IndexFunc(p.catalog.Cohorts, func(x catalog.Cohort) bool { return x.Name == c.Name })
		if k.Name = uint32(cohortIndex); cohortIndex < 0 {
			return k, false
		}
	default:
		m := slices.IndexFunc(p.catalog.Metrics, func(x catalog.Metric) bool { return x.Name == c.Name })
		if m < 0 {
			return k, false
		}
		k.Name, cohortIndex = uint32(m), p.catalog.Metrics[m].Cohort
		k.Kind = cohort.KindNamed(c.Kind)
	}
	if c.Window != "" {
		window := slices.IndexFunc(p.folder.Windows, func(w catalog.Window) bool { return w.Name == c.Window })
		if window < 0 {
			return k, false
		}
		k.Window = uint8(window)
	}
	if c.Segment == "" {
		if k.Value = 0; k.Kind == cohort.Period && c.Value != "" {
			start, err := strconv.ParseUint(c.Value, 10, 32)
			k.Value = uint32(start)
			return k, err == nil
		}
		return k, true
	}
	segment := slices.IndexFunc(p.catalog.Cohorts[cohortIndex].Segments, func(s catalog.Segment) bool { return s.Name == c.Segment })
	k.Segment = uint8(1 + segment)
	return k, segment >= 0
}

func formatMs(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
