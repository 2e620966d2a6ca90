package simulate

import (
	"slices"
	"testing"
)

// Words go with what happened: only who could not invite says so, most within the hour, and what anybody says changes nothing else.
func TestFeedback(t *testing.T) {
	failed, said := 0, 0
	for _, u := range broken.Users() {
		lost := slices.IndexFunc(u.Events, func(e Event) bool { return e.Name == "invite_failed" })
		if lost >= 0 {
			failed++
		}
		for _, e := range u.Events {
			if e.Name == FeedbackEvent && e.Properties["about"] == "invite" {
				said++
				if since := e.Time - u.Events[max(lost, 0)].Time; lost < 0 || since < 0 || since > hour {
					t.Errorf("%s complains %d ms after the invitation was lost (event %d)", u.ID, since, lost)
				}
			}
		}
	}
	if share := float64(said) / float64(failed); failed < 100 || share < complainShare-0.1 || share > complainShare+0.1 {
		t.Errorf("%d of %d who could not invite say so", said, failed)
	}
	if got := Complained(EventsBetween(broken.Users(), 0, forever)); got != said {
		t.Errorf("%d complain, %d are counted", said, got)
	}
	if got := Complained(EventsBetween(large.Users(), 0, forever)); got != 0 {
		t.Errorf("%d complain of an outage that there was not", got)
	}
}
