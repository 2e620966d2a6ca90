// Package review turns what the views say into a review of the week for one owner: what moved beyond chance, how far targets are, what
// is to be done, and what people say; and writes it as text, Markdown, HTML or JSON.
//
// The package is pure: no I/O, no clock, no logger. Rates and their changes are shares, times are seconds.
package review

import (
	"slices"
	"time"
)

// Facts are what reviews are made of, of all owners.
type Facts struct {
	Product     string
	Zone        *time.Location // in which days are written
	AsOf        time.Time      // the moment to which the numbers are complete
	Metrics     []Metric       // in catalog order
	Incidents   []Incident     // that are open, newest first
	Actions     []Action       // in order of time
	Predictions []Prediction
	Experiments []Experiment
	Voices      []Voice // newest first
}

// Metric is where a metric stands.
type Metric struct {
	Name, Owner, Stage            string
	IsTime                        bool // its value is a time in seconds, else a share
	Down                          bool // down is good
	N                             uint64
	Value, Previous               *float64 // over the newest four weeks, and over the four before
	Change, ChangeLow, ChangeHigh *float64 // with its 95 % interval
	Target, Pace                  *float64 // the value to reach, and how much of it is reached
	TargetBy, ReviewBy            *time.Time
	Overdue                       bool // the review is
}

// Incident is one that is open.
type Incident struct {
	ID, Metric, Severity, Summary string
	Since                         time.Time // start of the first window that showed it
}

// Action is something that was done about a metric, and what is known of its effect.
type Action struct {
	Title, Metric, Verdict string
	ExplainedBy            []string
	At, KnownFrom          time.Time
	Expects                *float64
	Before, After          *float64
	Difference, Low, High  *float64
}

// Prediction says whether a leading metric tells who stays.
type Prediction struct {
	Metric, Predicts, Verdict string
	Rate, Other               *float64
}

// Experiment is one variant of an experiment against its control, by the metric that decides.
type Experiment struct {
	Name, Metric, Variant, Verdict string
	Owner                          string // of the experiment; who has no review leaves it to that of the metric
	Difference, Low, High          *float64
}

// Voice is what somebody said who had got as far as Next in a metric. Who it is tells people apart, and is not said.
type Voice struct {
	Voice, Who, Metric, Text, Next string
	At                             time.Time
}

// Review is a review for one owner.
type Review struct {
	Product  string    `json:"product"`
	Owner    string    `json:"owner"`
	Stage    string    `json:"stage,omitempty"` // only metrics of this stage
	AsOf     time.Time `json:"as_of"`
	Sections []Section `json:"sections"`

	day  string    // of as_of, in words
	date time.Time // the local day of as_of
}

// Section is one part of a review.
type Section struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	Items []Item `json:"items"`
}

// Item is one thing that is said, in whole sentences.
type Item struct {
	Metric string `json:"metric,omitempty"` // that it is about; empty: none, or several
	Text   string `json:"text"`
	Quote  string `json:"quote,omitempty"` // somebody's own words; Text then says whose they are
}

// Owners returns who has a metric, of a stage where one is named, in order.
func (f *Facts) Owners(stage string) []string {
	var owners []string
	for i := range f.Metrics {
		m := &f.Metrics[i]
		if (stage == "" || m.Stage == stage) && !slices.Contains(owners, m.Owner) {
			owners = append(owners, m.Owner)
		}
	}
	slices.Sort(owners)
	return owners
}

// Date is the product's day of a review, as 2027-03-31.
func (r *Review) Date() string { return r.date.Format(time.DateOnly) }

// Of returns the review for an owner, of the metrics of a stage or of all.
func (f *Facts) Of(owner, stage string) *Review {
	w := &writer{Facts: f, owner: owner, own: map[string]*Metric{}}
	for i := range f.Metrics {
		if m := &f.Metrics[i]; m.Owner == owner && (stage == "" || m.Stage == stage) {
			w.metrics = append(w.metrics, m)
			w.own[m.Name] = m
		}
	}
	r := &Review{Product: f.Product, Owner: owner, Stage: stage, AsOf: f.AsOf, day: w.day(f.AsOf), date: w.today()}
	for _, s := range []Section{
		{"moved", "What moved", w.moved()},
		{"targets", "Targets", w.targets()},
		{"incidents", "Open incidents", w.incidents()},
		{"actions", "What we did", w.actions()},
		{"experiments", "Experiments to decide", w.experiments()},
		{"predictions", "Leading metrics that do not tell who stays", w.predictions()},
		{"reviews", "Reviews that are due", w.reviews()},
		{"voices", "What people say", w.voices()},
	} {
		if len(s.Items) > 0 {
			r.Sections = append(r.Sections, s)
		}
	}
	if len(r.Sections) == 1 && r.Sections[0].Key == "moved" {
		only := &r.Sections[0]
		only.Items = append(only.Items, Item{Text: "No target, no open incident, no action without an outcome, no review due."})
	}
	return r
}
