package anomaly

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
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

// What is more than a day may have is said as the first message of the next day, whether somebody judges every hour or once at the end.
func TestSayingHourByHourIsSayingAtOnce(t *testing.T) {
	c := load(t, `false_alarms_per_month: 0
  - {name: activated, kind: activation, cohort: signup, steps: [x], within: 1d,
     guardrails: [{severity: critical, below: 0.3, age: 30m, window: 1h, min_sample: 50}]}
`)
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.SliceOfN(rapid.SampledFrom([]int64{10, 10, 15, 20, 40, 40, 45}), 60, 120).Draw(t, "users of 100 who get there, by hour")
		judge := func(said log, upTo int, since time.Time) (log, time.Time) {
			e := &Evidence{From: firstDay, AsOf: firstDay.Time().Unix() + int64(upTo)*3600 + 1860, Metrics: []Series{{Hours: map[int64]Followed{}}}}
			for i, k := range hours[:upTo] {
				e.Metrics[0].Hours[firstDay.Time().Unix()+int64(i)*3600] = Followed{Entered: 100, Reached: []Age{{UpperMs: 1_800_000, Users: k, SumMs: k * 900_000}}}
			}
			for _, n := range Compare(c, e, Judge(c, e), Told{Newest: said.newest(), Since: since, PerDay: 2}) {
				said = append(said, stored(t, n.Message))
			}
			return said, time.Unix(e.AsOf, 0)
		}
		var hourly log
		var since time.Time
		for i := range hours {
			hourly, since = judge(hourly, i+1, since)
		}
		once, _ := judge(nil, len(hours), time.Time{})
		at := func(l log) (all []string) {
			for _, m := range l {
				all = append(all, m.ID()+" "+m.At.Format(time.RFC3339)+" "+string(m.State))
			}
			slices.Sort(all)
			return all
		}
		if a, b := at(hourly), at(once); !slices.Equal(a, b) {
			t.Fatalf("hour by hour\n%s\nat once\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	})
}

// A note is named as what ends an incident only where the incident would be shown without it.
func TestWithdrawnByANote(t *testing.T) {
	const metric = "  - {name: activated, kind: activation, cohort: signup, steps: [x], within: 1d}\n"
	watched, unwatched := load(t, "false_alarms_per_month: 1\n"+metric), load(t, "false_alarms_per_month: 0\n"+metric)
	at := func(day int) int64 { return (firstDay + calendar.Day(day)).Time().UnixMilli() }
	oneDay := annotation.Annotation{Kind: annotation.Expected, At: at(45), Until: at(46), Title: "Bots", Author: "ada"}
	allDays := annotation.Annotation{Kind: annotation.Expected, At: at(40), Until: at(60), Title: "Holidays", Author: "bob"}
	e := &Evidence{From: firstDay, AsOf: (firstDay + 52).Time().Unix() + 7200, Metrics: []Series{{}}, Annotations: []annotation.Annotation{oneDay}}
	for day := range 52 {
		users := int64(160)
		if day >= 42 {
			users = 100
		}
		e.Metrics[0].Days = append(e.Metrics[0].Days, Followed{Entered: 400, Reached: []Age{{UpperMs: 3_600_000, Users: users, SumMs: users * 1_800_000}}})
	}
	var told log
	for _, n := range Compare(watched, e, Judge(watched, e), Told{}) {
		told = append(told, stored(t, n.Message))
	}
	noted := *e
	noted.Annotations = []annotation.Annotation{oneDay, allDays}
	for _, c := range []struct {
		name     string
		catalog  *catalog.Catalog
		evidence *Evidence
		reason   Reason
		says     string
	}{
		{"it is not watched any more", unwatched, e, Superseded, "Withdrawn: "},
		{"it is muted", watched, &noted, Muted, "Muted by the annotation 'Holidays' (bob). Before: "},
	} {
		news := Compare(c.catalog, c.evidence, Judge(c.catalog, c.evidence), Told{Newest: told.newest(), Since: time.Unix(e.AsOf, 0)})
		if len(news) != 1 || news[0].Message.State != Resolved || news[0].Message.Reason != c.reason || !strings.HasPrefix(news[0].Message.Summary, c.says) {
			t.Errorf("%s: said %+v", c.name, news)
		}
	}
}
