package anomaly

import (
	"strings"
	"testing"
	"time"
)

// When the processing itself is said to stand still, and when it is well again.
func TestPipelineStalls(t *testing.T) {
	start := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	type moment struct {
		seconds        int // since start
		behind         uint64
		moved, written int    // when, in seconds since start
		want           string // state and a part of what is said; empty when nothing is
	}
	for name, moments := range map[string][]moment{
		"ClickHouse is away for four minutes": {
			{0, 0, 0, 0, ""},
			{119, 0, 119, 0, ""},
			{121, 0, 121, 0, "opened: no progress could be written to ClickHouse since 2026-03-02T11:00:00Z"},
			{200, 0, 200, 0, ""},
			{240, 0, 240, 240, ""},
			{269, 0, 269, 269, ""},
			{270, 0, 270, 270, "resolved: numbers move again"},
			{271, 0, 271, 271, ""},
		},
		"messages wait and none is applied": {
			{60, 40, 0, 60, ""},
			{130, 90, 0, 130, "opened: 90 messages wait in the stream and none was applied since 2026-03-02T11:00:00Z"},
			{140, 20, 140, 140, ""},
			{171, 0, 171, 171, "resolved: "},
		},
		"behind, but on the way":          {{300, 90_000, 299, 300, ""}},
		"a moment of life is no recovery": {{130, 9, 0, 130, "opened"}, {140, 9, 139, 140, ""}, {270, 9, 139, 270, ""}, {290, 9, 139, 290, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			p := Pipeline{Product: "acme"}
			id := ""
			for _, m := range moments {
				said := p.Step(Health{Now: at(m.seconds), Behind: m.behind, Moved: at(m.moved), Written: at(m.written), AsOf: start})
				state, part, _ := strings.Cut(m.want, ": ")
				switch {
				case said == nil && m.want == "":
				case said == nil || m.want == "" || string(said.State) != state || !strings.Contains(said.Summary, part):
					t.Fatalf("after %d s: said %+v, want %q", m.seconds, said, m.want)
				case id != "" && said.Incident != id:
					t.Fatalf("after %d s: incident %s, want %s", m.seconds, said.Incident, id)
				default:
					id = said.Incident
				}
			}
		})
	}
}

// A worker that starts while the incident is open goes on with it.
func TestPipelineGoesOn(t *testing.T) {
	now := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	p := Pipeline{Product: "acme"}
	opened := p.Step(Health{Now: now, Written: now.Add(-time.Hour)})
	q := Pipeline{Product: "acme", Last: opened}
	if m := q.Step(Health{Now: now.Add(time.Minute), Written: now.Add(-time.Hour)}); m != nil {
		t.Fatalf("said again: %+v", m)
	}
	q.Step(Health{Now: now.Add(2 * time.Minute), Written: now.Add(2 * time.Minute)})
	m := q.Step(Health{Now: now.Add(3 * time.Minute), Written: now.Add(3 * time.Minute)})
	if m == nil || m.State != Resolved || m.Incident != opened.Incident || m.Seq != 2 {
		t.Fatalf("said %+v, want the end of %s", m, opened.Incident)
	}
}
