package catalog

import (
	"slices"
	"strings"
	"time"
)

// Kind is one kind of metric, as everybody who holds a metric of it sees it. Each kind is one room, a folder of pipeline/kind,
// and the catalog knows it through this interface only: Load is given the kinds that there are.
//
// A Kind may hold what only its own metrics have: Read then puts one of its own into Metric.Kind.
type Kind interface {
	// String is the catalog's word, such as activation.
	String() string
	// Synonyms are the words that people of other tools write for it.
	Synonyms() []string
	// Keys are what a metric of this kind has beside what all have; the first holds its steps.
	Keys() []string
	// Traits say what the kind is made of.
	Traits() Traits

	// Read reads the keys into m, whose name, kind, cohort and within are there already. Problems are reported through o.
	Read(o Object, m *Metric)
	// Check warns of what is well written and still cannot say what was meant.
	Check(o Object, m *Metric)
	// CheckGuardrail reports what of a guardrail does not go with the kind; o is the guardrail's.
	CheckGuardrail(o Object, m *Metric, g *Guardrail)

	// Formula says what a metric computes, in one or two plain sentences.
	Formula(c *Catalog, m *Metric) string
	// Definition lists what beside its steps decides a metric's numbers, in canonical spelling, in the order in which its definition
	// is written. It must not change for a catalog that stays the same: the definition's hash would.
	Definition(c *Catalog, m *Metric) []Field

	// Ages are those at which detection compares a metric's new users with users of before, ascending, where the kind is ByAge:
	// early ones, because they are known early.
	Ages(m *Metric) []time.Duration
	// Figure names what an incident is about, without the users and the time, such as "Activation within 24 h (activated)". within is
	// the age at which users are compared, in words, or the number of the period; empty where there is neither. median says that it is
	// the median of a time.
	Figure(m *Metric, within string, median bool) string
}

// Traits say which of the primitives that kinds share a kind is made of.
type Traits struct {
	// Time is what the value is called where it is a time since the entry, such as "time to first value"; empty where it is a share.
	Time string
	// Reached says that a user gets there once after the entry, or not yet.
	Reached bool
	// ByAge says that users are followed from their entry, and compared at an age; else the users of a window are, counted in ByWindow.
	ByAge    bool
	ByWindow Counts
	// ByPeriod is the view where users are followed from their start, and counted in each period since (Metric.Periods).
	ByPeriod Counts
	// Medians is the view that holds the median by entry window where the value is a time: km_p50_seconds, km_p50_low, km_p50_high.
	Medians string
	// TakesEntry says that a step may well be the entry's event: the entry itself serves it, or users come again.
	TakesEntry bool
	// Milestone says that a user gets there in time or does not: others of the cohort may follow those who did.
	Milestone bool
}

// Counts is a view with a row for each window or period, by cohort, and its columns that count all users and those of them who did it.
type Counts struct{ View, All, Some string }

// Field is one key of a definition with its value in canonical spelling.
type Field struct{ Key, Text string }

// kindNamed returns the kind of a name, nil when there is none.
func (l *loader) kindNamed(name string) Kind {
	for _, k := range l.kinds {
		if k.String() == name {
			return k
		}
	}
	return nil
}

// kindMeant returns the kind that a word stands for, by its name or a synonym; nil when there is none.
func (l *loader) kindMeant(word string) Kind {
	if k := l.kindNamed(word); k != nil {
		return k
	}
	return l.kindNamed(l.meantKind(word))
}

// meantKind returns the name of the kind that people of other tools call so, and "" when there is none.
func (l *loader) meantKind(word string) string {
	for _, k := range l.kinds {
		if slices.Contains(k.Synonyms(), strings.ToLower(word)) {
			return k.String()
		}
	}
	return ""
}

// kindNames lists the kinds' names.
func (l *loader) kindNames() []string {
	names := make([]string, len(l.kinds))
	for i, k := range l.kinds {
		names[i] = k.String()
	}
	return names
}

// kindKeys lists the keys that some kind has and not all metrics, each once.
func (l *loader) kindKeys() (all []string) {
	for _, k := range l.kinds {
		for _, key := range k.Keys() {
			if !slices.Contains(all, key) {
				all = append(all, key)
			}
		}
	}
	return all
}
