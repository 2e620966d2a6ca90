package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a problem keeps the catalog from being used.
type Severity uint8

// The severities.
const (
	Error Severity = iota
	Warning
)

// String is the word that check prints.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Problem is one thing to change in a catalog file. Line and Column count from 1, Column in characters.
type Problem struct {
	Line, Column int
	Severity     Severity
	Message      string // one line: what is wrong and what to write instead
}

// Problems are all problems of one file, sorted by position.
type Problems []Problem

// Failed reports whether any of the problems is an error.
func (p Problems) Failed() bool {
	return slices.ContainsFunc(p, func(x Problem) bool { return x.Severity == Error })
}

// Format prints one line per problem, as "file:line:column: error: message".
func (p Problems) Format(file string) string {
	var b strings.Builder
	for _, x := range p {
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s\n", file, x.Line, x.Column, x.Severity, x.Message)
	}
	return b.String()
}

// Join returns the problems of p and more, sorted by position.
func (p Problems) Join(more Problems) Problems {
	all := slices.Concat(p, more)
	all.sort()
	return all
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// add appends a problem at a position. Control characters of quoted input are escaped: a problem is one line.
func (p *Problems) add(at pos, severity Severity, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	message = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, message)
	*p = append(*p, Problem{Line: max(at.line, 1), Column: max(at.column, 1), Severity: severity, Message: message})
}

// list joins names for a message: a, b or c.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// quoted shortens text for a message and puts it in quotes.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:57]) + "..."
	}
	return `"` + s + `"`
}
