package oracle

// The catalog as YAML, read into plain structs. It is trusted to be one that `firstlight check` accepts.

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

type catalogFile struct {
	Timezone        string
	WeekStart       string `json:"week_start"`
	Users           string
	AllowedLateness span `json:"allowed_lateness"`
	Settle          span
	Windows         []string
	Exclude         exclude
	Defaults        struct{ Direction string }
	Cohorts         []cohort
	Metrics         []metric
	Experiments     []experiment
	Voices          []voice

	calendar *calendar
}

// exclude is what the whole catalog leaves out.
type exclude struct {
	Where     condition
	UsersWith *selector `json:"users_with"`
}

// condition is an expression of its own; nil when there is none.
type condition struct{ expression }

// UnmarshalJSON reads the text of an expression.
func (c *condition) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	if err == nil {
		c.expression, err = parseExpression(text)
	}
	return err
}

type cohort struct {
	Name     string
	Entry    selector
	Grain    string
	Segments []segment
}

type segment struct {
	Name   string
	Path   string
	Values []string
}

type metric struct {
	Name      string
	Kind      string
	Cohort    string
	Within    span
	Direction string

	Predicts *struct {
		Metric string
		Period *int
		Least  *float64
	}

	kind kind
	of   *cohort
}

// UnmarshalJSON reads what all metrics have, and the keys of the kind.
func (m *metric) UnmarshalJSON(data []byte) error {
	type common metric
	if err := json.Unmarshal(data, (*common)(m)); err != nil {
		return err
	}
	made, known := kinds[m.Kind]
	if !known {
		return fmt.Errorf("metric %s: no kind %q", m.Name, m.Kind)
	}
	m.kind = made()
	return json.Unmarshal(data, m.kind)
}

// selector says which events count, and how many of them it takes, or on how many days.
type selector struct {
	Events    []string // nil: any event
	Count     int
	Distinct  string
	Name      string
	FirstSeen bool
	where     expression        // nil: no condition
	also      func(*event) bool // nil: no further condition
}

func (s selector) matches(e *event) bool {
	named := s.Events == nil
	for _, name := range s.Events {
		named = named || name == e.name
	}
	return named && (s.where == nil || holds(s.where, e)) && (s.also == nil || s.also(e))
}

// span is a length of time in milliseconds, written 90s, 10m, 24h, 7d or 2w.
type span int64

func (s *span) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration: %w", err)
	}
	ms, err := parseSpan(text)
	*s = span(ms)
	return err
}

func parseSpan(text string) (int64, error) {
	units := []struct {
		suffix string
		ms     int64
	}{{"s", 1000}, {"m", 60_000}, {"h", 3_600_000}, {"d", 86_400_000}, {"w", 7 * 86_400_000}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("duration %q: %w", text, err)
			}
			return n * u.ms, nil
		}
	}
	return 0, fmt.Errorf("duration %q has no unit s, m, h, d or w", text)
}

// UnmarshalJSON reads a plain string as {event: string}.
func (s *selector) UnmarshalJSON(data []byte) error {
	raw := struct {
		Event     any
		Count     int
		Distinct  string
		Where     string
		Name      string
		FirstSeen bool `json:"first_seen"`
	}{}
	if data[0] == '"' {
		if err := json.Unmarshal(data, &raw.Event); err != nil {
			return err
		}
	} else if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*s = selector{Count: max(1, raw.Count), Distinct: raw.Distinct, Name: raw.Name, FirstSeen: raw.FirstSeen}
	switch e := raw.Event.(type) {
	case string:
		if e != "*" {
			s.Events = []string{e}
		}
	case []any:
		for _, name := range e {
			s.Events = append(s.Events, name.(string))
		}
	}
	if s.Name == "" && s.Events == nil {
		s.Name = "any event"
	} else if s.Name == "" {
		s.Name = strings.Join(s.Events, " or ")
	}
	if raw.Where == "" {
		return nil
	}
	var err error
	s.where, err = parseExpression(raw.Where)
	return err
}

// UnmarshalJSON reads a plain string as a property's name.
func (s *segment) UnmarshalJSON(data []byte) error {
	raw := struct {
		Name, Path string
		Values     []any
	}{}
	if data[0] == '"' {
		if err := json.Unmarshal(data, &raw.Name); err != nil {
			return err
		}
	} else if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*s = segment{Name: raw.Name, Path: raw.Path}
	if s.Path == "" {
		s.Path = "properties." + s.Name
	}
	for _, v := range raw.Values {
		s.Values = append(s.Values, fmt.Sprint(v))
	}
	return nil
}

func parseCatalog(text []byte) (*catalogFile, error) {
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	c := &catalogFile{
		Timezone: "UTC", WeekStart: "monday",
		AllowedLateness: 24 * 3_600_000, Settle: 600_000,
		Windows: []string{"1h", "1d", "7d/1d"},
	}
	if err := json.Unmarshal(asJSON, c); err != nil {
		return nil, err
	}
	if c.calendar, err = newCalendar(c.Timezone, c.WeekStart); err != nil {
		return nil, err
	}
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if m.Direction == "" {
			m.Direction = c.Defaults.Direction
		}
		for j := range c.Cohorts {
			if c.Cohorts[j].Name == m.Cohort {
				m.of = &c.Cohorts[j]
			}
		}
		if m.of == nil {
			return nil, fmt.Errorf("metric %s: no cohort %q", m.Name, m.Cohort)
		}
	}
	return c, nil
}
