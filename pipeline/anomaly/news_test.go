package anomaly

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/calendar"
)

const watched = `  - {name: activated, kind: activation, cohort: signup, steps: [x], within: 1d,
     guardrails: [{severity: critical, below: 0.3, age: 1h, window: 1d, min_sample: 50, consecutive: 2}, {severity: warning, below: 0.35, window: 1w, min_sample: 50}]}
`

// Whoever judges every day, with restarts, says what somebody says who judges once at the end; and judging again says nothing.
func TestSayingDayByDayIsSayingAtOnce(t *testing.T) {
	c := load(t, watched)
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		days := rapid.IntRange(30, 70).Draw(t, "days")
		e := &Evidence{From: firstDay, Metrics: []Series{{}}}
		level := 0.4
		for range days {
			if r.Float64() < 0.1 {
				level = []float64{0.4, 0.2, 0.1}[r.IntN(3)]
			}
			n := int64(r.IntN(300))
			k := int64(float64(n) * level)
			e.Metrics[0].Days = append(e.Metrics[0].Days, Followed{Entered: n, Reached: []Age{{UpperMs: 3_600_000, Users: k, SumMs: k * 1_800_000}}})
		}
		judge := func(said log, upTo int, since int64) (log, int64) {
			part := *e
			part.AsOf = (firstDay + calendar.Day(upTo)).Time().Add(time.Hour).Unix()
			part.Metrics = []Series{{Days: e.Metrics[0].Days[:upTo]}}
			for _, n := range Compare(c, &part, Judge(c, &part), Told{Newest: said.newest(), Since: time.Unix(since, 0)}) {
				said = append(said, stored(t, n.Message))
			}
			return said, part.AsOf
		}
		var daily log
		since := int64(0)
		for d := 1; d <= days; d++ {
			daily, since = judge(daily, d, since)
		}
		once, _ := judge(nil, days, 0)
		if a, b := said(daily), said(once); !slices.Equal(a, b) {
			t.Fatalf("day by day\n%q\nat once\n%q", a, b)
		}
		if again, _ := judge(daily, days, since); len(again) != len(daily) {
			t.Fatalf("judged again: %q", said(again[len(daily):]))
		}
	})
}
