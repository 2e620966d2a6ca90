package oncall_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
)

// What came of an action about an incident is said in its thread once users are old enough, and once.
func TestOutcomeOfAnAction(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, shop)
	h.publish(signups(59, 28, 29)...)
	h.publish(clock(day(58).Add(soon)))
	h.drain()
	said := h.evaluate()
	var paged anomaly.Message
	for _, m := range said {
		if m.Severity == anomaly.Critical {
			paged = m
		}
	}
	h.annotate(fmt.Sprintf(`{"kind": "action", "id": "mend", "title": "Mend the form", "metric": "activated", "expects": 0.3, "incident": %q, "time": %q}`,
		paged.Incident, day(30).Add(12*time.Hour).Format(time.RFC3339)))
	expect(t, "while users are young", h.news(h.evaluate(), said))

	h.publish(clock(day(60)))
	h.drain()
	var now []anomaly.Message
	for _, m := range h.news(h.evaluate(), said) {
		if m.Incident == paged.Incident {
			now = append(now, m)
		}
	}
	expect(t, "once they are old enough", now, fmt.Sprintf("%d activated critical %s %s %d/%d", paged.Seq+1, paged.State, paged.Reason, paged.K, paged.N))
	if len(now) != 1 {
		t.FailNow()
	}
	const summary = "What came of “Mend the form” (1 April 2026): no effect seen. Activated went from 47.6 % to 50 % in the four weeks after it"
	if m := now[0]; m.Incident != paged.Incident || m.Outcome == nil || m.Outcome.Verdict != "no effect seen" || !strings.HasPrefix(m.Summary, summary) {
		t.Errorf("said %s: %s\n%+v", m.Incident, m.Summary, m.Outcome)
	}
	for _, m := range h.news(h.evaluate(), append(said, now...)) {
		if m.Incident == paged.Incident {
			t.Errorf("evaluated again, it says %s", m.Summary)
		}
	}
}
