package worker

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/event"
)

// TestTrail: a trail holds the newest message and ever older ones, and is the same after a restart anywhere.
func TestTrail(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		length := rapid.Uint64Range(1, 600).Draw(rt, "messages")
		restart := rapid.Uint64Range(0, length).Draw(rt, "restart after")
		message := func(n uint64) *event.Message {
			return &event.Message{Subject: "events.web.u", Sequence: 3 * n, Stored: int64(n), Data: fmt.Append(nil, n)}
		}
		var whole, restarted trail
		for n := uint64(1); n <= length; n++ {
			whole.note(n, message(n))
			restarted.note(n, message(n))
			if n == restart {
				stored := restarted.all()
				restarted = trail{}
				restarted.restore(n, stored)
			}
		}
		prints := whole.all()
		restarted.all()
		if whole.prints != restarted.prints {
			rt.Errorf("after a restart at %d of %d the trail is %v, without %v", restart, length, restarted.prints, whole.prints)
		}
		for slot := range trailSlots {
			if number := length - length%trailStep(slot); number > 0 && prints[3*number] == 0 {
				rt.Errorf("of %d messages the trail does not hold number %d", length, number)
			}
		}
	})
}
