package anomaly

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

const product = `version: 1
product: acme
windows: [1h, 1d, 1w, 7d/1d]
defaults: {owner: o@acme.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [plan]}
metrics:
`

func load(t testing.TB, metrics string) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load([]byte(product + metrics))
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	return c
}

// from is the first day of all evidence here, a Monday.
var from = calendar.FromDate(2026, 1, 5)

// rates makes evidence of one metric: entered users a day, and of them a share that gets there after an hour.
func rates(days, entered int, share func(d int) float64) *Evidence {
	e := &Evidence{From: from, AsOf: (from + calendar.Day(days)).Time().Add(time.Hour).Unix(), Metrics: []Series{{}}}
	for d := range days {
		k := int64(float64(entered) * share(d))
		e.Metrics[0].Days = append(e.Metrics[0].Days, Followed{Entered: int64(entered), Reached: []Age{{UpperMs: 3_600_000, Users: k, SumMs: k * 3_000_000}}})
	}
	return e
}

func show(incidents []Incident) string {
	out := ""
	for _, i := range incidents {
		out += i.ID + "\n"
		for _, m := range i.Messages {
			out += fmt.Sprintf("  %d %s %s %s %s: %s\n", m.Seq, m.At.Format(time.DateTime), m.State, m.Reason, m.Severity, m.Summary)
		}
	}
	return out
}

func TestLook(t *testing.T) {
	c := load(t, `  - {name: activated, kind: activation, cohort: signup, steps: [x], within: 7d,
     guardrails: [{severity: critical, below: 0.22, age: 24h, window: 1d, min_sample: 200, consecutive: 2}]}
`)
	r := rand.New(rand.NewPCG(1, 2))
	e := rates(60, 400, func(d int) float64 {
		p := 0.25
		if d >= 40 && d < 44 {
			p = 0.1
		}
		return p + 0.02*r.NormFloat64()
	})
	t.Log("\n" + show(Judge(c, e)))
}
