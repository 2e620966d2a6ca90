// Package product makes the events of a chaos run up: the same ones for the same seed. They come in waves, a quarter of a day each, out
// of order, some twice, some late, some that are no events, and in every wave something for every write that a flush can make: a new
// event name, a new day, users, dead letters, and a user to be forgotten.
package product

import (
	"fmt"
	"math/rand/v2"
	"time"

	"firstlight/pipeline/event"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
)

// Catalog is the product's.
const Catalog = `version: 1
product: chaos
timezone: Europe/Berlin
allowed_lateness: 24h
windows: [1d, 7d/1d]
defaults: {owner: growth@acme.example, objective: More teams that stay, direction: up, action: Call them, indicator: leading}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [plan]}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [project_created, {event: invite_sent, count: 2}], within: 7d}
  - {name: first_report, kind: ttfv, cohort: signup, value: {event: report_shared}}
  - {name: exports, kind: adoption, cohort: signup, feature: {event: export_run, where: 'properties.rows > 10'}, within: 28d}
  - {name: comes_back, kind: retention, cohort: signup, period: week, periods: 8, split_by: activated}
voices:
  - {name: plan_chosen, event: [signed_up, login], text: properties.plan}
`

// Message is one to be published.
type Message struct {
	Subject, ID string
	Header      map[string]string
	Data        []byte
}

// Product is what makes the waves.
type Product struct {
	random     *rand.Rand
	partitions int
	wave       int
	number     int
	users      [][]string // by partition, in the order they signed up
}

// New returns a product whose users are dealt to some partitions.
func New(seed uint64, partitions int) *Product {
	return &Product{random: rand.New(rand.NewPCG(seed, 1)), partitions: partitions, users: make([][]string, partitions)}
}

const (
	length    = 6 * time.Hour // of a wave
	recent    = 60            // users who may do something
	namesEach = 400           // new event names of one source: fewer than are told apart
	lateBy    = 40 * time.Hour
	minding   = 8 // waves after which a user may be forgotten: windows of the first days are final by then
)

var began = time.Date(2020, 1, 6, 0, 0, 0, 0, time.UTC)

// Next returns the next wave.
func (p *Product) Next() (all []Message) {
	now := began.Add(time.Duration(p.wave) * length)
	for partition := range p.partitions {
		all = append(all, p.of(partition, now)...)
	}
	p.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range all {
		if p.random.IntN(20) == 0 { // the same once more: dropped by the stream, or counted twice with an id of its own
			again := all[i]
			if p.random.IntN(2) == 0 {
				again.ID = p.id()
			}
			all = append(all, again)
		}
	}
	p.wave++
	return all
}

// of is what comes for one partition.
func (p *Product) of(partition int, now time.Time) (all []Message) {
	user := p.signUp(partition)
	source := fmt.Sprint("app", p.wave/namesEach)
	all = append(all,
		p.event("web", user, "signed_up", now, p.within(now)),
		p.event(source, user, fmt.Sprint("feature ", p.wave), now, p.within(now)),
		p.event("web", p.someone(partition), "login", now, now.Add(-lateBy)),
	)
	for range 5 {
		names := []string{"project_created", "invite_sent", "invite_sent", "report_shared", "export_run", "login"}
		all = append(all, p.event("web", p.someone(partition), names[p.random.IntN(len(names))], now, p.within(now)))
	}
	if p.wave%2 == 0 {
		all = append(all, Message{Subject: event.Subject("web", user), ID: p.id(), Header: received(now), Data: []byte("{")})
	}
	if old := len(p.users[partition]) - minding; old > 0 {
		token := event.Token(p.users[partition][old-1-p.random.IntN(min(old, minding))])
		m := event.Forget(token, token)
		all = append(all, Message{Subject: m.Subject, ID: p.id(), Header: map[string]string{event.ControlHeader: m.Header[event.ControlHeader][0]}, Data: m.Data})
	}
	return all
}

// signUp adds a user to a partition.
func (p *Product) signUp(partition int) string {
	for i := 0; ; i++ {
		user := fmt.Sprintf("user %d.%d.%d", p.wave, partition, i)
		if stream.Partition(event.Subject("web", user), p.partitions) == partition {
			p.users[partition] = append(p.users[partition], user)
			return user
		}
	}
}

// someone is one of those who signed up last.
func (p *Product) someone(partition int) string {
	all := p.users[partition]
	return all[len(all)-1-p.random.IntN(min(len(all), recent))]
}

// within is a time of a wave, or of the one before.
func (p *Product) within(now time.Time) time.Time {
	return now.Add(-time.Duration(p.random.Int64N(int64(2 * length)))).Truncate(time.Millisecond)
}

func (p *Product) id() string {
	p.number++
	return fmt.Sprint("chaos-", p.number)
}

func received(at time.Time) map[string]string {
	return map[string]string{oracle.ReceivedAt: at.Format("2006-01-02T15:04:05.000Z")}
}

func (p *Product) event(source, user, name string, now, at time.Time) Message {
	plans := []string{"free", "pro", "team"}
	data := fmt.Appendf(nil, `{"event":%q,"userId":%q,"messageId":%q,"timestamp":%q,"properties":{"plan":%q,"rows":%d}}`,
		name, user, fmt.Sprint("m", p.number), at.Format("2006-01-02T15:04:05.000Z"), plans[p.random.IntN(len(plans))], p.random.IntN(30))
	arrived := now.Add(-time.Duration(p.random.Int64N(int64(time.Hour)))).Truncate(time.Millisecond)
	return Message{Subject: event.Subject(source, user), ID: p.id(), Header: received(arrived), Data: data}
}
