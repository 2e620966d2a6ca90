package worker

import (
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
)

// TestCapsSurvive: a partition that was recovered counts on where its caps had come to.
func TestCapsSurvive(t *testing.T) {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	before := newPartition(0, c, Identity{})
	before.joiner.Capped = 76
	before.names.capped["segment:signup.plan"] = 5
	stored := before.checkpoint()

	after := newPartition(0, c, Identity{})
	after.resume(stored)
	after.joiner.Capped++
	if got := after.checkpoint().Capped; got[capOpenEvents] != 77 || got["segment:signup.plan"] != 5 {
		t.Errorf("after one more the caps are %v, want 77 and 5", got)
	}
}
