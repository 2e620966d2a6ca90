package worker_test

import (
	"testing"

	"firstlight/pipeline/scenario"
)

// TestTimesBetweenStepsAreAdded: users whom a version without times between steps stored get theirs at the next start.
func TestTimesBetweenStepsAreAdded(t *testing.T) {
	onlyInFull(t)
	s, err := scenario.Load("../scenario/testdata/sequence.txt")
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	h.publish(s.Messages())
	h.drain(s.Catalog, 2)
	want := h.view("activation_steps")
	for _, alter := range []string{"cells DELETE WHERE kind = 'between'", "checkpoints UPDATE whole_cells = 0 WHERE true"} {
		if err := h.conn.Exec(t.Context(), "ALTER TABLE `"+h.database+"`."+alter+" SETTINGS mutations_sync = 2"); err != nil {
			t.Fatal(err)
		}
	}
	if problems := scenario.CompareRows("activation_steps", want, h.view("activation_steps")); len(problems) == 0 {
		t.Fatal("nothing is missing without the times between steps")
	}
	h.drain(s.Catalog, 2)
	for _, problem := range scenario.CompareRows("activation_steps", want, h.view("activation_steps")) {
		t.Error(problem)
	}
}
