package catalog_test

import (
	"testing"
	"time"

	"firstlight/pipeline/catalog"
)

// TestReviewIsDue: at the hour of the day, local, summer and winter.
func TestReviewIsDue(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	plan := &catalog.ReviewPlan{Day: time.Monday, Hour: 8}
	for at, want := range map[string]string{
		"2026-04-13T06:00:00Z": "2026-04-13T08:00:00+02:00",
		"2026-04-13T05:59:59Z": "2026-04-06T08:00:00+02:00",
		"2026-04-19T21:59:00Z": "2026-04-13T08:00:00+02:00",
		"2026-03-30T05:59:59Z": "2026-03-23T08:00:00+01:00",
		"2026-01-01T00:00:00Z": "2025-12-29T08:00:00+01:00",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Due(moment, berlin).Format(time.RFC3339); got != want {
			t.Errorf("at %s the newest is of %s, want %s", at, got, want)
		}
	}
}
