package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// Event is one product event.
type Event struct {
	Time       int64 // Unix ms
	Name       string
	User       string
	ID         string
	Properties map[string]any
	Country    string // of a sign-up
}

// JSON writes the event as product apps send it.
func (e *Event) JSON() []byte {
	fields := map[string]any{
		"event": e.Name, "userId": e.User, "messageId": e.ID,
		"timestamp": time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if e.Properties != nil {
		fields["properties"] = e.Properties
	}
	if e.Country != "" {
		fields["context"] = map[string]any{"location": map[string]any{"country": e.Country}}
	}
	data, err := json.Marshal(fields)
	if err != nil {
		panic("BUG: an event that is no JSON: " + err.Error())
	}
	return data
}

func userID(hour int64, i int) string { return fmt.Sprintf("u%d-%d", hour, i) }

// user draws a user and all that user will do.
func (p *Product) user(id string, signedUp int64) User {
	seed := fnv.New64a()
	seed.Write([]byte(id))
	r := rand.New(rand.NewPCG(p.Seed, seed.Sum64()))
	u := User{ID: id, SignedUp: signedUp, hour: (signedUp/hour + 1) * hour, lost: p.Outages}
	u.plan = plans[pick(r, len(plans), func(i int) float64 { return plans[i].share })]
	u.Plan = u.plan.name
	u.Country = countries[pick(r, len(countries), func(i int) float64 { return countries[i].share })].code
	u.Test = r.Float64() < testShare
	u.Channel, u.Variant, u.Screen = dealt(id)
	properties := map[string]any{"plan": u.Plan, "channel": u.Channel, "variant": u.Variant, "empty_screen": u.Screen}
	if u.Test {
		properties["test_account"] = true
	}
	u.Events = append(u.Events, Event{Time: signedUp, Name: "signed_up", Properties: properties, Country: u.Country})
	u.start(r)
	u.use(r, rand.New(rand.NewPCG(seed.Sum64(), p.Seed+1)))
	u.lookAround(rand.New(rand.NewPCG(seed.Sum64(), p.Seed)))
	u.speak(rand.New(rand.NewPCG(seed.Sum64(), 2)))
	slices.SortStableFunc(u.Events, func(a, b Event) int { return cmp.Compare(a.Time, b.Time) })
	for i := range u.Events {
		u.Events[i].User, u.Events[i].ID = id, fmt.Sprintf("%s-%d", id, i)
	}
	return u
}

// dealt returns the channel of a user, and what the two experiments at sign-up deal. All follow from the id, as experiments deal.
func dealt(id string) (channel, variant, screen string) {
	hash := fnv.New32a()
	hash.Write([]byte(id))
	n := hash.Sum32()
	return [...]string{"paid", "organic", "organic"}[n/2%3], [...]string{"control", "checklist"}[n/7%2], [...]string{"blank", "templates"}[n/101%2]
}

// pick draws an index by shares that sum to 1.
func pick(r *rand.Rand, n int, share func(int) float64) int {
	x := r.Float64()
	for i := range n - 1 {
		if x -= share(i); x < 0 {
			return i
		}
	}
	return n - 1
}

func (u *User) add(at int64, name string, properties map[string]any) {
	u.Events = append(u.Events, Event{Time: at, Name: name, Properties: properties})
}

// start is what new users do: what their truth is about.
func (u *User) start(r *rand.Rand) {
	if r.Float64() < 0.6 {
		u.add(u.SignedUp+startTour.draw(r), "tour_started", nil)
	}
	if r.Float64() < projectShare {
		u.add(u.SignedUp+createProject.draw(r), "project_created", map[string]any{"template": r.Float64() < templateShares[u.Screen]})
	}
	if r.Float64() < 0.55 {
		u.add(u.SignedUp+importFile.draw(r), "file_imported", map[string]any{"rows": 10 + r.IntN(5000)})
	}
	if r.Float64() < u.plan.invites {
		u.invite(r, u.SignedUp+invite.draw(r))
	}
	if r.Float64() < 0.1 {
		u.add(u.SignedUp+invite.draw(r), "invite_sent", map[string]any{"role": "guest"})
	}
	if r.Float64() < u.plan.reports {
		u.add(u.SignedUp+shareReport.draw(r), "report_shared", map[string]any{"format": "link"})
	}
	if r.Float64() < u.plan.exports {
		u.export(r, u.SignedUp+runExport.draw(r))
	}
}

// invite sends two invitations, or fails to during an outage.
func (u *User) invite(r *rand.Rand, at int64) {
	name, lost := "invite_sent", r.Float64() < lostShare
	for _, o := range u.lost {
		if lost && at >= o.From && at < o.Until {
			name = "invite_failed"
		}
	}
	u.add(at, name, map[string]any{"role": "member"})
	u.add(at+inviteGap.Milliseconds(), name, map[string]any{"role": "member"})
}

func (u *User) export(r *rand.Rand, at int64) {
	format := []string{"csv", "xlsx", "api"}[r.IntN(3)]
	u.add(at, "export_run", map[string]any{"format": format, "rows": 1 + r.IntN(4000)})
}

// use is what users do from day to day, less and less of it. Those who were not activated in time stay away on some of the days on which
// they would have come, as chance says.
func (u *User) use(r, chance *rand.Rand) {
	activated := u.activated()
	reports, exports := u.first("report_shared"), u.first("export_run")
	connected := r.Float64() < 0.2
	if connected {
		u.add(u.SignedUp+importFile.draw(r), "integration_connected", map[string]any{"provider": "slack"})
	}
	for d := int64(1); d < visitDays; d++ {
		if r.Float64() > interest(d) {
			continue
		}
		at, came := u.SignedUp+d*day+r.Int64N(8*hour), len(u.Events)
		u.add(at, "dashboard_viewed", nil)
		if reports != 0 && at > reports && r.Float64() < 0.2 {
			u.add(at+1000, "report_shared", map[string]any{"format": "link"})
		}
		if exports != 0 && at > exports && r.Float64() < 0.3 {
			u.export(r, at+2000)
		}
		if connected && r.Float64() < 0.5 {
			u.add(at+3000, "integration_synced", map[string]any{"provider": "slack"})
		}
		if stays := chance.Float64() < keptInterest; d >= activatedDays && !activated && !stays {
			u.Events = u.Events[:came]
		}
	}
}

// activated reports whether the user does in time what the metric activated asks for.
func (u *User) activated() bool {
	projects, invites := 0, 0
	for _, e := range u.Events {
		switch {
		case e.Time > u.SignedUp+activatedWithin.Milliseconds():
		case e.Name == "project_created":
			projects++
		case e.Name == "invite_sent" && e.Properties["role"] != "guest":
			invites++
		}
	}
	return projects >= 1 && invites >= 2
}

// lookAround adds the small things that people do when they visit. They count in no metric, and change nothing else that is drawn.
func (u *User) lookAround(r *rand.Rand) {
	for _, visit := range u.Events {
		if visit.Name != "dashboard_viewed" {
			continue
		}
		for range 1 + r.IntN(3) {
			u.add(visit.Time+r.Int64N(hour/2), "project_viewed", nil)
		}
	}
}

// first returns the time of the first event so named that was added, 0 when there is none.
func (u *User) first(name string) int64 {
	for _, e := range u.Events {
		if e.Name == name {
			return e.Time
		}
	}
	return 0
}

// EventsBetween returns the events of users in [from, until), in order of time and then id.
func EventsBetween(users []User, from, until int64) []Event {
	var all []Event
	for i := range users {
		for _, e := range users[i].Events {
			if e.Time >= from && e.Time < until {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b Event) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID)) })
	return all
}
