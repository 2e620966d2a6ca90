// Package annotation turns one message of annotations.<source> into an annotation, or into the reason why it is
// none. An annotation says what happened beside the numbers, such as a release, a campaign or an outage.
//
// The package is pure. All times are Unix milliseconds in UTC.
package annotation

import (
	"time"

	"firstlight/pipeline/calendar"
)

// Kind says what an annotation is about.
type Kind string

// The kinds of the contract.
const (
	Deploy   Kind = "deploy"
	Campaign Kind = "campaign"
	Incident Kind = "incident"
	Action   Kind = "action"
	Expected Kind = "expected" // mutes what it covers
)

// Annotation is one annotation as its newest publication says. Source and ID together are its identity:
// publishing both again replaces it.
type Annotation struct {
	Source string // second token of the subject
	ID     string // 1-100 bytes
	Kind   Kind
	At     int64 // when it happened or begins, ms
	Until  int64 // when it ended or will end, exclusive, ms; 0 for a moment
	Title  string
	URL    string // http or https; empty when there is none
	Metric string // the metric it concerns; empty for all
	Text   string
	Author string
	// Of an action:
	Expects  float64 // how much the share of users is expected to change, from -1 to 1; 0 when it does not say
	Incident string  // the incident it is about; empty when there is none

	Deleted bool // withdrawn: At, Kind and Title may then be missing
}

// MaxMute bounds what an annotation of kind expected covers (ms), 31 days: nobody who may publish one can mute on-call for longer,
// unless they say so again.
const MaxMute = 31 * 24 * 3600 * 1000

// Span returns what an annotation covers, from inclusive, until exclusive: at least one millisecond. One of kind
// expected that does not say until when covers the rest of its local day; a longer one covers MaxMute from its start.
func (a *Annotation) Span(loc *time.Location) (from, until int64) {
	switch {
	case a.TooLong():
		return a.At, a.At + MaxMute
	case a.Until > a.At:
		return a.At, a.Until
	case a.Until == 0 && a.Kind == Expected:
		c := calendar.New(loc, time.Monday)
		return a.At, c.Start(c.DayOf(a.At/1000)+1) * 1000
	}
	return a.At, a.At + 1
}

// TooLong reports whether an annotation says that it mutes for longer than it does.
func (a *Annotation) TooLong() bool { return a.Kind == Expected && a.Until-a.At > MaxMute }

// Overlaps reports whether an annotation covers any moment of [from, until), ms.
func (a *Annotation) Overlaps(from, until int64, loc *time.Location) bool {
	begin, end := a.Span(loc)
	return begin < until && end > from
}

// Concerns reports whether an annotation is about a metric.
func (a *Annotation) Concerns(metric string) bool { return a.Metric == "" || a.Metric == metric }
