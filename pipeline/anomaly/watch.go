package anomaly

import "firstlight/pipeline/annotation"

// A watch is one thing that is looked after: a guardrail, the silence of a source, or a series compared with its
// history. It judges windows one after the other; fold makes episodes of the judgements.

// verdict is what a window says about a watch.
type verdict uint8

const (
	uncertain   verdict = iota // neither is shown
	breach                     // the evidence excludes that all is well
	clear                      // the value is where it should be
	noData                     // too little to say anything
	expired                    // what was a breach has become normal
	retired                    // it is not waited for any more
	excusedAway                // people said that it would be so
)

// judgement is one window judged.
type judgement struct {
	at      int64 // stream time (Unix s) from which the window could be judged
	span    span
	verdict verdict
	minor   bool // a further breach that adds little to what was said
	finding finding
}

// finding is what was counted in a window and what was expected there.
type finding struct {
	reason       Reason
	ageMs        int64 // age since entry at which users are compared; 0: none
	period       *int  // since the start, in which users are to come back; nil: none
	k, n         int64
	unit         Unit
	value        float64 // NaN: unknown
	limit        float64 // NaN: none
	expected     estimate
	baseline     span // days behind expected
	baselineDays int
	starts       []int64 // Unix s; days around the first one, on which the change may have begun as well
	lost         float64 // users fewer than expected; NaN: unknown
	method       string
	p, e         float64 // NaN: none
	flags        []string
	leftOut      []span                 // days in the window that are not counted, those in a row as one
	excuse       *annotation.Annotation // mutes the window; nil for none
	gone         bool                   // a source is taken as retired
	usualPause   int64                  // s; the longest of that source
}

// estimate is a value with its 95 % interval; all NaN when there is none.
type estimate struct{ value, low, high float64 }

// watch is one condition with all its judgements, in order of at.
type watch struct {
	subject     subject
	key         string // identity of the condition within the subject
	severity    Severity
	guardrail   bool
	consecutive int // breaches in a row that open an episode, and clear windows that end it
	judgements  []judgement
}

// judged counts the windows that could be judged.
func (w *watch) judged() (n int) {
	for i := range w.judgements {
		if v := w.judgements[i].verdict; v != noData && v != uncertain {
			n++
		}
	}
	return n
}

// subject is what incidents are about: a metric by its position in the catalog, one source's events, or the users who enter a
// cohort.
type subject struct {
	metric int // -1: not a metric
	source string
	cohort string
}

// event is one change of an episode.
type event struct {
	at     int64
	state  State
	reason Reason
	of     *judgement
}

// episode is one stretch of time in which a watch was broken.
type episode struct {
	watch  *watch
	events []event
}

// longestBlind (s) is how long an episode without data is kept before it expires.
const longestBlind = 28 * 86400

// fold makes episodes of a watch's judgements. An episode opens after some breaches in a row, and ends after as many
// windows that are clear: windows that show neither change nothing, and windows without data never end an episode.
func (w *watch) fold() []*episode {
	f := folding{watch: w}
	for i := range w.judgements {
		j := &w.judgements[i]
		if f.current == nil {
			f.closed(j)
		} else {
			f.opened(j)
		}
	}
	return f.all
}

// folding is the state of a fold.
type folding struct {
	watch    *watch
	all      []*episode
	current  *episode
	breaches int   // in a row
	clears   int   // in a row
	blind    bool  // the last event was that data is missing
	seen     int64 // when data was last seen
}

func (f *folding) closed(j *judgement) {
	switch j.verdict {
	case breach:
		f.breaches++
	case noData: // a weekend with few users is no recovery
		return
	default:
		f.breaches = 0
	}
	if f.breaches < f.watch.consecutive {
		return
	}
	f.current = &episode{watch: f.watch}
	f.all = append(f.all, f.current)
	f.say(j, Opened, j.finding.reason)
	f.breaches, f.clears, f.blind, f.seen = 0, 0, false, j.at
}

func (f *folding) opened(j *judgement) {
	if j.verdict != noData {
		f.seen = j.at
	}
	if j.verdict != clear {
		f.clears = 0
	}
	switch j.verdict {
	case clear:
		if f.clears++; f.clears >= f.watch.consecutive {
			f.end(j, Recovered)
		}
	case expired:
		f.end(j, Expired)
	case retired:
		f.end(j, Retired)
	case excusedAway:
		if j.finding.excuse == silentSource { // that is an incident of its own
			f.end(j, Superseded)
			return
		}
		f.end(j, Muted)
	case noData:
		switch {
		case j.finding.excuse != nil: // that it is not judged was asked for
			f.seen = j.at
		case j.at-f.seen >= longestBlind:
			f.end(j, Expired)
		case !f.blind:
			f.say(j, NoData, f.current.events[0].reason)
			f.blind = true
		}
	case breach:
		if !j.minor || f.blind {
			f.say(j, Updated, j.finding.reason)
		}
		f.blind = false
	case uncertain:
		if f.blind {
			f.say(j, Updated, f.current.events[0].reason)
			f.blind = false
		}
	}
}

func (f *folding) say(j *judgement, s State, r Reason) {
	f.current.events = append(f.current.events, event{at: j.at, state: s, reason: r, of: j})
}

func (f *folding) end(j *judgement, r Reason) {
	f.say(j, Resolved, r)
	f.current, f.breaches = nil, 0
}
