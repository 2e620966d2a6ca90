package facts_test

import (
	"testing"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
)

// regular is a user of the SaaS example catalog who entered and came back on each of thirty days, encoded as a worker holds it.
func regular(b *testing.B) (c *catalog.Catalog, j *facts.Joiner, held []byte) {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		b.Fatal(problems.Format("saas.yaml"))
	}
	j = facts.NewJoiner(c, calendar.New(c.Location, c.WeekStart), func(_, _ int, text string) string { return text })
	u, matcher := j.NewUser(), c.NewMatcher()
	names := []string{"signed_up", "project_created", "invite_sent", "page_viewed", "export_run"}
	entry := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	for i := range 30 {
		e := event.Event{Name: names[min(i, len(names)-1)], ID: "m", Time: entry.Add(time.Duration(i) * 24 * time.Hour).UnixMilli()}
		mask := matcher.Match(&e)
		watermark := e.Time - c.AllowedLateness.Milliseconds()
		j.Collapse(u, watermark, watermark)
		j.Join(u, &e, &mask, watermark, watermark)
		u.Open(u.Append(nil))
	}
	return c, j, u.Append(nil)
}

// BenchmarkJoin is what it costs to open a user, to join an event into it, and to encode it again.
func BenchmarkJoin(b *testing.B) {
	c, j, held := regular(b)
	for _, name := range []string{"page_viewed", "export_run", "report_shared", "nothing_asked_for"} {
		b.Run(name, func(b *testing.B) {
			e := event.Event{Name: name, ID: "m", Time: time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC).UnixMilli()}
			mask := c.NewMatcher().Match(&e)
			watermark := e.Time - c.AllowedLateness.Milliseconds()
			u, buf := j.NewUser(), []byte(nil)
			b.ReportAllocs()
			for b.Loop() {
				u.Open(held)
				j.Join(u, &e, &mask, watermark, watermark)
				buf = u.Append(buf[:0])
			}
			b.ReportMetric(float64(len(buf)), "B/user")
		})
	}
}

// BenchmarkStored is what storing a user and reading it back costs.
func BenchmarkStored(b *testing.B) {
	_, j, held := regular(b)
	u := j.NewUser()
	u.Open(held)
	stored := u.Store(nil)
	b.Run("store", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			u.Open(held)
			buf = u.Store(buf[:0])
		}
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if err := u.Load(stored); err != nil {
				b.Fatal(err)
			}
		}
	})
}
