package facts_test

import (
	"fmt"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/kind"
)

const exampleCatalog = `version: 1
product: p
allowed_lateness: 24h
windows: [1d]
defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}
cohorts: [{name: signup, entry: {event: signed_up}, grain: week}]
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [{event: project_created}, {event: invite_sent, count: 2}], within: 7d}
`

// Facts say the same whatever order events come in: here the entry comes last.
func ExampleJoiner() {
	c, _ := catalog.Load([]byte(exampleCatalog), kind.All)
	joiner := facts.NewJoiner(c, calendar.New(c.Location, c.WeekStart), func(_, _ int, text string) string { return text })
	matcher, user := c.NewMatcher(), joiner.NewUser()

	monday := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, e := range []event.Event{
		{Name: "invite_sent", Time: monday.Add(3 * time.Hour).UnixMilli()},
		{Name: "project_created", Time: monday.Add(time.Hour).UnixMilli()},
		{Name: "invite_sent", Time: monday.Add(2 * time.Hour).UnixMilli()},
		{Name: "signed_up", Time: monday.UnixMilli()},
	} {
		mask := matcher.Match(&e)
		joiner.Join(user, &e, &mask, 0, 0)
	}

	held := user.Append(nil) // what is kept of the user in memory
	user.Open(held)
	var o facts.Outcome
	user.Metric(0).Outcome(user.CohortOf(0), &o)
	fmt.Println("activated", time.UnixMilli(o.Reached).UTC().Format(time.TimeOnly), "by", len(o.Steps), "steps")
	// Output: activated 12:00:00 by 2 steps
}
