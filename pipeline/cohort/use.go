package cohort

import (
	"math"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

// Use is what a user did on one local day.
type Use struct {
	Day    calendar.Day
	Events uint32 // uses of the feature
	// Hours are the hours of the day in which the user was active, by bit, where hours are told apart; ByHour are the uses in them.
	Hours  uint32
	ByHour *facts.Day
}

// Forever is a day after every other.
const Forever = calendar.Day(math.MaxInt32 / 2)

// Uses is a user's use of a feature on one side of its entry: before it in the not-entered row, after it in its cohort.
type Uses struct {
	Metric  int
	Cohort  *facts.Cohort // nil in the not-entered row
	Start   calendar.Day  // of the cohort
	Days    []Use         // ascending; days of activity
	Active  calendar.Day  // newest day of activity that left the books, 0 when there is none
	Feature calendar.Day  // newest day of use that did
	First   int64         // first use that counts as new (ms), 0 when none
	Until   int64         // only windows that end at or before it (ms) count
	Limit   calendar.Day  // trailing windows count up to the day before

	// Focus leaves out what an event cannot change. Days must then hold the days around it (Folder.Around), and the nearest day of
	// activity and of use on each side.
	Focus Focus
}

// Used counts the windows in which a user was active, used a feature, and did so first.
func (f *Folder) Used(s *Uses) {
	if len(s.Days) == 0 && s.Active == 0 && s.Feature == 0 {
		return
	}
	if f.excluded != 0 {
		s.Until, s.Limit = min(s.Until, f.excluded), min(s.Limit, f.firstOpen())
	}
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

func (f *Folder) hours(s *Uses, w uint8) {
	for i := range s.Days {
		d := &s.Days[i]
		if s.Focus.At != 0 && d.Day != f.calendar.DayOf(s.Focus.At/1000) {
			continue
		}
		for hour := 0; d.Hours>>hour != 0; hour++ {
			if d.Hours&(1<<hour) == 0 {
				continue
			}
			start := f.calendar.HourStart(d.Day, hour)
			if !s.holds(start, start+calendar.HourSeconds) {
				continue
			}
			events := uint32(0)
			if d.ByHour != nil {
				events = d.ByHour.At(hour)
			}
			f.window(s, w, start, start+calendar.HourSeconds, int64(events), false)
		}
	}
}

func (f *Folder) tumbling(s *Uses, w uint8, kind catalog.WindowKind) {
	for i := 0; i < len(s.Days); {
		first, next := f.windowDays(kind, s.Days[i].Day)
		start, end := f.calendar.Start(first), f.calendar.Start(next)
		events, besides := int64(0), false
		for ; i < len(s.Days) && s.Days[i].Day < next; i++ {
			events += int64(s.Days[i].Events)
			besides = besides || s.Focus.Idle && f.besides(s, &s.Days[i])
		}
		if s.holds(start, end) && !besides {
			f.window(s, w, start, end, events, true)
		}
	}
}

// besides reports whether a user was active on a day at another hour than that of the focus: so it was in all windows that hold both.
func (f *Folder) besides(s *Uses, d *Use) bool {
	sec := s.Focus.At / 1000
	if d.Day != f.calendar.DayOf(sec) {
		return true
	}
	return d.Hours&^(1<<f.calendar.HourIn(d.Day, sec)) != 0
}

// holds reports whether a window (Unix seconds) holds the focus.
func (s *Uses) holds(start, end int64) bool {
	return s.Focus.At == 0 || s.Focus.At >= start*1000 && s.Focus.At < end*1000
}

func (f *Folder) window(s *Uses, w uint8, start, end, events int64, segments bool) {
	if end*1000 > s.Until || end*1000 <= f.prune {
		return
	}
	c := Counts{N: events, Active: 1}
	if events > 0 {
		c.Adopters = 1
	}
	if s.First >= start*1000 && s.First < end*1000 {
		c.NewAdopters = 1
	}
	f.emitUse(s, Key{Kind: Window, Window: w, Bucket: start}, c, segments)
}

func (f *Folder) emitUse(s *Uses, k Key, c Counts, segments bool) {
	k.Name, k.Start = uint32(s.Metric), s.Start
	f.emit(k, c, 0)
	if !segments || s.Cohort == nil {
		return
	}
	for i, text := range s.Cohort.Segments {
		k.Segment, k.Value = uint8(i+1), f.valueOf(i, text)
		f.emit(k, c, 0)
	}
}

// trailing counts changes: +1 on the first day of a run of days that a window of n days covers, -1 on the day
// after it. In the not-entered row events and new adopters change the same way, because a user leaves that row
// when it enters; in a cohort they are sums of days.
func (f *Folder) trailing(s *Uses, w uint8, n calendar.Day) {
	f.runs(s, w, n, max(s.Active, s.Feature), false, Counts{Active: 1})
	if s.Focus.Idle {
		return
	}
	f.runs(s, w, n, s.Feature, true, Counts{Adopters: 1})
	if s.Cohort != nil {
		if f.excluded != 0 {
			f.withdraw(s, w, n)
		}
		return
	}
	for i := range s.Days {
		d := &s.Days[i]
		if s.Focus.At == 0 || d.Day == f.calendar.DayOf(s.Focus.At/1000) {
			f.covered(s, w, d.Day, d.Day+n, Counts{N: int64(d.Events)})
		}
	}
	if s.First != 0 {
		d := f.calendar.DayOf(s.First / 1000)
		f.covered(s, w, d, d+n, Counts{NewAdopters: 1})
	}
}

// runs counts each run of days covered by windows of n days, at the gaps between days. last is the newest day that left the book.
// With a focus it counts the gaps on both sides of that day.
func (f *Folder) runs(s *Uses, w uint8, n, last calendar.Day, feature bool, c Counts) {
	focus := calendar.Day(0)
	if s.Focus.At != 0 {
		focus = f.calendar.DayOf(s.Focus.At / 1000)
	}
	from, before := last, last
	for i := range s.Days {
		d := s.Days[i].Day
		if feature && s.Days[i].Events == 0 || d <= last { // one book may have let go of a day that the other still has
			continue
		}
		if before == 0 || d-before > n {
			if s.Focus.At == 0 || before <= focus && focus <= d {
				f.begins(s, w, d, c)
				f.ends(s, w, from, before, n, c)
			}
			from = d
		}
		before = d
	}
	if s.Focus.At == 0 || before <= focus {
		f.ends(s, w, from, before, n, c)
	}
}

// begins counts a run from its first day on.
func (f *Folder) begins(s *Uses, w uint8, d calendar.Day, c Counts) {
	if d < s.Limit {
		f.change(s, w, d, c)
	}
}

// ends counts a run no more, n days after its last day; there is none before the first day.
func (f *Folder) ends(s *Uses, w uint8, from, last, n calendar.Day, c Counts) {
	if last != 0 && from < s.Limit {
		f.change(s, w, min(last+n, s.Limit), c.negated())
	}
}

// covered counts a user in the windows whose last days are from up to the day before to.
func (f *Folder) covered(s *Uses, w uint8, from, to calendar.Day, c Counts) {
	if to = min(to, s.Limit); from < to && !c.Zero() {
		f.change(s, w, from, c)
		f.change(s, w, to, c.negated())
	}
}

func (f *Folder) change(s *Uses, w uint8, d calendar.Day, c Counts) {
	if f.calendar.Start(d+1)*1000 <= f.prune {
		return
	}
	f.emitUse(s, Key{Kind: Trailing, Window: w, Bucket: f.calendar.Start(d)}, c, true)
}

// firstOpen is the first day of a user who is left out that was not over at that watermark.
func (f *Folder) firstOpen() calendar.Day { return f.calendar.DayOf(f.excluded / 1000) }

// withdraw takes what a user of a cohort did on final days, which keep it, out of the windows of n days that end later: they are sums
// of these days.
func (f *Folder) withdraw(s *Uses, w uint8, n calendar.Day) {
	open := f.firstOpen()
	out := func(d calendar.Day, c Counts) {
		if d < open && d+n > open && !c.Zero() {
			f.change(s, w, open, c.negated())
			f.change(s, w, d+n, c)
		}
	}
	for i := range s.Days {
		out(s.Days[i].Day, Counts{N: int64(s.Days[i].Events)})
	}
	if s.First != 0 {
		out(f.calendar.DayOf(s.First/1000), Counts{NewAdopters: 1})
	}
}
