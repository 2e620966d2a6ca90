package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Changed names what differs from an earlier definition, in the order of a catalog file, such as
// "metrics.activated.within: 7d -> 14d" or "metrics.exports: added". It is empty exactly if nothing does.
func (c *Catalog) Changed(earlier []byte) []string {
	definitionNow := c.Definition()
	if bytes.Equal(earlier, definitionNow) {
		return nil
	}
	var before, after definition
	if err := json.Unmarshal(earlier, &before); err != nil {
		return []string{"the old definition cannot be read: " + err.Error()}
	}
	if err := json.Unmarshal(definitionNow, &after); err != nil {
		return []string{"the new definition cannot be read: " + err.Error()}
	}
	stepsKeys := c.stepsKeys()
	var d differences
	d.fields("", before.fields(), after.fields())
	d.parts("cohorts", before.cohorts(), after.cohorts())
	d.parts("metrics", before.metrics(stepsKeys), after.metrics(stepsKeys))
	d.parts("experiments", before.experiments(stepsKeys), after.experiments(stepsKeys))
	d.parts("voices", before.voices(), after.voices())
	if len(d) == 0 {
		return []string{"the definition's format: written by another version"}
	}
	return d
}

// field is one line of a definition in a product manager's words.
type field struct{ name, text string }

// part is a named cohort or metric.
type part struct {
	name   string
	fields []field
}

type differences []string

func (d *differences) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

// fields compares two lists of fields; one that is missing is empty.
func (d *differences) fields(prefix string, before, after []field) {
	text := func(in []field, name string) string {
		if i := slices.IndexFunc(in, func(f field) bool { return f.name == name }); i >= 0 {
			return in[i].text
		}
		return ""
	}
	for i, f := range slices.Concat(after, before) {
		gone := i >= len(after)
		if gone && slices.ContainsFunc(after, func(is field) bool { return is.name == f.name }) {
			continue
		}
		if was, is := text(before, f.name), text(after, f.name); was != is {
			d.add("%s%s: %s -> %s", prefix, f.name, orNone(was), orNone(is))
		}
	}
}

func (d *differences) parts(of string, before, after []part) {
	for _, was := range before {
		if find(after, was.name) < 0 {
			d.add("%s.%s: removed", of, was.name)
		}
	}
	for _, is := range after {
		if i := find(before, is.name); i >= 0 {
			d.fields(of+"."+is.name+".", before[i].fields, is.fields)
		} else {
			d.add("%s.%s: added", of, is.name)
		}
	}
	if !slices.Equal(common(before, after), common(after, before)) {
		d.add("%s: order changed", of)
	}
}

func find(in []part, name string) int {
	return slices.IndexFunc(in, func(p part) bool { return p.name == name })
}

// common returns the names in a that b has too, in the order of a.
func common(a, b []part) (names []string) {
	for _, p := range a {
		if find(b, p.name) >= 0 {
			names = append(names, p.name)
		}
	}
	return names
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (d *definition) fields() []field {
	return append([]field{
		{"product", d.Product},
		{"timezone", d.Timezone},
		{"week_start", d.WeekStart},
		{"users", d.Users},
		{"allowed_lateness", d.Lateness},
		{"settle", d.Settle},
		{"windows", strings.Join(d.Windows, ", ")},
	}, d.Exclude.fields()...)
}

func (d *definition) cohorts() (out []part) {
	for _, c := range d.Cohorts {
		segments := make([]string, len(c.Segments))
		for i, s := range c.Segments {
			segments[i] = s.words()
		}
		out = append(out, part{c.Name, []field{
			{"entry", c.Entry}, {"grain", c.Grain}, {"segments", strings.Join(segments, "; ")},
		}})
	}
	return out
}

func (s segmentDefinition) words() string {
	text := s.Name
	if s.Path != "properties."+s.Name {
		text += " from " + s.Path
	}
	if len(s.Values) > 0 {
		text += " (" + strings.Join(s.Values, ", ") + ")"
	}
	return text
}

// metrics describes the metrics; stepsKeys is what the catalog calls the steps of each.
func (d *definition) metrics(stepsKeys map[string]string) (out []part) {
	return metricParts(d.Metrics, stepsKeys)
}

// experiments describes the experiments, each with its metrics.
func (d *definition) experiments(stepsKeys map[string]string) (out []part) {
	for _, e := range d.Experiments {
		p := part{e.Name, []field{
			{"exposure", e.Exposure}, {"variant", e.Variant}, {"split", strings.Join(e.Variants, ", ")}, {"until", e.Until},
		}}
		metrics := metricParts(e.Metrics, stepsKeys)
		names := make([]string, len(metrics))
		for i, m := range metrics {
			names[i] = m.name
			for _, f := range m.fields {
				if f.name != "cohort" {
					p.fields = append(p.fields, field{m.name + "." + f.name, f.text})
				}
			}
		}
		p.fields = append(p.fields, field{"metrics", strings.Join(names, ", ")})
		out = append(out, p)
	}
	return out
}

func metricParts(metrics []metricDefinition, stepsKeys map[string]string) (out []part) {
	for _, m := range metrics {
		steps := make([]string, len(m.Steps))
		for i, s := range m.Steps {
			steps[i] = s.words()
		}
		fields := []field{{"kind", m.Kind}, {"cohort", m.Cohort}, {stepsKeys[m.Name], strings.Join(steps, "; ")}}
		for _, f := range m.Own {
			fields = append(fields, field{f.Key, f.Text})
		}
		out = append(out, part{m.Name, fields})
	}
	return out
}

func (s stepDefinition) words() string {
	text := s.Events
	text = times(s.Count, s.Distinct != "", text)
	if s.Name != s.Events && !strings.HasPrefix(s.Events, s.Name+" where ") {
		text += " (" + s.Name + ")"
	}
	return text
}
