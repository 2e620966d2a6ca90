package catalog

import "slices"

// Unit is what a period of a user's time is as long as.
type Unit uint8

// The units. PeriodDay and PeriodWeek are 24 and 7 × 24 hours since the user started; those of the calendar are local.
const (
	PeriodDay Unit = iota
	PeriodWeek
	CalendarDay
	CalendarWeek
	CalendarMonth
)

var unitNames = []string{"day", "week", "calendar_day", "calendar_week", "calendar_month"}

// String is the catalog's word for a unit.
func (u Unit) String() string { return unitNames[u] }

// Calendar reports whether a unit is of the local calendar.
func (u Unit) Calendar() bool { return u >= CalendarDay }

// Days is the length of a unit in days; 0 of a month.
func (u Unit) Days() int { return [...]int{1, 7, 1, 7, 0}[u] }

// MaxPeriod is the largest number of a period.
const MaxPeriod = 90

// Periods are those in which users are followed since they started: period 0 holds the start.
type Periods struct {
	Unit  Unit
	Last  int // number of the last one that has rows, 1 to MaxPeriod; 0 where users are not followed so
	After int // index of the metric of the same cohort whose value starts a user; NoMetric where the entry does
	Split int // index of the metric of the same cohort that users are told apart by; NoMetric where they are not
}

// TargetPeriod is the period that a metric's one number is of: that of its target, else the first; 0 where there are none.
func (m *Metric) TargetPeriod() int {
	switch {
	case m.Periods.Last == 0:
		return 0
	case m.Target != nil:
		return m.Target.Period
	default:
		return 1
	}
}

// Periods reads the keys period and periods.
func (o Object) Periods() (p Periods) {
	word := o.Choice("period", PeriodWeek.String(), unitNames...)
	p.Unit = Unit(max(0, slices.Index(unitNames, word)))
	p.Last, p.After, p.Split = o.count("periods", defaultPeriods, 1, MaxPeriod), NoMetric, NoMetric
	return p
}

const defaultPeriods = 12

// period reads which period a target or a guardrail is of, the first unless it is said.
func (o Object) period(m *Metric) int {
	n := o.get("period")
	switch {
	case m.Periods.Last > 0:
		return o.count("period", 1, 0, m.Periods.Last)
	case n != nil:
		o.errorf(n.pos, "\"period\" does not go with kind %s, which has no periods: remove it", m.Kind)
	}
	return 0
}
