package cohort

import (
	"math"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

// dayUse is a user's use on one local day.
type dayUse struct {
	day    calendar.Day
	events int64
}

// forever is a day after every other.
const forever = calendar.Day(math.MaxInt32 / 2)

// side is a user's use on one side of its entry: before it in the not-entered row, after it in its cohort.
type side struct {
	key   Key
	book  *facts.Book
	first int64        // first feature event that counts as new, 0 when none
	until int64        // only windows that end at or before it (ms) count
	limit calendar.Day // trailing windows count up to the day before
	co    *facts.Cohort
}

// adoption counts a user's use of a feature per window.
func (f *Folder) adoption(u *facts.User, m int) {
	def := &f.catalog.Metrics[m]
	co := &u.Cohorts[def.Cohort]
	before, after := f.joiner.Books(u, m)
	s := side{key: Key{Name: uint32(m)}, book: before, first: u.Metrics[m].Use.FirstEver, until: math.MaxInt64, limit: forever}
	if co.Entered() {
		s.until, s.limit = co.Entry, f.calendar.DayOf(co.Entry/1000)
	}
	f.side(&s)
	if !co.Entered() {
		return
	}
	s = side{key: Key{Name: uint32(m), Start: f.CohortStart(def.Cohort, co.Entry)}, book: after, first: f.outcome.First, until: math.MaxInt64, limit: forever, co: co}
	f.side(&s)
}

func (f *Folder) side(s *side) {
	if len(s.book.Hours) == 0 && len(s.book.Days) == 0 && s.book.LastActive == 0 {
		return
	}
	f.days(s.book)
	for i, w := range f.Windows {
		switch w.Kind {
		case catalog.Hour:
			f.hours(s, uint8(i))
		case catalog.Trailing:
			f.trailing(s, uint8(i), calendar.Day(w.Days))
		default:
			f.tumbling(s, uint8(i), w.Kind)
		}
	}
}

// days sums a book by local day.
func (f *Folder) days(b *facts.Book) {
	f.dayUses = f.dayUses[:0]
	for _, d := range b.Days {
		f.dayUses = append(f.dayUses, dayUse{d.Day, int64(d.Events)})
	}
	for _, h := range b.Hours {
		d := f.calendar.DayOf(h.Start)
		if n := len(f.dayUses); n > 0 && f.dayUses[n-1].day == d {
			f.dayUses[n-1].events += int64(h.Events)
			continue
		}
		f.dayUses = append(f.dayUses, dayUse{d, int64(h.Events)})
	}
}

func (f *Folder) hours(s *side, w uint8) {
	for _, h := range s.book.Hours {
		if !f.focused(h.Start, h.Start+calendar.HourSeconds) {
			continue
		}
		f.window(s, w, h.Start, h.Start+calendar.HourSeconds, int64(h.Events), false)
	}
}

func (f *Folder) tumbling(s *side, w uint8, kind catalog.WindowKind) {
	for i := 0; i < len(f.dayUses); {
		start, end := f.WindowBounds(kind, f.dayUses[i].day)
		_, next := f.windowDays(kind, f.dayUses[i].day)
		events := int64(0)
		for ; i < len(f.dayUses) && f.dayUses[i].day < next; i++ {
			events += f.dayUses[i].events
		}
		if !f.focused(start, end) {
			continue
		}
		f.window(s, w, start, end, events, true)
	}
}

func (f *Folder) focused(start, end int64) bool {
	return f.focus == 0 || f.focus >= start && f.focus < end
}

func (f *Folder) window(s *side, w uint8, start, end, events int64, segments bool) {
	if end*1000 > s.until || end*1000 <= f.prune {
		return
	}
	k := s.key
	k.Kind, k.Window, k.Bucket = Window, w, start
	c := Counts{N: events, Active: 1}
	if events > 0 {
		c.Adopters = 1
	}
	if s.first >= start*1000 && s.first < end*1000 {
		c.NewAdopters = 1
	}
	f.emitSegments(s, k, c, segments)
}

func (f *Folder) emitSegments(s *side, k Key, c Counts, segments bool) {
	f.emit(k, c, 0)
	if !segments || s.co == nil {
		return
	}
	for i, text := range s.co.Segments {
		k.Segment, k.Value = uint8(i+1), f.value(text)
		f.emit(k, c, 0)
	}
}

// trailing counts changes: +1 on the first day of a run of days that a window of n days covers, -1 on the day
// after it. In the not-entered row events and new adopters change the same way, because a user leaves that row
// when it enters; in a cohort they are sums of days.
func (f *Folder) trailing(s *side, w uint8, n calendar.Day) {
	f.runs(s, w, n, s.book.LastActive, false, Counts{Active: 1})
	f.runs(s, w, n, s.book.LastFeature, true, Counts{Adopters: 1})
	if s.co != nil {
		return
	}
	for _, d := range f.dayUses {
		f.covered(s, w, d.day, d.day+n, Counts{N: d.events})
	}
	if s.first != 0 {
		d := f.calendar.DayOf(s.first / 1000)
		f.covered(s, w, d, d+n, Counts{NewAdopters: 1})
	}
}

// runs counts each run of days covered by windows of n days. last is the newest day that left the book.
func (f *Folder) runs(s *side, w uint8, n, last calendar.Day, feature bool, c Counts) {
	from, to := calendar.Day(0), calendar.Day(0)
	if last != 0 {
		from, to = last, last+n
	}
	for _, d := range f.dayUses {
		if feature && d.events == 0 {
			continue
		}
		if d.day > to {
			f.covered(s, w, from, to, c)
			from = d.day
		}
		to = d.day + n
	}
	f.covered(s, w, from, to, c)
}

// covered counts a user in the windows whose last days are from up to the day before to.
func (f *Folder) covered(s *side, w uint8, from, to calendar.Day, c Counts) {
	to = min(to, s.limit)
	if from >= to || c.Zero() {
		return
	}
	f.change(s, w, from, c)
	f.change(s, w, to, c.negated())
}

func (f *Folder) change(s *side, w uint8, d calendar.Day, c Counts) {
	if f.calendar.Start(d+1)*1000 <= f.prune {
		return
	}
	k := s.key
	k.Kind, k.Window, k.Bucket = Trailing, w, f.calendar.Start(d)
	f.emitSegments(s, k, c, true)
}
