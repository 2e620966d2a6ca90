package catalog_test

import (
	"fmt"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// A catalog that can be used says in words what it computes.
func ExampleLoad() {
	c, problems := catalog.Load([]byte(`
version: 1
defaults: {owner: growth, objective: More teams that stay, indicator: leading, direction: up, action: Call them}
cohorts: [{name: signup, entry: signed_up, grain: week}]
metrics:
  - {name: activated, kind: activation, cohort: signup, within: 7d, steps: [project_created, invite_sent]}
`), kind.All)
	fmt.Print(problems.Format("catalog.yaml"))
	fmt.Println(c.Formula(0))
	// Output:
	// Share of users of cohort signup (first signed_up, by week) who did project_created and invite_sent within 7 days of it.
}

// All problems of a file come at once, each with its place and what to write instead.
func ExampleLoad_problems() {
	_, problems := catalog.Load([]byte(`version: 1
defaults: {owner: growth, objective: More teams that stay, indicator: leading, direction: up, action: Call them}
cohorts: [{name: signup, entry: signed_up, grain: weekly}]
metrics:
  - {name: activated, kind: funnel, cohort: signups, within: 7, steps: [project_created]}
`), kind.All)
	fmt.Print(problems.Format("catalog.yaml"))
	// Output:
	// catalog.yaml:3:51: error: "grain" is day, week or month, not "weekly": write week
	// catalog.yaml:5:29: error: "kind" is activation, ttfv, adoption or retention, not "funnel": write activation
	// catalog.yaml:5:45: error: there is no cohort "signups": write signup
	// catalog.yaml:5:62: error: "within" needs a unit: write for example 7d or 7h
}
