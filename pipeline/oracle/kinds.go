package oracle

// What a kind of metric is to the oracle. Each kind is a file that puts itself here, and shares no code with the kind's room.

// kind is a metric's kind with the keys that only such metrics have.
type kind interface {
	// goals are the selectors that a metric waits for.
	goals() []selector
	// reached is when each goal was reached by events, in order; never where it was not.
	reached(cal *calendar, events []*event) []int64
	// takesEntry says that the entry event may serve a goal.
	takesEntry() bool
	// rows adds the rows of every view about a metric.
	rows(b *batch, m *metric, members []*member)
}

// kinds makes a kind of each name, its keys to be read from the catalog.
var kinds = map[string]func() kind{}

// rates counts entered, eligible and the reached among them under the given name, and to date.
func (b *batch) rates(members []*member, eligible func(*member) bool, reached string) Row {
	n := count(members, eligible)
	k := count(members, func(mb *member) bool { return eligible(mb) && mb.hasReached() })
	row := Row{
		"entered": uint64(len(members)), "eligible": uint64(n), reached: uint64(k),
		reached + "_to_date": uint64(count(members, (*member).hasReached)),
	}
	ratio(row, k, n)
	return row
}

func entries(members []*member) []int64 {
	var times []int64
	for _, mb := range members {
		times = append(times, mb.entered)
	}
	return times
}

func completions(members []*member) []int64 {
	var times []int64
	for _, mb := range members {
		if mb.hasReached() {
			times = append(times, mb.reached)
		}
	}
	return times
}

func enteredIn(members []*member, w window) []*member {
	var in []*member
	for _, mb := range members {
		if w.holds(mb.entered) {
			in = append(in, mb)
		}
	}
	return in
}

// reachedBefore and reachedIn judge when members reached the metric.
func reachedBefore(end int64) func(*member) bool {
	return func(mb *member) bool { return mb.hasReached() && mb.reached < end }
}

func reachedIn(w window) func(*member) bool {
	return func(mb *member) bool { return mb.hasReached() && w.holds(mb.reached) }
}
