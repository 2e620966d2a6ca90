package event

import (
	"fmt"
	"testing"
	"time"
)

// typical is an event of about 250 bytes, as a Segment library sends it.
func typical(user int) []byte {
	return fmt.Appendf(nil, `{"type":"track","messageId":"ajs-next-%08d-6f1c","userId":"user-%07d","event":"project_created",`+
		`"timestamp":"2026-03-01T09:30:00.123Z","properties":{"plan":"team","template":"kanban","seats":12},`+
		`"context":{"location":{"country":"DE"}}}`, user, user)
}

func BenchmarkParse(b *testing.B) {
	const users = 1 << 12
	stored := time.Date(2026, 3, 1, 9, 30, 1, 0, time.UTC).UnixMilli()
	bodies := make([][]byte, users)
	subjects := make([]string, users)
	for i := range bodies {
		bodies[i] = typical(i)
		subjects[i] = Subject("web", fmt.Sprintf("user-%07d", i))
	}
	header := map[string][]string{"Nats-Msg-Id": {"web:1"}}
	b.SetBytes(int64(len(bodies[0])))
	b.ReportAllocs()
	var ev Event
	for i := 0; b.Loop(); i++ {
		m := Message{Subject: subjects[i%users], Header: header, Stored: stored, Data: bodies[i%users]}
		if r := Parse(&m, false, &ev); r.Verdict != Accepted {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkText(b *testing.B) {
	ev := Event{Properties: []byte(`{"template":"kanban","seats":12,"plan":"team"}`)}
	path := []string{"properties", "plan"}
	b.ReportAllocs()
	for b.Loop() {
		if ev.Text(path) != "team" {
			b.Fatal("not the plan")
		}
	}
}
