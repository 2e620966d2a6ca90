package event_test

import (
	"fmt"
	"time"

	"firstlight/pipeline/event"
)

// A message is an event, or there is a reason why not, in a sentence for who published it.
func ExampleParse() {
	stored := time.Date(2026, 3, 2, 9, 0, 5, 0, time.UTC).UnixMilli()
	for _, payload := range []string{
		`{"event":"signed_up","userId":"ada","timestamp":"2026-03-02T09:00:00Z","properties":{"plan":"team"}}`,
		`{"event":"signed_up"}`,
	} {
		var e event.Event
		m := event.Message{Subject: event.Subject("web", "ada"), Stored: stored, Data: []byte(payload)}
		if r := event.Parse(&m, false, &e); r.Verdict == event.Dead {
			fmt.Printf("%s: %s\n", r.Reason, r.Detail)
			continue
		}
		fmt.Printf("%s did %s at %s\n", e.User, e.Name, time.UnixMilli(e.Time).UTC().Format(time.TimeOnly))
	}
	// Output:
	// ada did signed_up at 09:00:00
	// missing_user: the event has no user: userId and anonymousId are missing or empty
}
