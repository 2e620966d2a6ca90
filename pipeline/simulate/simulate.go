// Package simulate is a made-up team product whose truth is known: people sign up, create projects, invite
// colleagues, share reports, export. It stands in for a real product in the demo and in tests.
//
// The package is pure: the same Product always has the same users and events, and a Product that begins where another
// ends goes on with it. Its events fit the example catalogs saas.yaml and demo.yaml, and Truth says what that catalog's metrics should come to.
package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Product is the simulated product from one moment to another. Times are Unix milliseconds.
type Product struct {
	Seed    uint64
	Began   int64   // what is drawn is drawn by hours since then, so that products that began at different times have the same luck; 0: 1970
	From    int64   // the first user signs up after it
	Until   int64   // no user signs up at or after it
	PerDay  float64 // sign-ups of an average day
	Outages []Outage
}

// Outage is a time in which invitations were not sent.
type Outage struct{ From, Until int64 }

const (
	hour = int64(time.Hour / time.Millisecond)
	day  = 24 * hour
)

// Delay is a log-normal distribution of the time from sign-up to an action.
type Delay struct {
	Median time.Duration
	Sigma  float64
}

// By returns the share of those who act at all that have acted after a time.
func (d Delay) By(after time.Duration) float64 {
	if after <= 0 {
		return 0
	}
	z := math.Log(float64(after)/float64(d.Median)) / d.Sigma
	return 0.5 * math.Erfc(-z/math.Sqrt2)
}

// draw returns a delay in ms, at least 1.
func (d Delay) draw(r *rand.Rand) int64 {
	return max(1, int64(float64(d.Median.Milliseconds())*math.Exp(d.Sigma*r.NormFloat64())))
}

// How people behave. Delays count from sign-up.
var (
	createProject = Delay{20 * time.Minute, 1.2}
	invite        = Delay{10 * time.Hour, 1.3}
	startTour     = Delay{4 * time.Minute, 0.8}
	importFile    = Delay{2 * time.Hour, 1.1}
	shareReport   = Delay{26 * time.Hour, 1.0}
	runExport     = Delay{6 * 24 * time.Hour, 0.8}
)

const (
	projectShare = 0.82 // of users, who ever create a project
	testShare    = 0.02 // of accounts, that are made for tests and count in no cohort
	lostShare    = 0.90 // of invitations in an outage, that are lost
	inviteGap    = time.Minute
	keptInterest = 0.6 // of the days on which activated users would come, that others come, once the time for activation is over
	visitDays    = 60  // after which nobody comes any more
)

// interest is the probability that an activated user opens a dashboard in the d-th 24 hours since sign-up, from 1 on.
func interest(d int64) float64 { return 0.45 * math.Pow(0.95, float64(d-1)) }

// templateShares are the shares of first projects that are made from a template.
var templateShares = map[string]float64{"blank": 0.30, "templates": 0.38}

// plan is a price plan: its share of sign-ups, and the shares of its users who ever invite, report, export.
type plan struct {
	name                      string
	share                     float64
	invites, reports, exports float64
}

var plans = []plan{
	{"free", 0.60, 0.42, 0.68, 0.25},
	{"team", 0.30, 0.64, 0.82, 0.45},
	{"business", 0.10, 0.78, 0.90, 0.60},
}

var countries = []struct {
	code  string
	share float64
}{{"US", 0.40}, {"DE", 0.20}, {"GB", 0.15}, {"FR", 0.15}, {"NL", 0.06}, {"BR", 0.04}}

// User is one simulated user, with everything that user will do.
type User struct {
	ID       string
	SignedUp int64
	Plan     string
	Country  string
	Channel  string // that brought the user
	Variant  string // of an experiment at sign-up that changes nothing
	Screen   string // what the screen for a first project shows: an experiment that changes how many start from a template
	Test     bool   // a test account
	Events   []Event

	plan plan
	hour int64 // end of the hour of sign-up
	lost []Outage
}

// Users returns all users in order of sign-up.
func (p *Product) Users() []User {
	var all []User
	for h := (p.From - p.Began) / hour; p.Began+h*hour < p.Until; h++ {
		start := p.Began + h*hour
		r := rand.New(rand.NewPCG(p.Seed, uint64(h)))
		var at []int64
		for range poisson(r, p.PerDay/24*rhythm(start/hour)) {
			at = append(at, start+r.Int64N(hour))
		}
		slices.Sort(at)
		for i, t := range at {
			if t >= p.From && t < p.Until {
				all = append(all, p.user(userID(h, i), t))
			}
		}
	}
	return all
}

// rhythm is how busy an hour (UTC, since 1970) is beside an average one: people sleep, and rest at weekends.
func rhythm(h int64) float64 {
	ofDay := 1 - 0.8*math.Cos(2*math.Pi*(float64(h%24)-2)/24)
	switch weekday := (h/24 + 4) % 7; weekday { // 1970-01-01 was a Thursday; 0 is Sunday
	case 0, 6:
		return ofDay * 0.5
	default:
		return ofDay * 1.2
	}
}

// poisson draws from a Poisson distribution (Knuth 1969): fine for the small means of one hour.
func poisson(r *rand.Rand, mean float64) int {
	limit, n := math.Exp(-mean), 0
	for product := r.Float64(); product > limit; product *= r.Float64() {
		n++
	}
	return n
}
