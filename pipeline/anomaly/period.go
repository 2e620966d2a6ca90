package anomaly

import (
	"fmt"
	"time"

	"firstlight/pipeline/catalog"
)

// Users who are followed in periods since they started: those of a window are judged once the period of all of them is over.

// Returned are users who started on one local day, and those of them who came back in a period since.
type Returned struct{ Started, Returned int64 }

// WatchedPeriods are the periods of a metric that are judged: that of its target, and those with limits.
func WatchedPeriods(m *catalog.Metric) (periods []int) {
	if m.Periods.Last == 0 {
		return nil
	}
	periods = append(periods, m.TargetPeriod())
	for i := range m.Guardrails {
		if p := m.Guardrails[i].Period; p != nil {
			periods = append(periods, *p)
		}
	}
	return periods
}

// returned counts the users who started in a window, and how many of them came back in a period.
func (j *judge) returned(metric int, s span, period int) (k, n int64) {
	days := j.evidence.Metrics[metric].Periods[period]
	for d := s.first; d <= s.last; d++ {
		if i := int(d - j.evidence.From); i >= 0 && i < len(days) {
			k, n = k+days[i].Returned, n+days[i].Started
		}
	}
	return k, n
}

// periodAge is how long (ms) after a window the period of everybody who started in it is over, whatever the calendar does.
func periodAge(p catalog.Periods, period int) int64 {
	const changes = 2 * time.Hour // of the clocks
	days := 0
	switch p.Unit {
	case catalog.PeriodDay, catalog.PeriodWeek:
		return int64(period+1) * int64(p.Unit.Days()) * (24 * time.Hour).Milliseconds()
	case catalog.CalendarDay:
		days = period
	case catalog.CalendarWeek:
		days = 7*(period+1) - 1
	case catalog.CalendarMonth:
		days = 31*(period+1) - 1
	}
	return (time.Duration(days)*24*time.Hour + changes).Milliseconds()
}

// returnedIn is the share of each day's new starters who came back in a period.
func (j *judge) returnedIn(metric, period int) *dailySeries {
	c := j.newDailySeries(metric, fmt.Sprint("period ", period))
	c.period, c.ageMs = &period, periodAge(j.catalog.Metrics[metric].Periods, period)
	j.eachDay(func(s span) {
		k, n := j.returned(metric, s, period)
		c.add(observed{tally: tally{s, k, n}, at: j.ready(s, c.ageMs), spoilt: j.spoilt(metric, s, c.ageMs)})
	})
	return c
}

// returnsQuery shows the numbers of a message about a period again, by cohort.
func returnsQuery(m *catalog.Metric, s span, period int) string {
	by := m.Kind.Traits().ByPeriod
	return fmt.Sprintf("SELECT cohort_start, %s AS k, %s AS n, rate AS value FROM %s WHERE metric = %s AND period = %d AND cohort_start > toDate('%s') - 32 AND cohort_start <= toDate('%s') ORDER BY cohort_start",
		by.Some, by.All, by.View, literal(m.Name), period, s.first.Time().Format(time.DateOnly), s.last.Time().Format(time.DateOnly))
}
