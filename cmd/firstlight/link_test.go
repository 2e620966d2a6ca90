package main

import (
	"net/url"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
)

// A link leads to the metric at the time of the window, for the users whom the message blames, with the incident marked.
func TestLinks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := &catalog.Catalog{Location: berlin}
	m := anomaly.Message{
		Incident: "activated-20260331-1a2b", Metric: anomaly.MetricInfo{Name: "activated", Cohort: "signup"},
		WindowStart: time.Date(2026, 3, 30, 22, 0, 0, 0, time.UTC), WindowEnd: time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC), // 31 March in Berlin
	}
	blaming := m
	blaming.Mix, blaming.Explained = &anomaly.Mix{Segment: "channel", Cause: "rate"}, true
	blaming.Contributors = []anomaly.Contributor{{Segment: "channel", Value: "ads & mail"}}
	everywhere := blaming
	everywhere.Explained = false
	source := m
	source.Metric = anomaly.MetricInfo{Name: anomaly.VolumeMetric, Labels: map[string]string{"source": "web"}}
	entries := m
	entries.Metric = anomaly.MetricInfo{Name: anomaly.EntriesMetric, Cohort: "signup"}
	const at = "from=2026-03-10&incident=activated-20260331-1a2b&metric=activated"
	for name, test := range map[string]struct {
		m    anomaly.Message
		want string
	}{
		"a metric":              {m, at + "&until=2026-04-08"},
		"a value that is named": {blaming, at + "&segment=channel&until=2026-04-08&value=ads+%26+mail"},
		"nothing explains it":   {everywhere, at + "&until=2026-04-08"},
		"a source":              {source, "incident=activated-20260331-1a2b"},
		"entries into a cohort": {entries, "incident=activated-20260331-1a2b"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Settings{ExternalURL: "https://firstlight.acme.example/x/"}
			got := s.link(c, &test.m)
			if want := "https://firstlight.acme.example/x/?" + test.want; got != want {
				t.Errorf("link\n%s\nwant\n%s", got, want)
			}
			if _, err := url.Parse(got); err != nil {
				t.Error(err)
			}
		})
	}
}
