package worker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
)

// BenchmarkApply is what an event costs the worker before anything is written: judging, joining and folding it,
// with the SaaS example catalog and 10 events per user over 30 days.
func BenchmarkApply(b *testing.B) {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		b.Fatal(problems.Format("saas.yaml"))
	}
	names := []string{"project_created", "invite_sent", "report_shared", "tour_started", "file_imported", "export_run", "page_viewed", "page_viewed", "page_viewed"}
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Now().UTC().Add(-30 * 24 * time.Hour)
	messages := make([]event.Message, 200_000)
	step := 30 * 24 * time.Hour / time.Duration(len(messages))
	for i := range messages {
		user, name := i/10, "signed_up"
		if i%10 != 0 {
			user, name = int(float64(i/10)*(1-r.Float64()*r.Float64()*r.Float64())), names[r.IntN(len(names))]
		}
		at := start.Add(time.Duration(i) * step)
		u := fmt.Sprint("user-", user)
		messages[i] = event.Message{Subject: "events.web." + u, Stored: at.UnixMilli(), Sequence: uint64(i + 1), Data: fmt.Appendf(nil,
			`{"type":"track","event":%q,"userId":%q,"messageId":"m-%d","timestamp":%q,"properties":{"plan":"pro","role":"member","size":7},"context":{"location":{"country":"DE"}}}`,
			name, u, i, at.Format("2006-01-02T15:04:05.000Z"))}
	}
	b.ResetTimer()
	b.ReportAllocs()
	var p *partition
	for i := 0; i < b.N; i++ {
		at := i % len(messages)
		if at == 0 {
			p = newPartition(0, c, Identity{})
		}
		p.apply(&messages[at])
		if at%20_000 == 19_999 {
			p.committed(p.snapshot())
		}
	}
	b.ReportMetric(float64(p.cells.Len()), "cells")
	bytes := 0
	for u := range uint32(p.users.Len()) {
		bytes += len(p.users.facts(u))
	}
	b.ReportMetric(float64(bytes)/float64(p.users.Len()), "facts-B/user")
}
