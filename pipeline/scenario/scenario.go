// Package scenario reads scenario files: events in, rows of views out, in a form that a product manager can read.
// Tests run them against the oracle and against the real pipeline.
//
// A file is a txtar archive. Its comment says which rule of the contract it shows. Its parts are
//
//	-- catalog.yaml --    the metric catalog
//	-- settings --        optional; the line "partitions 1" asks for one partition where lateness depends on it
//	-- events --          one message a line, in stream order (see event.go)
//	-- actions --         optional: ID METRIC TIME, what was done, for the view action_effects
//	-- expect VIEW column=value… --
//	                      the rows of a view, all of them or those with the given values (see expect.go)
//
// Empty lines and lines that start with # mean nothing. Times are RFC 3339; seconds may be left out.
//
// as_of is the largest received time of all messages, as for any historical stream. A last line "TIME clock"
// moves it without touching a number.
package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"firstlight/pipeline/oracle"
)

// Row is a row of a view: column to value.
type Row = oracle.Row

// Scenario is one file.
type Scenario struct {
	Name       string // of the file, without .txt
	Title      string // the first line
	Catalog    []byte
	Partitions int // how many the expectations hold for; 0 for any number

	// NeedsStored is set when the scenario chooses the stream's own timestamps, which a server does not let a
	// publisher do.
	NeedsStored bool

	messages []oracle.Message
	asOf     time.Time
	expects  []expectation
	actions  []oracle.Action
}

// Load reads a scenario file.
func Load(path string) (*Scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	archive := txtar.Parse(data)
	title, _, _ := strings.Cut(string(archive.Comment), "\n")
	s := &Scenario{Name: strings.TrimSuffix(filepath.Base(path), ".txt"), Title: title}
	for _, f := range archive.Files {
		if err := s.part(f.Name, f.Data); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, f.Name, err)
		}
	}
	if s.Title == "" || s.Catalog == nil || len(s.messages) == 0 || len(s.expects) == 0 {
		return nil, fmt.Errorf("%s: a scenario needs a title, catalog.yaml, events and an expectation", path)
	}
	return s, nil
}

// LoadAll reads every scenario that matches a pattern, by name.
func LoadAll(pattern string) ([]*Scenario, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var all []*Scenario
	for _, path := range paths {
		s, err := Load(path)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (s *Scenario) part(name string, data []byte) error {
	view, expects := strings.CutPrefix(name, "expect ")
	switch {
	case name == "catalog.yaml":
		s.Catalog = data
		return nil
	case name == "settings":
		return s.settings(lines(data))
	case name == "events":
		return s.events(lines(data))
	case name == "actions":
		return s.done(lines(data))
	case expects:
		e, err := parseExpectation(view, lines(data))
		s.expects = append(s.expects, e)
		return err
	}
	return fmt.Errorf("unknown part")
}

func (s *Scenario) settings(lines []string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 2 || words[0] != "partitions" {
			return fmt.Errorf("%q: write partitions N", line)
		}
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		s.Partitions = n
	}
	return nil
}

// done reads what was done.
func (s *Scenario) done(lines []string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 3 {
			return fmt.Errorf("%q: write ID METRIC TIME", line)
		}
		at, err := parseTime(words[2])
		if err != nil {
			return err
		}
		s.actions = append(s.actions, oracle.Action{Source: "cli", ID: words[0], Metric: words[1], At: at})
	}
	return nil
}

// Actions returns what was done.
func (s *Scenario) Actions() []oracle.Action { return s.actions }

// Messages returns the messages in stream order. Their received time is in the header Firstlight-Received-At, so
// that it survives being published now. They carry no Nats-Msg-Id: what is in the file is meant to be stored.
func (s *Scenario) Messages() []oracle.Message { return s.messages }

// AsOf is the as_of that the expectations hold for.
func (s *Scenario) AsOf() time.Time { return s.asOf }

// Views names the views that have an expectation, in the file's order.
func (s *Scenario) Views() []string {
	var views []string
	seen := map[string]bool{}
	for _, e := range s.expects {
		if !seen[e.view] {
			seen[e.view] = true
			views = append(views, e.view)
		}
	}
	return views
}

// Compare returns how the rows of a view differ from what the scenario expects; nil when they do not.
//
// The rows of pipeline_progress are added up first, into one without a partition: a scenario does not know who
// shares a partition.
func (s *Scenario) Compare(view string, got []Row) []string {
	if view == "pipeline_progress" {
		got = []Row{total(got)}
	}
	var problems []string
	for _, e := range s.expects {
		if e.view == view {
			problems = append(problems, e.compare(got)...)
		}
	}
	return problems
}

// lines returns the lines that mean something.
func lines(data []byte) []string {
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// parseTime reads an RFC 3339 time whose seconds may be left out.
func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse("2006-01-02T15:04Z07:00", text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}
