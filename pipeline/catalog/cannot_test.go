package catalog_test

import (
	"strings"
	"testing"
)

// sound is a catalog without a problem.
const sound = `version: 1
product: acme
windows: [1d]
defaults: {owner: growth@acme.example, objective: Teams that stay, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week}
metrics:
  - name: activated
    kind: activation
    cohort: signup
    indicator: leading
    within: 7d
    order: sequence
    steps: [project_created, {event: invite_sent, where: 'properties.role != "guest"'}]
    target: {value: 0.4, by: 2027-03-31}
    guardrails:
      - {severity: warning, below: 0.3, age: 24h, window: 1d, min_sample: 100}
      - {severity: critical, below: 0.2, age: 24h, window: 1d, min_sample: 100}
  - name: first_report
    kind: ttfv
    cohort: signup
    indicator: lagging
    direction: down
    value: {event: report_shared}
    target: {value: 2d, by: 2027-03-31}
  - name: exports
    kind: adoption
    cohort: signup
    indicator: lagging
    feature: export_run
`

// TestWhatCannotWork: what is written and cannot mean anything is refused, what can hardly be meant is warned of, and both with
// what to write instead, once.
func TestWhatCannotWork(t *testing.T) {
	if out, problems := check("c", []byte(sound)); len(problems) > 0 {
		t.Fatal(out)
	}
	for _, c := range []struct{ name, from, to, want string }{
		{"a step is the entry event", "project_created,", "signed_up,", `warning: "signed_up" is the entry of cohort signup, and the entry serves no step`},
		{"a value is the entry event", "event: report_shared", "event: signed_up", `warning: "signed_up" is the entry of cohort signup, and the entry serves no step and no value`},
		{"direction up for a time", "direction: down", "direction: up", `warning: a time to first value is good when it is short: write direction: down`},
		{"direction up for a time, inherited", "    direction: down\n", "", `warning: defaults say direction: up, and a time to first value is good when it is short: write direction: down in first_report`},
		{"a target of a time without a unit", "value: 2d", "value: 5", `error: 5 is no time to first value: write a duration, such as 5d or 5h`},
		{"a target of a time that is a share", "value: 2d", "value: 0.4", `error: 0.4 is no time to first value: write a duration`},
		{"a target day in the past", "value: 0.4, by: 2027-03-31", "value: 0.4, by: 2026-03-31", `warning: the target of activated was due on 2026-03-31`},
		{"a critical guardrail on the good side", "critical, below: 0.2", "critical, above: 0.8", `warning: this pages when the metric is good, which is up: write below`},
		{"a warning looser than the critical one", "warning, below: 0.3", "warning, below: 0.1", `warning: this warning comes after the critical limit of line 18`},
		{"a space at the end of a name", "event: report_shared", `event: "report_shared "`, `warning: the event name "report_shared " begins or ends with white space`},
		{"adoption of everything", "feature: export_run", `feature: "*"`, `warning: every event is a use of this feature`},
		{"where is no condition", `properties.role != "guest"`, `"guest"`, `error: where is true or false, and this is text`},
		{"where adds up", `properties.role != "guest"`, `1 + 1`, `error: where is true or false, and this is`},
		{"where can never be true", `properties.role != "guest"`, `properties.n > 5 && properties.n < 3`, `error: no event can meet this condition`},
		{"where asks for another event", `properties.role != "guest"`, `event == "signed_up"`, `error: no event can meet this condition`},
		{"a limit in percent", "critical, below: 0.2", "critical, below: 25", `error: "below" is a share from 0 to 1, not "25": write 0.25`},
		{"a target in percent", "value: 0.4", "value: 40", `error: "value" is a share from 0 to 1, not "40": write 0.4`},
		{"a time in words", "within: 7d", "within: 1 day", `error: "within" is a duration, not "1 day": write 1d`},
		{"type for kind", "    kind: ttfv", "    type: ttfv", `error: unknown key "type" in a metric: write "kind"`},
		{"higher for up", "direction: up", "direction: higher", `error: "direction" is up or down, not "higher": write up`},
		{"strict for sequence", "order: sequence", "order: strict", `error: "order" is any or sequence, not "strict": write sequence`},
		{"page for critical", "severity: critical", "severity: page", `error: "severity" is critical or warning, not "page": write critical`},
		{"a step twice", "steps: [project_created,", "steps: [project_created, project_created,", `error: the step "project_created" is there twice: write it once, with count: 2`},
		{"nobody in defaults", "owner: growth@acme.example", "owner: ", `error: `},
	} {
		if strings.Count(sound, c.from) == 0 {
			t.Fatalf("%s: there is no %q", c.name, c.from)
		}
		out, _ := check("c", []byte(strings.Replace(sound, c.from, c.to, 1)))
		if strings.Count(strings.TrimSpace(out), "\n") != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: says\n%swant one line with\n%s", c.name, out, c.want)
		}
	}
}
