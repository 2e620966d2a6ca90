package anomaly

import (
	"fmt"
	"strings"
	"time"

	"firstlight/pipeline/catalog"
)

// The query that shows a message's numbers again, on the views.

// query returns it.
func (j *judge) query(f *fact) string {
	s := f.of.span
	if f.watch.subject.cohort != "" {
		return j.entriesQuery(f.watch.subject.cohort, s)
	}
	if f.watch.subject.metric < 0 {
		return fmt.Sprintf("SELECT window_start, sum(events) AS events FROM event_volume WHERE source = %s AND `window` = %s AND window_end > %s GROUP BY window_start ORDER BY window_start",
			literal(f.watch.subject.source), literal(j.finest()), instant(s.start-7*86400))
	}
	m := &j.catalog.Metrics[f.watch.subject.metric]
	where := fmt.Sprintf("metric = %s AND `window` = %s AND window_start = %s", literal(m.Name), literal(s.window), instant(s.start))
	traits, g := m.Kind.Traits(), &f.of.finding
	counted := fmt.Sprintf("sum(%s) AS k, sum(%s) AS n, k / n AS value FROM %s WHERE cohort_start IS NOT NULL AND ", traits.ByWindow.Some, traits.ByWindow.All, traits.ByWindow.View)
	switch {
	case g.period != nil:
		return returnsQuery(m, s, *g.period)
	case !traits.ByAge && (!strings.HasSuffix(s.window, "d") || s.first == s.last):
		return "SELECT " + counted + where
	case !traits.ByAge: // days in a row
		return fmt.Sprintf("SELECT window_start, %smetric = %s AND `window` = '1d' AND window_start >= %s AND window_start < %s%s GROUP BY window_start ORDER BY window_start",
			counted, literal(m.Name), instant(s.start), instant(s.end), g.counted("window_start"))
	case g.unit == Seconds:
		return "SELECT entered AS n, km_p50_seconds AS value, km_p50_low, km_p50_high FROM " + traits.Medians + " WHERE " + where
	}
	return fmt.Sprintf("SELECT countIf(reached_at <= entered_at + INTERVAL %d SECOND) AS k, count() AS n, k / n AS value FROM user_progress WHERE metric = %s AND entered_at >= %s AND entered_at < %s%s",
		g.ageMs/1000, literal(m.Name), instant(s.start), instant(s.end), g.counted("entered_at"))
}

// entriesQuery counts the users who entered a cohort day by day.
func (j *judge) entriesQuery(cohort string, s span) string {
	metric := ""
	for i := range j.catalog.Metrics {
		if m := &j.catalog.Metrics[i]; j.catalog.Cohorts[m.Cohort].Name == cohort && m.Kind.Traits().ByAge && metric == "" {
			metric = m.Name
		}
	}
	return fmt.Sprintf("SELECT toDate(entered_at, %s) AS day, count() AS users FROM user_progress WHERE metric = %s AND entered_at >= %s AND entered_at < %s GROUP BY day ORDER BY day",
		literal(j.catalog.Timezone), literal(metric), instant(s.start-14*86400), instant(s.end))
}

// finest is the shortest window that the catalog lists.
func (j *judge) finest() string {
	for _, kind := range []catalog.WindowKind{catalog.Hour, catalog.Day, catalog.Week, catalog.Month, catalog.Trailing} {
		for _, w := range j.catalog.Windows {
			if w.Kind == kind {
				return w.Name
			}
		}
	}
	return "1d"
}

func instant(sec int64) string { return literal(time.Unix(sec, 0).UTC().Format(time.DateTime)) }

// literal writes text as a string of SQL.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
