package event

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ControlSource is the source under which Firstlight itself publishes; apps may not.
const ControlSource = "_firstlight"

// forgets is the value of ControlHeader in a message that has a user forgotten.
const forgets = "forget"

// control is the body of such a message. It names the user by token, because the stream keeps it.
type control struct {
	Token string `json:"token"`
}

// Forget returns the message that has the user of a token forgotten where the events under a route, a token too, are counted. The
// route is that of the user's events: the same token, unless they were published under another.
func Forget(token, route string) *Message {
	body, err := json.Marshal(control{token})
	if err != nil {
		panic("BUG: a token does not encode: " + err.Error())
	}
	return &Message{
		Subject: "events." + ControlSource + "." + route, Data: body,
		Header: map[string][]string{ControlHeader: {forgets}},
	}
}

// Forgets returns the token of the user whom a message has forgotten, false for every other message: also for one that says so under
// a source of apps.
func Forgets(m *Message) (token string, ok bool) {
	if len(m.Header) == 0 || Header(m, ControlHeader) != forgets || Source(m.Subject) != ControlSource {
		return "", false
	}
	var c control
	if json.Unmarshal(m.Data, &c) != nil || CheckToken(c.Token) != nil {
		return "", false
	}
	return c.Token, true
}

// purges is the value of ControlHeader in a message that names what forget has taken out of the stream.
const purges = "purged"

// PurgedSubject is the subject of such messages.
const PurgedSubject = "events." + ControlSource + "." + purges

// MaxPurged bounds how many sequences one of them names, so that it stays far below what a server takes.
const MaxPurged = 5000

// purged is the body of such a message.
type purged struct {
	Sequences []uint64 `json:"sequences"`
}

// Purged returns the message that names messages which forget takes out of the stream, by their sequences, at most MaxPurged: whoever
// computes from the stream later does not miss them.
func Purged(sequences []uint64) *Message {
	body, err := json.Marshal(purged{sequences})
	if err != nil {
		panic("BUG: sequences do not encode: " + err.Error())
	}
	return &Message{Subject: PurgedSubject, Data: body, Header: map[string][]string{ControlHeader: {purges}}}
}

// PurgedBy returns the sequences that such a message names, none of every other message.
func PurgedBy(m *Message) []uint64 {
	var p purged
	if Header(m, ControlHeader) != purges || m.Subject != PurgedSubject || json.Unmarshal(m.Data, &p) != nil {
		return nil
	}
	return p.Sequences
}

// CheckToken says why a text is no user's token.
func CheckToken(token string) error {
	if len(token) != 32 || strings.Trim(token, "0123456789abcdef") != "" {
		return fmt.Errorf("%q is no user's token: that is 32 lower-case hex digits", token)
	}
	return nil
}
