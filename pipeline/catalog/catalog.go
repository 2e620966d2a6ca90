// Package catalog turns the metric catalog, a YAML file that product managers own, into a checked and
// compiled form: selectors the worker can match, cohorts, metrics and their windows.
//
// The package is pure: it reads bytes and returns values and problems.
//
// What the contract leaves open is decided here:
//
//   - A duration is whole numbers with units y (365 d), w, d, h, m, s, the longest first, at most 100 years.
//   - A catalog has at most 512 KiB, 500 metrics, 256 different selectors, 64 steps per activation. YAML aliases
//     are followed; merge keys, tags and further documents are not accepted.
//   - Event names are taken as they are. "*" inside a name has no meaning, and check warns of it.
//   - A step without a name is named after its events; names are unique within a metric. A segment's path is
//     split at dots, so keys that hold a dot cannot be reached.
//   - In expressions a path is null wherever it finds nothing: below a missing property, below text or a number,
//     beyond the end of a list. has() is true for a property that is there and null. An operation on null does
//     not match, not even under "!", and is no failure; the other side of "||" still decides. Of keys that occur
//     twice the last one counts. Numbers are numbers in comparisons and arithmetic, however they are written: 7 / 2 is 3.5,
//     whole ones are exact up to 64 bits, and a division by zero fails. The work of one evaluation is bounded; one that
//     exceeds it failed.
//   - A guardrail without a window watches the first of 1d, 1w, 1mo, 1h that the catalog has. For ttfv a limit
//     that is a duration is on the median (km_p50), one that is a number on the share with value by age.
//   - false_alarms_per_month, example_users and sources are governance: they change no number.
//   - Of an experiment the exposure, the variants, until and the metrics belong to the definition; what only compares users
//     (hypothesis, owner, control, least_effect, the shares of split) is governance. Exposures in a variant that split does
//     not list are of the variant (other).
//   - The order of cohorts, metrics, steps, segments and windows belongs to the definition, that of event names
//     and segment values does not.
package catalog

import (
	"time"

	"cel.dev/cel-go/cel"
)

// MaxSelectors bounds the distinct selectors of one catalog.
const MaxSelectors = 256

// Mask says which selectors of a catalog an event matches: bit i stands for Catalog.Selectors[i].
type Mask [MaxSelectors / 64]uint64

// Has reports whether bit i is set.
func (m *Mask) Has(i int) bool { return m[i>>6]&(1<<(i&63)) != 0 }

// Set sets bit i.
func (m *Mask) Set(i int) { m[i>>6] |= 1 << (i & 63) }

// Intersects reports whether two masks share a bit.
func (m *Mask) Intersects(o *Mask) bool {
	for i := range m {
		if m[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// Catalog is a checked, compiled catalog.
type Catalog struct {
	Product         string
	Timezone        string // IANA name
	Location        *time.Location
	WeekStart       time.Weekday // Monday or Sunday
	AllUsers        bool         // users: all, events with only an anonymous id count
	AllowedLateness time.Duration
	Settle          time.Duration
	FalseAlarms     float64           // how many false alarms of detection without configuration a month may bring; 0: none is done
	ExampleUsers    int               // user ids that a message to on-call may name
	Exclude         *Exclude          // what is left out; nil when there is nothing
	Sources         map[string]Source // by name; see Catalog.Source
	Review          *ReviewPlan       // when reviews are sent; nil: they are not
	Windows         []Window
	Cohorts         []Cohort
	Metrics         []Metric
	Experiments     []Experiment
	Voices          []Voice
	Selectors       []Selector // distinct; everything else refers to them by index

	programs []cel.Program // per selector; nil where there is no expression
	mentions []mention
	places   places
}

// WindowKind is the shape of a window.
type WindowKind uint8

// The window kinds. Hour to Month tumble on local boundaries, Trailing ends at every local midnight.
const (
	Hour WindowKind = iota
	Day
	Week
	Month
	Trailing
)

// Window is one entry of windows.
type Window struct {
	Name string // as written: 1h, 1d, 1w, 1mo, 7d/1d
	Kind WindowKind
	Days int // length of a Trailing window in local days, 1-90
}

// Grain is the length of a cohort's period.
type Grain uint8

// The grains.
const (
	GrainDay Grain = iota
	GrainWeek
	GrainMonth
)

// Cohort is a group of users by when they entered.
type Cohort struct {
	Name      string
	FirstSeen bool // entry is the user's first event of any name
	Entry     int  // selector index; the "*" selector when FirstSeen
	Grain     Grain
	Segments  []Segment
}

// Segment splits a cohort by a value of the entry event.
type Segment struct {
	Name   string
	Path   []string // starts with "properties" or "context"
	Values []string // when set, others become (other)
}

// Step is a selector that is reached at its Count-th matching event, or with Days at the first event of the Count-th local day with one.
type Step struct {
	Name     string
	Selector int
	Count    int // at least 1, with Days at least 2
	Days     bool
}

// Metric is one compiled metric.
type Metric struct {
	Name     string
	Kind     Kind
	Cohort   int           // index into Catalog.Cohorts
	Steps    []Step        // what a user must do: an activation's steps, the one value, the one feature
	Sequence bool          // the steps are done one after the other
	Within   time.Duration // whole hours; 0 when there is none
	Active   int           // selector index of the events that are activity; NoSelector where that does not matter
	Periods  Periods       // in which users are followed since they started; none where they are not
	Trial    *Trial        // of one that an experiment asks; nil else
	Place    int           // among the metrics that are computed together, where stored users have it; see Catalog.As
	Governance
}

// Reads are the other metrics of the cohort, by index, whose outcome decides what this one counts.
func (m *Metric) Reads() (others []int) {
	for _, other := range []int{m.Periods.After, m.Periods.Split} {
		if m.Periods.Last > 0 && other != NoMetric {
			others = append(others, other)
		}
	}
	return others
}

// Governance is what may change without changing a number.
type Governance struct {
	Owner, Objective, Indicator, Direction, Action string
	Runbook, Description                           string
	Labels                                         map[string]string
	Target                                         *Target
	ReviewBy                                       string // YYYY-MM-DD, empty when there is none
	Stage                                          string // of the product that the metric belongs to, one of Stages; empty when not said
	Guardrails                                     []Guardrail
	Predicts                                       *Prediction // nil: nothing
}

// Stages are the stages of a product that metrics may belong to, in their order.
var Stages = []string{"early", "growth", "maturity"}

// Target is the value a metric should reach.
type Target struct {
	Value  float64 // a share, or seconds for TTFV
	By     string  // YYYY-MM-DD
	Period int     // the period that should reach it, where users are followed in periods
}

// Selector says which events count.
type Selector struct {
	Text  string   // canonical form, for messages and counters
	Names []string // event names, sorted; nil means any
	Where string   // CEL source in canonical form, empty when there is none

	Exposure *Exposure // takes, of another selector's events, those that it says; then there are no names and no expression
}
