// Package wander makes products whose rates wander by themselves, as what detection sees: counts by day, without events. It shares
// no code with package faults and knows more ways to be restless: days that differ, teams that sign up together, levels that
// drift, turn and step, growth, holidays, launches. At a known time a metric may break.
//
// The package is pure: the same product always has the same history.
package wander

import (
	"math"
	"math/rand/v2"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// Catalog defines what the products measure. Their days are those of UTC.
const Catalog = `version: 1
product: restless
windows: [1h, 1d]
defaults: {owner: o@restless.example, objective: People who stay, indicator: leading, direction: up, action: Look into it}
cohorts:
  - {name: signup, entry: {event: joined}, grain: week, segments: [channel, plan]}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [built], within: 7d}
  - {name: value, kind: ttfv, cohort: signup, value: {event: shared}, within: 30d, direction: down}
  - {name: feature, kind: adoption, cohort: signup, feature: {event: exported}}
`

// Metric is a metric by its position in the catalog.
type Metric int

// The metrics.
const (
	Activated Metric = iota
	Value
	Feature

	metrics = 3
)

// Name is the metric's name in the catalog.
func (m Metric) Name() string { return [...]string{"activated", "value", "feature"}[m] }

// Noise is how the days of a steady level differ.
type Noise int

// The noises.
const (
	Chance Noise = iota // by chance alone
	Beta                // a day's rate has a Beta distribution around the level
	Normal              // a day's log odds have a normal distribution around the level
	Teams               // people come in teams of 1 to 15 who mostly do the same

	Noises
)

// Drift is how the level itself moves.
type Drift int

// The drifts. Each moves by about Product.Drift, as a share of the rate, within a month.
const (
	Steady Drift = iota
	Walk         // a little every day, wherever it was before
	Return       // the same, but it comes back within weeks
	Waves        // up and down, with a period of three to nine weeks
	Steps        // rarely and at once, up or down: a release that helps a little, one that hurts a little

	Drifts
)

// Fault is what breaks.
type Fault struct {
	Metric  Metric
	Keeps   float64 // factor on the rate (Feature, Activated) or on how long people take (Value); 0 and 1: nothing breaks
	Channel int     // whose users: position in channels; -1: everybody's
	Mix     float64 // instead: so many times as many users of Channel come; 0: no
	From    int     // days since the beginning
	Until   int     // exclusive
}

// Product says what to make.
type Product struct {
	Seed          uint64
	SignUps       float64 // a day
	Days          int
	Noise         Noise
	Concentration float64 // of Beta; of Normal and Teams what has the same variance
	Drifting      Drift
	Drift         float64 // for example 0.03
	Growth        float64 // of the volume in a year, for example 1 for twice as much
	Holidays      bool    // single and double days with a third of the users, who are others
	Launch        bool    // one week with three times the users, a little worse
	Fault         Fault
}

// First is the first day of every history, a Monday.
var First = calendar.FromDate(2026, 1, 5)

// kindOf is a segment value: its share of the sign-ups, and how the odds of its users differ.
type kindOf struct {
	name        string
	share, odds float64
}

var (
	channels = []kindOf{{"search", 0.35, 1.1}, {"ads", 0.3, 0.6}, {"friends", 0.2, 1.6}, {"fairs", 0.15, 1}}
	plans    = []kindOf{{"free", 0.7, 0.9}, {"paid", 0.3, 1.3}}
)

// ChannelName is the name of the channel at a position.
func ChannelName(at int) string { return channels[at].name }

const (
	activeShare = 6.0 // active users for each sign-up of a day
	dayMs       = 86_400_000
)

// levels are the rates of the metrics with everything as usual; the times that people take are log-normal (median s, sigma, end s).
var levels = [metrics]struct{ rate, median, sigma, end float64 }{
	{0.4, 12 * 3600, 1.8, 7 * 86400}, {0.65, 5 * 3600, 2, 30 * 86400}, {0.22, 0, 0, 0},
}

// edges are the upper ends of the ages that are counted apart (s).
var edges = func() []float64 {
	all := []float64{60, 300, 900, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 12 * 3600, 86400}
	for d := 2.0; d <= 30; d++ {
		all = append(all, d*86400)
	}
	return all
}()

// group are users who entered together.
type group struct {
	entered int64
	ages    [2][]int64
	sums    [2][]int64 // ms
}

func newGroup() group {
	g := group{}
	for m := range g.ages {
		g.ages[m], g.sums[m] = make([]int64, len(edges)), make([]int64, len(edges))
	}
	return g
}

// History is what a product did, counted.
type History struct {
	Entered []int64 // by day

	days  [][]group       // by day: everybody, then channels, then plans
	uses  [][]stats.Count // the same of the feature
	hours []int64         // events
}

// Make returns the product's history.
func (p *Product) Make() *History {
	r := rand.New(rand.NewPCG(p.Seed, 77))
	m := &making{Product: p, r: r, h: &History{}}
	for i := range m.levels {
		m.levels[i] = p.level(rand.New(rand.NewPCG(p.Seed, 100+uint64(i))))
		for w := range m.week[i] {
			m.week[i][w] = 0.06 * r.NormFloat64()
			if w >= 5 {
				m.week[i][w] -= 0.08
			}
		}
	}
	m.launchAt = p.Days
	if p.Launch {
		m.launchAt = 35 + r.IntN(max(1, p.Days-45))
	}
	for d := range p.Days {
		m.day(d)
	}
	return m.h
}

// level is the path of a metric's log odds, by day.
func (p *Product) level(r *rand.Rand) []float64 {
	path := make([]float64, p.Days)
	size := p.Drift / 0.6 // in log odds: a rate of 0.4 moves by 1 - 0.4 of it
	phase, period := 2*math.Pi*r.Float64(), 21+42*r.Float64()
	at := 0.0
	for d := range path {
		switch p.Drifting {
		case Walk:
			at += size / math.Sqrt(30) * r.NormFloat64()
		case Return:
			const kept = 0.93
			at = kept*at + size*math.Sqrt(1-kept*kept)*r.NormFloat64()
		case Waves:
			at = size * math.Sqrt2 * math.Sin(phase+2*math.Pi*float64(d)/period)
		case Steps:
			if r.Float64() < 1.0/30 {
				at += size * r.NormFloat64()
			}
		}
		path[d] = at
	}
	return path
}

// making is a product on its way through its days.
type making struct {
	*Product
	r        *rand.Rand
	h        *History
	levels   [metrics][]float64
	week     [metrics][7]float64
	launchAt int
	holiday  int // days left
	habit    float64
}

// day adds a day.
func (m *making) day(d int) {
	volume := m.SignUps * math.Pow(1+m.Growth, float64(d)/365) * math.Exp(0.12*m.r.NormFloat64())
	if d%7 >= 5 {
		volume *= 0.6
	}
	var off [metrics]float64
	if m.Holidays && m.holiday == 0 && m.r.Float64() < 0.015 {
		m.holiday = 1 + m.r.IntN(2)
	}
	if m.holiday > 0 {
		m.holiday--
		volume *= 0.35
		for i := range off {
			off[i] = -0.15
		}
	}
	if d >= m.launchAt && d < m.launchAt+7 {
		volume *= 3
		for i := range off {
			off[i] -= 0.12
		}
	}
	for i := range off {
		off[i] += logit(levels[i].rate) + m.levels[i][d] + m.week[i][d%7]
	}
	m.enter(d, volume, off)
	m.use(d, volume, off[Feature])
	for h := range 24 {
		share := 1.35 / 24
		if h < 7 || h > 21 {
			share = 0.4 / 24
		}
		m.h.hours = append(m.h.hours, poisson(m.r, 30*volume*share*math.Exp(0.12*m.r.NormFloat64())))
	}
}

// enter lets the day's users in.
func (m *making) enter(d int, volume float64, off [metrics]float64) {
	groups := make([]group, 1+len(channels)+len(plans))
	for i := range groups {
		groups[i] = newGroup()
	}
	weights := make([]float64, len(channels))
	for i := range channels {
		weights[i] = channels[i].share * math.Exp(0.1*m.r.NormFloat64())
		if f := &m.Fault; f.Mix > 0 && f.Channel == i && f.on(d) {
			weights[i] *= f.Mix
			volume *= 1 + channels[i].share*(f.Mix-1)
		}
	}
	rates := m.restless(off)
	for n := poisson(m.r, volume); n > 0; {
		team := int64(1)
		if m.Noise == Teams {
			if team = min(n, 1+int64(m.r.IntN(15))); m.r.Float64() < 0.5 {
				team = 1
			}
			rates = m.restless(off)
		}
		n -= team
		channel, plan := pick(m.r, weights), 0
		if m.r.Float64() < plans[1].share {
			plan = 1
		}
		for range team {
			m.user(d, channel, plan, rates, []*group{&groups[0], &groups[1+channel], &groups[1+len(channels)+plan]})
		}
	}
	m.h.days = append(m.h.days, groups)
	m.h.Entered = append(m.h.Entered, groups[0].entered)
}

// restless are the log odds of a day, or of a team.
func (m *making) restless(off [metrics]float64) [metrics]float64 {
	for i := range off {
		rate := chance(off[i])
		sd := 1 / math.Sqrt((m.Concentration+1)*rate*(1-rate))
		switch m.Noise {
		case Beta:
			off[i] = logit(min(1-1e-6, max(1e-6, beta(m.r, rate*m.Concentration, (1-rate)*m.Concentration))))
		case Normal:
			off[i] += sd * m.r.NormFloat64()
		case Teams:
			off[i] += 0.8 * m.r.NormFloat64()
		case Chance, Noises:
		}
	}
	return off
}

// user lets one enter, and perhaps get there.
func (m *making) user(d, channel, plan int, rates [metrics]float64, groups []*group) {
	for _, g := range groups {
		g.entered++
	}
	for i := range 2 {
		l := &levels[i]
		p, slower := chance(rates[i]+math.Log(channels[channel].odds*plans[plan].odds)), 1.0
		if f := &m.Fault; f.breaks(Metric(i), channel, d) {
			if f.Metric == Value {
				slower = f.Keeps
			} else {
				p *= f.Keeps
			}
		}
		if m.r.Float64() >= p {
			continue
		}
		age := math.Inf(1)
		for age > l.end { // those who take longer are those who do not get there
			age = l.median * math.Exp(l.sigma*m.r.NormFloat64())
		}
		age *= slower
		if age > l.end || float64(d)*86400+m.r.Float64()*86400+age > float64(m.Days)*86400 {
			continue
		}
		at := 0
		for edges[at] < age {
			at++
		}
		for _, g := range groups {
			g.ages[i][at]++
			g.sums[i][at] += int64(1000 * age)
		}
	}
}

// use adds a day's use of the feature: mostly by the same people as the day before.
func (m *making) use(d int, volume, off float64) {
	m.habit = 0.8*m.habit + 0.6*m.r.NormFloat64()/math.Sqrt(activeShare*m.SignUps*0.2)
	all := make([]stats.Count, 1+len(channels)+len(plans))
	rate := chance(off)
	if m.Noise == Beta {
		rate = beta(m.r, rate*m.Concentration, (1-rate)*m.Concentration)
	}
	for c := range channels {
		for p := range plans {
			n := int(poisson(m.r, activeShare*volume*channels[c].share*plans[p].share))
			chances := chance(logit(min(1-1e-6, max(1e-6, rate))) + m.habit + math.Log(channels[c].odds*plans[p].odds))
			if m.Fault.breaks(Feature, c, d) {
				chances *= m.Fault.Keeps
			}
			k := 0
			for range n {
				if m.r.Float64() < chances {
					k++
				}
			}
			for _, at := range []int{0, 1 + c, 1 + len(channels) + p} {
				all[at].K, all[at].N = all[at].K+k, all[at].N+n
			}
		}
	}
	m.h.uses = append(m.h.uses, all)
}

func (f *Fault) on(d int) bool { return d >= f.From && d < f.Until }

func (f *Fault) breaks(m Metric, channel, d int) bool {
	return f.Mix == 0 && f.Keeps != 0 && f.Metric == m && f.on(d) && (f.Channel < 0 || f.Channel == channel)
}

// start of a day of the history, Unix s.
func start(d int) int64 { return (First + calendar.Day(d)).Time().Unix() }

func chance(logOdds float64) float64 { return 1 / (1 + math.Exp(-logOdds)) }
func logit(p float64) float64        { return math.Log(p / (1 - p)) }
