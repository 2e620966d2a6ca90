package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// definition is everything in a catalog that determines stored numbers, in canonical spelling: durations in days,
// hours, minutes and seconds, selectors as their text. What is left out, the governance fields, may change at any
// time. The order of lists belongs to it, because stored rows refer to cohorts, metrics and steps by position.
type definition struct {
	Version   int                `json:"version"`
	Product   string             `json:"product"`
	Timezone  string             `json:"timezone"`
	WeekStart string             `json:"week_start"`
	Users     string             `json:"users"`
	Lateness  string             `json:"allowed_lateness"`
	Settle    string             `json:"settle"`
	Windows   []string           `json:"windows"`
	Exclude   *excludeDefinition `json:"exclude,omitempty"`
	Cohorts   []cohortDefinition `json:"cohorts"`
	Metrics   []metricDefinition `json:"metrics"`
	Voices    []voiceDefinition  `json:"voices,omitempty"` // by name

	Experiments []experimentDefinition `json:"experiments,omitempty"`
}

// experimentDefinition holds its metrics as they are defined: an experiment changes with them. How users are meant to be dealt, and which
// variant is the control, changes no count.
type experimentDefinition struct {
	Name     string             `json:"name"`
	Exposure string             `json:"exposure"`
	Variant  string             `json:"variant"`
	Variants []string           `json:"variants"` // sorted
	Until    string             `json:"until,omitempty"`
	Metrics  []metricDefinition `json:"metrics"`
}

type cohortDefinition struct {
	Name     string              `json:"name"`
	Entry    string              `json:"entry"`
	Grain    string              `json:"grain"`
	Segments []segmentDefinition `json:"segments,omitempty"`
}

type segmentDefinition struct {
	Name   string   `json:"name"`
	Path   string   `json:"path"`
	Values []string `json:"values,omitempty"` // sorted
}

// metricDefinition is written as one JSON object: what all metrics have, then the fields of its kind that are not empty.
type metricDefinition struct {
	metricHead
	Own []Field
}

type metricHead struct {
	Name   string           `json:"name"`
	Kind   string           `json:"kind"`
	Cohort string           `json:"cohort"`
	Steps  []stepDefinition `json:"steps"`
}

// MarshalJSON implements json.Marshaler.
func (d metricDefinition) MarshalJSON() ([]byte, error) {
	text := bytes.TrimSuffix(encode(d.metricHead), []byte("}"))
	for _, f := range d.Own {
		if f.Text != "" {
			text = fmt.Appendf(text, ",%s:%s", encode(f.Key), encode(f.Text))
		}
	}
	return append(text, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler. The fields of the kind come in the order of their names.
func (d *metricDefinition) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &d.metricHead); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		var text string
		if !slices.Contains([]string{"name", "kind", "cohort"}, key) && json.Unmarshal(all[key], &text) == nil {
			d.Own = append(d.Own, Field{key, text})
		}
	}
	return nil
}

type stepDefinition struct {
	Name     string `json:"name"`
	Events   string `json:"events"`
	Count    int    `json:"count"`
	Distinct string `json:"distinct,omitempty"`
}

// firstSeen is the entry of a cohort that users enter with their first event.
const firstSeen = "first_seen"

// Definition returns canonical JSON of everything but the governance fields: two catalogs have the same definition
// exactly if they give the same rows.
func (c *Catalog) Definition() []byte {
	d := definition{
		Version:   1,
		Product:   c.Product,
		Timezone:  c.Timezone,
		WeekStart: c.WeekStartName(),
		Users:     c.users(),
		Lateness:  formatDuration(c.AllowedLateness),
		Settle:    formatDuration(c.Settle),
		Exclude:   c.defineExclude(),
		Voices:    c.defineVoices(),
	}
	for _, w := range c.Windows {
		d.Windows = append(d.Windows, w.Name)
	}
	for i := range c.Cohorts {
		d.Cohorts = append(d.Cohorts, c.defineCohort(i))
	}
	for i := range c.Metrics {
		d.Metrics = append(d.Metrics, c.defineMetric(i))
	}
	for i := range c.Experiments {
		d.Experiments = append(d.Experiments, c.defineExperiment(&c.Experiments[i]))
	}
	return encode(d)
}

// Hash returns the first 32 hex digits of the SHA-256 of the definition.
func (c *Catalog) Hash() string { return hash(c.Definition()) }

// MetricHash identifies what determines the numbers of metric i: its own definition, that of its cohort, and the
// catalog's time zone, week start, users, lateness and exclusion. It depends on other metrics only where it reads them.
func (c *Catalog) MetricHash(i int) string {
	var reads []metricDefinition
	for _, other := range c.Metrics[i].Reads() {
		reads = append(reads, c.defineMetric(other))
	}
	return hash(encode(struct {
		Metric                               metricDefinition
		Cohort                               cohortDefinition
		Timezone, WeekStart, Users, Lateness string
		Exclude                              *excludeDefinition `json:",omitempty"`
		Reads                                []metricDefinition `json:",omitempty"`
	}{
		c.defineMetric(i),
		c.defineCohort(c.Metrics[i].Cohort),
		c.Timezone, c.WeekStartName(), c.users(), formatDuration(c.AllowedLateness), c.defineExclude(), reads,
	}))
}

func encode(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: a definition does not encode: " + err.Error())
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func (c *Catalog) users() string {
	if c.AllUsers {
		return "all"
	}
	return "identified"
}

func (c *Catalog) defineCohort(i int) cohortDefinition {
	in := c.Cohorts[i]
	out := cohortDefinition{Name: in.Name, Entry: firstSeen, Grain: in.Grain.String()}
	if !in.FirstSeen {
		out.Entry = c.Selectors[in.Entry].Text
	}
	for _, s := range in.Segments {
		out.Segments = append(out.Segments, segmentDefinition{
			Name: s.Name, Path: strings.Join(s.Path, "."), Values: slices.Sorted(slices.Values(s.Values)),
		})
	}
	return out
}

func (c *Catalog) defineExperiment(e *Experiment) experimentDefinition {
	x := &e.exposure
	out := experimentDefinition{
		Name: e.Name, Exposure: c.Selectors[x.Of].Text, Variant: strings.Join(x.Path, "."), Variants: x.Variants, Until: e.Until,
	}
	for i := range e.Metrics {
		m := &e.Metrics[i]
		d := c.define(m, m.Trial.Of, e.Name)
		if m.Periods.Last > 0 {
			d.Own = append(d.Own, Field{"compared", strconv.Itoa(m.Trial.Period)})
		}
		out.Metrics = append(out.Metrics, d)
	}
	return out
}

func (c *Catalog) defineMetric(i int) metricDefinition {
	in := &c.Metrics[i]
	return c.define(in, in.Name, c.Cohorts[in.Cohort].Name)
}

func (c *Catalog) define(in *Metric, name, cohort string) metricDefinition {
	out := metricDefinition{metricHead{Name: name, Kind: in.Kind.String(), Cohort: cohort}, in.Kind.Definition(c, in)}
	for _, s := range in.Steps {
		step := stepDefinition{Name: s.Name, Events: c.Selectors[s.Selector].Text, Count: s.Count}
		if s.Days {
			step.Distinct = distinctDay
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// DefineWithin spells the horizon of a metric, for its definition: 7d; empty when there is none.
func (m *Metric) DefineWithin() string {
	if m.Within == 0 {
		return ""
	}
	return formatDuration(m.Within)
}

// String is the catalog's word for a grain: day, week or month.
func (g Grain) String() string { return [...]string{"day", "week", "month"}[g] }

// WeekStartName is the catalog's word for the first day of the week: monday or sunday.
func (c *Catalog) WeekStartName() string { return strings.ToLower(c.WeekStart.String()) }

// DurationWords writes a duration for people: 7 days, 36 hours.
func DurationWords(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int(d / u.unit); d%u.unit == 0 && n > 0 {
			if n == 1 {
				return "1 " + u.name
			}
			return strconv.Itoa(n) + " " + u.name + "s"
		}
	}
	return formatDuration(d)
}
