package oncall_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
)

// afterAnOutage is a shop some weeks after its form was broken for a day: what was said, and the last message of the incident that paged.
func afterAnOutage(t *testing.T) (h *harness, said []anomaly.Message, paged anomaly.Message) {
	t.Helper()
	h = newHarness(t, shop)
	h.publish(signups(59, 28, 29)...)
	h.publish(clock(day(58).Add(soon)))
	h.drain()
	said = h.evaluate()
	for _, m := range said {
		if m.Severity == anomaly.Critical {
			paged = m
		}
	}
	return h, said, paged
}

// act notes an action about an incident.
func (h *harness) act(id, title, incident string) {
	h.annotate(fmt.Sprintf(`{"kind": "action", "id": %q, "title": %q, "metric": "activated", "expects": 0.3, "incident": %q, "time": %q}`,
		id, title, incident, day(30).Add(12*time.Hour).Format(time.RFC3339)))
}

// What came of an action about an incident is said in its thread once users are old enough, and once.
func TestOutcomeOfAnAction(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h, said, paged := afterAnOutage(t)
	h.act("mend", "Mend the form", paged.Incident)
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

// Outcomes are messages of their incident as others are: so many a day, the last of which says so, and the rest on the next.
func TestOutcomesOfADay(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h, said, paged := afterAnOutage(t)
	for i := range anomaly.DefaultPerDay + 2 {
		h.act(fmt.Sprint("act", i), fmt.Sprintf("Act %d", i), paged.Incident)
	}
	outcomes := func(at time.Time) (texts []string) {
		h.publish(clock(at))
		h.drain()
		news := h.news(h.evaluate(), said)
		said = append(said, news...)
		for _, m := range news {
			if m.Outcome != nil {
				texts = append(texts, m.Summary)
			}
		}
		return texts
	}
	first := outcomes(day(60))
	if n := len(first); n != anomaly.DefaultPerDay || !strings.HasSuffix(first[n-1], "and the last: what changes is told tomorrow.") {
		t.Errorf("on the first day %d are said: %q", n, first)
	}
	if again := outcomes(day(60).Add(time.Hour)); len(again) != 0 {
		t.Errorf("an hour later %q are said", again)
	}
	if next := outcomes(day(61)); len(next) != 2 {
		t.Errorf("on the next day %q are said", next)
	}
}
