package facts

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// Users that the first version stored are converted when they are read. It wrote all parts of a user by their place in the
// catalog, which is still the same: with another one the stored numbers would not be gone on with.

// FirstMetric is what the first version kept of a user for one metric of any kind.
type FirstMetric struct {
	Steps     []Step
	Sequence  Sequence
	FirstEver int64 // first use of a feature
	// Uses are the bins with uses, settled ones only before the entry.
	Before, After []FirstBin
	LastFeature   [2]calendar.Day // newest day with a use that left the books, before and after the entry
}

// FirstBin is one local hour or day of use.
type FirstBin struct {
	Day  calendar.Day
	Hour int // -1 for the day as a whole
	Uses int
}

// firstBook is what the first version kept of one side of an adoption metric: a bin wherever the user was active.
type firstBook struct {
	bins                    []FirstBin
	lastActive, lastFeature calendar.Day
}

// Upgrader is a state that takes over what the first version stored.
type Upgrader interface{ Upgrade(m *FirstMetric) }

// loadFirst reads a user as the first version wrote it.
func (u *User) loadFirst(buf []byte) error {
	j := u.joiner
	r := Reader{buf: buf[1:]}
	for i := range u.slots {
		u.slots[i].decoded, u.slots[i].changed = true, true
		u.slots[i].block.Reset()
	}
	u.LastSeen = r.Int()
	open := make([][]Open, len(u.cohorts))
	for c := range u.cohorts {
		open[c] = u.firstCohort(&r, c)
	}
	books := make([][2]firstBook, len(u.metrics))
	for i := range u.metrics {
		m := FirstMetric{Steps: make([]Step, len(j.Catalog.Metrics[i].Steps))}
		books[i] = j.firstMetric(&r, &m, u.LastSeen)
		if r.bad {
			break
		}
		u.metrics[i].(Upgrader).Upgrade(&m)
	}
	if r.bad || len(r.buf) != 0 {
		return corrupt("%d bytes, %d left", len(buf), len(r.buf))
	}
	for a := range u.activities {
		u.firstActivity(a, books)
	}
	for c := range u.cohorts {
		u.firstOpen(c, open[c])
	}
	u.openUntil = u.LastSeen
	return nil
}

const (
	firstEntered = 1 << iota
	firstSettled
	firstOpened
)

func (r *Reader) since(base int64) int64 {
	v := r.Uint()
	if v == 0 {
		return 0
	}
	v >>= 1
	return base + (int64(v>>1) ^ -int64(v&1))
}

func (u *User) firstCohort(r *Reader, c int) (open []Open) {
	co := &u.cohorts[c]
	flags := r.Uint()
	co.Settled = flags&firstSettled != 0
	if flags&firstEntered != 0 {
		co.Entry = r.since(u.LastSeen)
		for i := range co.Segments {
			co.Segments[i] = r.Again(co.Segments[i])
		}
	}
	if flags&firstOpened == 0 {
		return nil
	}
	base := u.LastSeen
	for range r.Count() {
		o := Open{Time: base + r.Int()}
		base = o.Time
		o.IDs = foldID(r.Uint())
		words := r.Count()
		if words > len(catalog.Mask{}) {
			r.Fail()
			return nil
		}
		for i := range words {
			o.Mask[i] = r.Uint()
		}
		o.ID, o.Payload = r.View(), r.View()
		open = append(open, o)
	}
	return open
}

const (
	firstSteps = 1 << iota
	firstSequence
	firstUse
)

func (j *Joiner) firstMetric(r *Reader, m *FirstMetric, base int64) (books [2]firstBook) {
	flags := r.Uint()
	if flags&firstSteps != 0 {
		for i := range m.Steps {
			if m.Steps[i].Reached = r.since(base); m.Steps[i].Reached == 0 {
				m.Steps[i].Taken, m.Steps[i].Times = int(r.Uint()), r.firstTimes(base)
			}
		}
	}
	if flags&firstSequence != 0 {
		m.Sequence.Reached, m.Sequence.Taken = r.firstTimes(base), int(r.Uint())
		for range r.Count() {
			c := Candidate{Time: base + r.Int(), Steps: r.Uint()}
			c.ID, c.Payload = r.View(), r.View()
			m.Sequence.Open = append(m.Sequence.Open, c)
		}
	}
	if flags&firstUse == 0 {
		return books
	}
	m.FirstEver = r.since(base)
	books[0], books[1] = j.firstBook(r), j.firstBook(r)
	m.Before, m.After = used(books[0].bins), used(books[1].bins)
	m.LastFeature = [2]calendar.Day{books[0].lastFeature, books[1].lastFeature}
	return books
}

func used(bins []FirstBin) (out []FirstBin) {
	for _, b := range bins {
		if b.Uses > 0 {
			out = append(out, b)
		}
	}
	return out
}

func (r *Reader) firstTimes(base int64) (out []int64) {
	for range r.Count() {
		base += r.Int()
		out = append(out, base)
	}
	return out
}

func (j *Joiner) firstBook(r *Reader) (b firstBook) {
	b.lastActive, b.lastFeature = calendar.Day(r.Uint()), calendar.Day(r.Uint())
	at := int64(0)
	for range r.Count() {
		at += r.Int()
		day := j.Calendar.DayOf(at)
		b.bins = append(b.bins, FirstBin{day, j.Calendar.HourIn(day, at), int(r.Uint())})
	}
	at = 0
	for range r.Count() {
		at += r.Int()
		bin := FirstBin{calendar.Day(at), -1, int(r.Uint())}
		if j.hourly {
			bin.Hour = 0 // hours of the day were final, so the first one is; later ones may be there or come
		}
		b.bins = append(b.bins, bin)
	}
	return b
}

// Fill counts bins of the first version.
func (b *Book) Fill(bins []FirstBin, last calendar.Day) {
	b.Last = last
	for _, x := range bins {
		b.Add(x.Day, x.Hour, x.Uses)
	}
}

// firstActivity takes over an activity. A bin of a metric says that the user was active or used the feature; what all metrics that
// share the activity have was activity, or is known by the feature of each.
func (u *User) firstActivity(a int, books [][2]firstBook) {
	act := &u.activities[a]
	for side, book := range []*Book{&act.Before, &act.After} {
		var common map[FirstBin]int
		last, sharing := calendar.Day(0), 0
		for m := range u.metrics {
			if u.joiner.activityOf[m] != a {
				continue
			}
			if common == nil {
				common, last = make(map[FirstBin]int), books[m][side].lastActive
			}
			sharing++
			last = min(last, books[m][side].lastActive)
			for _, b := range books[m][side].bins {
				common[FirstBin{Day: b.Day, Hour: b.Hour}]++
			}
		}
		book.Last = last
		for b, n := range common {
			if n == sharing {
				book.Add(b.Day, b.Hour, 1)
			}
		}
	}
}

// firstOpen takes over the open events of a cohort, which the first version kept out of the books.
func (u *User) firstOpen(c int, open []Open) {
	co := &u.cohorts[c]
	for i := range open {
		o := &open[i]
		side := Before
		if co.Entered() && o.Time >= co.Entry {
			side = After
		}
		u.joiner.use(u, c, o, side, 0)
		co.place(*o)
	}
}
