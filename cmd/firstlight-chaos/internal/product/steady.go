package product

import (
	"fmt"
	"math/rand/v2"
	"time"

	"firstlight/pipeline/event"
)

// Steady is a product that does not grow: the same users do the same few things all the time, now.
type Steady struct {
	random        *rand.Rand
	users, number int
	joined        bool
}

// NewSteady returns a product of so many users.
func NewSteady(seed uint64, users int) *Steady {
	return &Steady{random: rand.New(rand.NewPCG(seed, 4)), users: users}
}

// Next returns n events; the first time the users sign up.
func (s *Steady) Next(now time.Time, n int) (all []Message) {
	if !s.joined {
		s.joined = true
		for i := range s.users {
			all = append(all, s.event(i, "signed_up", now))
		}
		return all
	}
	names := []string{"project_created", "invite_sent", "report_shared", "export_run", "login"}
	for range n {
		all = append(all, s.event(s.random.IntN(s.users), names[s.random.IntN(len(names))], now))
	}
	return all
}

func (s *Steady) event(i int, name string, at time.Time) Message {
	s.number++
	user := fmt.Sprint("user ", i)
	data := fmt.Appendf(nil, `{"event":%q,"userId":%q,"timestamp":%q,"properties":{"plan":"pro","rows":20}}`, name, user, at.UTC().Format("2006-01-02T15:04:05.000Z"))
	return Message{Subject: event.Subject("web", user), ID: fmt.Sprint("steady-", s.number), Data: data}
}
