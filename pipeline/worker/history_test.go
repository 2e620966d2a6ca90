package worker

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
)

// product is the SaaS example catalog with another allowed lateness.
func product(t testing.TB, lateness string) *catalog.Catalog {
	c, problems := catalog.Load(bytes.Replace(schemas.ExampleSaaS, []byte("allowed_lateness: 24h"), []byte("allowed_lateness: "+lateness), 1), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	return c
}

// history makes the events of one user, one after the other.
type history struct {
	every   time.Duration
	entered bool
	start   time.Time
}

var visited = []string{"project_created", "invite_sent", "report_shared", "tour_started", "file_imported", "export_run", "page_viewed", "page_viewed", "page_viewed", "search_used"}

func (h *history) message(i int) event.Message {
	name := visited[i%len(visited)]
	if i == 0 && h.entered {
		name = "signed_up"
	}
	at := h.start.Add(time.Duration(i) * h.every)
	return event.Message{Subject: "events.web.u", Stored: at.UnixMilli(), Sequence: uint64(i + 1), Data: fmt.Appendf(nil,
		`{"type":"track","event":%q,"userId":"u","messageId":"m-%d","timestamp":%q,"properties":{"plan":"pro","role":"member","size":7},"context":{"location":{"country":"DE"}}}`,
		name, i, at.Format("2006-01-02T15:04:05.000Z"))}
}

// BenchmarkHistory is what an event costs by how many its user has behind it: it should not matter.
func BenchmarkHistory(b *testing.B) {
	for _, lateness := range []string{"24h", "2y"} {
		for _, entered := range []bool{true, false} {
			for _, every := range []time.Duration{time.Minute, time.Hour} {
				for _, behind := range []int{100, 5000} {
					kind := map[bool]string{true: "entered", false: "never"}[entered]
					b.Run(fmt.Sprintf("%s/%s/every=%s/behind=%d", lateness, kind, every, behind), func(b *testing.B) {
						benchmarkHistory(b, lateness, &history{every: every, entered: entered, start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, behind)
					})
				}
			}
		}
	}
}

func benchmarkHistory(b *testing.B, lateness string, h *history, behind int) {
	p := newPartition(0, product(b, lateness), Identity{})
	for i := range behind {
		m := h.message(i)
		p.apply(&m)
		if i%1000 == 999 {
			p.committed(p.snapshot())
		}
	}
	p.committed(p.snapshot())
	kept := slices.Clone(p.users.facts(0))
	const ahead = 40
	next := make([]event.Message, ahead)
	for i := range next {
		next[i] = h.message(behind + i)
	}
	clock := p.clock
	for b.Loop() {
		for i := range next {
			p.apply(&next[i])
		}
		b.StopTimer()
		p.users.set(0, kept)
		p.applied, p.clock = uint64(behind), clock
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*ahead), "ns/event")
	b.ReportMetric(float64(len(kept)), "B/user")
}

// TestAYearOfAUserIsSmall: what is held of one user who comes every hour for a year, with years of lateness, stays within 20 KB: half of it is
// open events, for a cohort that the user never enters.
func TestAYearOfAUserIsSmall(t *testing.T) {
	p := newPartition(0, product(t, "2y"), Identity{})
	h := &history{every: time.Hour, entered: true, start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i := range 365 * 24 {
		m := h.message(i)
		p.apply(&m)
	}
	if n := len(p.users.facts(0)); n > 20<<10 {
		t.Errorf("the user takes %d bytes", n)
	}
}
