package anomaly

import "testing"

// Two incidents of one beginning, such as a silence that was muted for a while and goes on, have identities of their own: as one they
// were said again at every evaluation.
func TestIncidentsOfOneBeginningAreTwo(t *testing.T) {
	w := &course{all: []Incident{{ID: "cohort_entries-20260610T0000-be1f1537"}}}
	if id := w.unique("cohort_entries-20260610T0000-be1f1537", 1781413800); id != "cohort_entries-20260610T0000-be1f1537-20260614T0510" {
		t.Errorf("the second is %s", id)
	}
	if id := w.unique("cohort_entries-20260611T0000-be1f1537", 1781413800); id != "cohort_entries-20260611T0000-be1f1537" {
		t.Errorf("another beginning is %s", id)
	}
}
