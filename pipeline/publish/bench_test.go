package publish

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"firstlight/pipeline/event"
)

const benchEvents = 200_000

// BenchmarkPublish measures events per second into a server in the same process: messages that are ready (bare), a
// file as it is (forward), and a file sorted with a small memory (historical).
func BenchmarkPublish(b *testing.B) {
	var text strings.Builder
	var subjects []string
	for i := range benchEvents {
		subjects = append(subjects, event.Subject("web", fmt.Sprintf("user-%07d", i%50_000)))
		fmt.Fprintf(&text, `{"type":"track","userId":"user-%07d","event":"project_created","timestamp":"2026-03-01T%02d:%02d:00.123Z",`+
			`"properties":{"plan":"team","template":"kanban","seats":12},"context":{"location":{"country":"DE"}}}`+"\n",
			i%50_000, i%24, i%60)
	}
	lines := strings.Split(text.String(), "\n")[:benchEvents]
	measure := func(name string, publish func(t *bench) error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				t := newBench(b)
				t.file("events.ndjson", text.String())
				b.StartTimer()
				if err := publish(t); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(benchEvents*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
	measure("bare", func(t *bench) error {
		for i, line := range lines {
			m := Message{Subject: subjects[i], ID: fmt.Sprintf("web:events.ndjson:%d:01234567", i), Data: []byte(line)}
			if err := t.sink.Publish(t.ctx, &m); err != nil {
				return err
			}
		}
		_, err := t.sink.Flush(t.ctx)
		return err
	})
	run := func(t *bench, historical bool) error {
		p := t.publisher()
		p.Historical, p.SortBytes, p.Stderr = historical, 16<<20, os.Stderr
		summary, err := p.Run(t.ctx, []string{t.dir + "/events.ndjson"}, nil)
		if err == nil && summary.Stored != benchEvents {
			err = fmt.Errorf("%+v", summary)
		}
		return err
	}
	measure("forward", func(t *bench) error { return run(t, false) })
	measure("historical", func(t *bench) error { return run(t, true) })
}
