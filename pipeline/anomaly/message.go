package anomaly

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// State is where an incident stands after a message.
type State string

// The states. Absence of users or events never resolves an incident: it becomes NoData.
const (
	Opened   State = "opened"
	Updated  State = "updated"
	NoData   State = "no_data"
	Resolved State = "resolved"
)

// Severity says whether somebody is to be woken up.
type Severity string

// The severities. Only Critical pages.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
)

// Reason is what was noticed, or in a resolved message why the incident ended.
type Reason string

// The reasons.
const (
	BelowLimit Reason = "below_limit"      // a guardrail's lower limit is broken
	AboveLimit Reason = "above_limit"      // a guardrail's upper limit is broken
	Dropped    Reason = "dropped"          // a rate or volume is lower than its history lets expect
	Rose       Reason = "rose"             // higher
	Slower     Reason = "slower"           // time to first value is longer than its history lets expect
	Faster     Reason = "faster"           // shorter
	Silence    Reason = "silence"          // a source sends nothing
	Stalled    Reason = "pipeline_stalled" // numbers stand still
	Recovered  Reason = "recovered"        // the value is back
	Expired    Reason = "expired"          // open for so long that it is the normal state, or without data for too long
	Superseded Reason = "superseded"       // late events corrected what was judged, or the condition is not watched any more
	Muted      Reason = "muted"            // an annotation of kind expected covers it
	Retired    Reason = "retired"          // a source has been silent for so long that it is not waited for any more
)

// Names that stand for a metric in incidents of the event flow itself.
const (
	VolumeMetric   = "event_volume"      // events of one source; the label source names it
	EntriesMetric  = "cohort_entries"    // users who enter one cohort
	PipelineMetric = "pipeline_progress" // the processing itself
)

// Message is what is said about an incident: one row of the view anomalies, and the data of one CloudEvent on
// ANOMALIES. Rates are shares from 0 to 1, times are seconds, instants are UTC.
type Message struct {
	Incident string    `json:"incident_id"`
	Seq      uint64    `json:"seq"`              // from 1 within the incident
	Step     int       `json:"step"`             // number of the judgement within the incident; a correction has that of what it corrects
	OfDay    int       `json:"of_day,omitempty"` // number of the message among those of its incident on its local day
	At       time.Time `json:"at"`               // stream time at which it was judged
	State    State     `json:"state"`
	Reason   Reason    `json:"reason"`
	Severity Severity  `json:"severity"`
	Title    string    `json:"title"`   // a few words, the same for the whole incident
	Summary  string    `json:"summary"` // one plain sentence
	Test     bool      `json:"test,omitempty"`
	OpenedAt time.Time `json:"opened_at"`

	Metric MetricInfo `json:"metric"`

	Window      string    `json:"window"` // as the catalog lists it
	WindowStart time.Time `json:"window_start"`
	WindowEnd   time.Time `json:"window_end"`
	AgeSeconds  uint64    `json:"age_seconds,omitempty"` // age since entry at which users were compared; 0: none
	K           uint64    `json:"k"`                     // users who had got there, or events
	N           uint64    `json:"n"`                     // users who could have
	Value       *float64  `json:"value"`
	Unit        Unit      `json:"unit"`
	Limit       *float64  `json:"limit,omitempty"` // of a guardrail

	Expected     *float64 `json:"expected"`
	ExpectedLow  *float64 `json:"expected_low"`
	ExpectedHigh *float64 `json:"expected_high"`
	BaselineDays int      `json:"baseline_days,omitempty"` // local days of history behind expected

	UsersLost    *float64 `json:"users_lost"`      // users fewer than expected; negative: more
	Relative     *float64 `json:"relative_effect"` // value / expected - 1
	Method       string   `json:"method"`
	PValue       *float64 `json:"p_value,omitempty"`
	EValue       *float64 `json:"e_value,omitempty"`
	SeriesTested int      `json:"series_tested,omitempty"`

	Contributors []Contributor `json:"contributors,omitempty"` // largest first
	Explained    bool          `json:"explained,omitempty"`    // the first of them accounts for the change
	Mix          *Mix          `json:"rate_versus_mix,omitempty"`
	Also         []Also        `json:"also,omitempty"`  // other conditions with the same root cause
	Annotations  []Annotation  `json:"notes,omitempty"` // annotations nearby
	Flags        []string      `json:"data_quality,omitempty"`
	SQL          string        `json:"sql"` // shows the numbers again
	Link         string        `json:"link,omitempty"`
	ExampleUsers []string      `json:"example_users,omitempty"` // only when asked for in the settings
	Outcome      *Outcome      `json:"outcome,omitempty"`       // what came of an action about the incident, which stands as before
}

// Unit says what Value, Expected and Limit are.
type Unit string

// The units.
const (
	Share   Unit = "share"
	Seconds Unit = "seconds"
	Events  Unit = "events"
	Users   Unit = "users"
)

// MetricInfo is what on-call needs to know of the metric without looking it up.
type MetricInfo struct {
	Name      string            `json:"name"`
	Kind      string            `json:"kind"` // activation, ttfv, adoption, events, entries or pipeline
	Cohort    string            `json:"cohort"`
	Objective string            `json:"objective,omitempty"`
	Owner     string            `json:"owner,omitempty"`
	Direction string            `json:"direction,omitempty"`
	Action    string            `json:"action,omitempty"`
	Runbook   string            `json:"runbook,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Contributor is one segment value's part in a change. RateEffect and MixEffect of all values of a segment add up to the
// whole change of the rate.
type Contributor struct {
	Segment    string  `json:"segment"`
	Value      string  `json:"segment_value"`
	K          uint64  `json:"k"`
	N          uint64  `json:"n"`
	Rate       float64 `json:"rate"`
	Expected   float64 `json:"expected"` // its rate in the baseline
	RateEffect float64 `json:"rate_effect"`
	MixEffect  float64 `json:"mix_effect"`
	Explains   float64 `json:"explains"` // share of the whole change
}

// Mix splits a change into what people do and who they are.
type Mix struct {
	Segment    string  `json:"segment"` // along which it was split
	RateEffect float64 `json:"rate_effect"`
	MixEffect  float64 `json:"mix_effect"`
	Cause      string  `json:"cause"` // rate: people do less; mix: other people came
}

// Also is a further condition that broke for the same reason.
type Also struct {
	Metric   string   `json:"metric"`
	Reason   Reason   `json:"reason"`
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`
}

// Annotation is an annotation near the incident.
type Annotation struct {
	Kind   string     `json:"kind"`
	Source string     `json:"source"`
	Time   time.Time  `json:"time"`
	Until  *time.Time `json:"until,omitempty"`
	Title  string     `json:"title"`
	URL    string     `json:"url,omitempty"`
}

// Outcome is what came of an action about an incident, as the view action_effects has it.
type Outcome struct {
	Source      string    `json:"source"`
	ID          string    `json:"id"` // with the source: which annotation the action is
	Title       string    `json:"title"`
	At          time.Time `json:"at"` // when it was done
	Verdict     string    `json:"verdict"`
	ExplainedBy []string  `json:"explained_by,omitempty"`
}

// ID identifies the message everywhere it is sent.
func (m *Message) ID() string { return fmt.Sprintf("%s-%d", m.Incident, m.Seq) }

// Subject is the message's subject on JetStream.
func (m *Message) Subject() string { return fmt.Sprintf("anomalies.%s.%s", m.Severity, m.Metric.Name) }

// Blames reports whether the message names a segment value whose users changed.
func (m *Message) Blames() bool {
	return m.Explained && len(m.Contributors) > 0 && m.Mix != nil && m.Mix.Cause == "rate"
}

// Open reports whether the incident goes on after the message.
func (m *Message) Open() bool { return m.State != Resolved }

// Type is the CloudEvents type. A message without data is an update.
func (m *Message) Type() string {
	state := m.State
	if state == NoData {
		state = Updated
	}
	return "firstlight.incident." + string(state)
}

// CloudEvent writes the message as a structured CloudEvents 1.0 event.
func (m *Message) CloudEvent(product string) ([]byte, error) {
	data, err := json.Marshal(struct {
		SpecVersion     string   `json:"specversion"`
		ID              string   `json:"id"`
		Type            string   `json:"type"`
		Source          string   `json:"source"`
		Subject         string   `json:"subject"`
		Time            string   `json:"time"`
		DataContentType string   `json:"datacontenttype"`
		Data            *Message `json:"data"`
	}{"1.0", m.ID(), m.Type(), "firstlight/" + url.PathEscape(product), m.Metric.Name, m.At.UTC().Format(time.RFC3339Nano), "application/json", m})
	if err != nil {
		return nil, fmt.Errorf("write message %s: %w", m.ID(), err)
	}
	return data, nil
}
