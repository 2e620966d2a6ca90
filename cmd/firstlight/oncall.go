package main

import (
	"net/url"
	"strings"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
)

// link is where people look at a message's numbers: the metric at the time of the window, for the users that it names.
func (s *Settings) link(c *catalog.Catalog, m *anomaly.Message) string {
	if s.ExternalURL == "" {
		return ""
	}
	q := url.Values{"incident": {m.Incident}}
	if m.Metric.Cohort != "" && m.Metric.Name != anomaly.EntriesMetric { // it has a screen of its own
		q.Set("metric", m.Metric.Name)
		q.Set("from", m.WindowStart.In(c.Location).AddDate(0, 0, -21).Format(time.DateOnly))
		q.Set("until", m.WindowEnd.In(c.Location).AddDate(0, 0, 7).Format(time.DateOnly))
		if m.Blames() {
			q.Set("segment", m.Contributors[0].Segment)
			q.Set("value", m.Contributors[0].Value)
		}
	}
	return strings.TrimRight(s.ExternalURL, "/") + "/?" + q.Encode()
}
