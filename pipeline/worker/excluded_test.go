package worker

import (
	"fmt"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
)

// TestExcludedUserIsReleased: what is known of a user who is left out leaves memory once a checkpoint says that no window needs it, and
// not when the watermark alone does.
func TestExcludedUserIsReleased(t *testing.T) {
	c, problems := catalog.Load([]byte(`version: 1
allowed_lateness: 1h
windows: [1d, 7d/1d]
exclude: {users_with: staff_badge}
defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}
cohorts: [{name: signup, entry: signed_up, grain: day}]
metrics: [{name: use, kind: adoption, cohort: signup, feature: export_run}]
`), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	p := newPartition(0, c, Identity{Partitions: 1})
	begin := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	apply := func(name string, at time.Time) {
		seq := p.applied + 1
		p.apply(&event.Message{
			Subject: event.Subject("web", "u"), Sequence: seq, Stored: at.UnixMilli(), Data: fmt.Appendf(nil, `{"event":%q,"userId":"u"}`, name),
		})
	}
	apply("signed_up", begin)
	apply("staff_badge", begin.Add(time.Hour))
	before := p.snapshot()
	apply("export_run", begin.AddDate(0, 0, 40))
	after := p.snapshot()
	p.committed(before)
	if p.due.waiting == 0 {
		t.Error("the user is released by a checkpoint at which windows still need it")
	}
	apply("export_run", begin.AddDate(0, 0, 41))
	p.committed(after)
	if p.due.waiting > 0 {
		t.Errorf("the user waits in %v", p.due.at)
	}
}
