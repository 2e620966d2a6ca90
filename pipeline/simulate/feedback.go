package simulate

import "math/rand/v2"

// The event with which users say something in words, and the property that holds them.
const (
	FeedbackEvent = "feedback_given"
	FeedbackText  = "text"
)

// What people write. Who could not invite writes about that in most cases; of other visits few end in words, about other things.
const (
	complainShare = 0.4  // of users whose invitations were lost
	remarkShare   = 0.01 // of visits
)

var complaints = []string{
	"My colleagues never got the invite mail.",
	"I invited two people and nothing arrived. Is the mail broken?",
	"Invitation fails every time, so I cannot show this to my team.",
	"The invite says sent, but no mail ever came \U0001F615",
	"Wanted to bring the team in today. Invite mail does not arrive, not even in spam.",
}

var remarks = []string{
	"Exports to Excel would help a lot.",
	"Too expensive for a team of three.",
	"Nice, but where do I change the colours of a report?",
	"It took me a while to find the share button.",
	"Works well \U0001F44D",
	"We need single sign-on before we can roll this out.",
}

// speak adds what the user writes. It follows from the id and from what the user does, and changes nothing of that.
func (u *User) speak(r *rand.Rand) {
	failed := false
	for _, e := range u.Events {
		switch {
		case e.Name == "invite_failed" && !failed:
			failed = true
			if r.Float64() < complainShare {
				u.add(e.Time+int64(2+r.IntN(40))*60_000, FeedbackEvent, map[string]any{FeedbackText: complaints[r.IntN(len(complaints))], "about": "invite"})
			}
		case e.Name == "dashboard_viewed":
			if r.Float64() < remarkShare {
				u.add(e.Time+int64(1+r.IntN(5))*60_000, FeedbackEvent, map[string]any{FeedbackText: remarks[r.IntN(len(remarks))], "about": "other"})
			}
		}
	}
}

// Complained returns how many of some events say in words that invitations fail.
func Complained(events []Event) (n int) {
	for _, e := range events {
		if e.Name == FeedbackEvent && e.Properties["about"] == "invite" {
			n++
		}
	}
	return n
}
