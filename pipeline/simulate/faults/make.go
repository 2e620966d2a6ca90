package faults

import (
	"math"
	"math/rand/v2"

	"firstlight/pipeline/stats"
)

// maker is a product on its way through its days.
type maker struct {
	*Product
	*nature
	random *rand.Rand
	of     *History
	odds   [3]noise   // of the metrics, from day to day
	habits []noise    // of the active users of each kind
	kinds  []kind     // of users, one for each combination of values
	bursts [3]float64 // of the sources: what an hour has beside its usual volume
}

// kind are users with the same values.
type kind struct {
	values [3]int // positions in values
	share  float64
	odds   float64
}

// Make returns the product's history.
func (p *Product) Make() *History {
	m := &maker{Product: p, nature: p.nature(), random: rand.New(rand.NewPCG(p.Seed, 2)), of: &History{hours: make([][]int64, len(sources)), entries: map[int64]int64{}}}
	for i := range m.odds {
		m.odds[i] = noise{sd: wander, kept: wanderKept}
	}
	m.odds[exports].kept = habitsKept
	m.kinds = kinds()
	m.habits = make([]noise, len(m.kinds))
	for i := range m.habits {
		m.habits[i] = noise{sd: m.habit(i), kept: habitsKept}
	}
	for d := range p.Days {
		m.day(d)
	}
	return m.of
}

func kinds() (all []kind) {
	for a := range segments[0] {
		for b := range segments[1] {
			for c := range segments[2] {
				k := kind{values: [3]int{a, firstOf[1] + b, firstOf[2] + c}, share: 1, odds: 1}
				for _, at := range k.values {
					k.share *= values[at].share
					k.odds *= values[at].odds
				}
				all = append(all, k)
			}
		}
	}
	return all
}

// habit is how far the log odds of the active users of a kind are from those of others of their kind: they are
// the same few people day after day.
func (m *maker) habit(kind int) float64 {
	p := chance(m.base[exports] * m.kinds[kind].odds)
	return 0.5 / math.Sqrt(max(1, activePerDay*m.SignUps*m.kinds[kind].share)*p*(1-p))
}

// is reports whether a kind has the fault's value, or the fault is everywhere.
func (m *maker) is(k *kind) bool {
	at := m.Fault.at()
	return at < 0 || k.values[0] == at || k.values[1] == at || k.values[2] == at
}

// day adds a day.
func (m *maker) day(d int) {
	volume := m.SignUps * m.volumeOf(d) * math.Exp(busyDays*m.random.NormFloat64())
	m.of.days = append(m.of.days, make([]group, 1+len(values)))
	m.of.Entered = append(m.of.Entered, 0)
	w := m.weekday(d)
	var odds [3]float64
	for i := range odds {
		odds[i] = m.base[i] * m.nature.odds[i][w] * math.Exp(m.odds[i].next(m.random))
	}
	shares := make([]float64, len(values))
	for v := range values {
		shares[v] = math.Exp(otherMix * m.random.NormFloat64())
	}
	for i := range m.kinds {
		k := &m.kinds[i]
		share := k.share * shares[k.values[0]] * shares[k.values[1]] * shares[k.values[2]]
		if m.Fault.Kind == Mix && m.Fault.on(float64(d)) && m.is(k) {
			share *= m.Fault.Size
		}
		for range poisson(m.random, volume*share) {
			m.user(d, k, &odds)
		}
	}
	m.of.Entered[d] = int(m.of.days[d][0].entered)
	m.use(d, volume, odds[exports])
	for h := range ofDay {
		for s := range sources {
			m.hour(d, h, s, volume)
		}
	}
}

// user lets a user enter, and perhaps get there.
func (m *maker) user(d int, k *kind, odds *[3]float64) {
	r := m.random
	entry := float64(d) + (float64(pick(r, ofDay, 1))+r.Float64())/24 // days since the beginning
	src := sources[pick(r, []float64{sources[0].share, sources[1].share, sources[2].share}, 1)].name
	seen := r.Float64() >= m.Fault.lost(src, entry)
	day := m.of.days[d]
	groups := [4]*group{&day[0], &day[1+k.values[0]], &day[1+k.values[1]], &day[1+k.values[2]]}
	if seen {
		for _, g := range groups {
			g.entered++
		}
		m.of.entries[start(0)+int64(entry*24)*hour]++
	}
	p := [2]float64{chance(odds[activated] * k.odds), chance(odds[firstReport] * k.odds)}
	slower := 1.0
	if m.is(k) {
		p[activated] *= m.Fault.keeps(entry)
		if m.Fault.Kind == TTFV && m.Fault.on(entry) {
			slower = m.Fault.Size
		}
	}
	for metric, ages := range [2]ages{activatedAges, reportedAges} {
		gets := r.Float64() < p[metric]
		age := ages.draw(r)
		if metric == firstReport {
			age *= slower
		}
		at := entry + age/(24*hour)
		there := gets && age <= ages.end && r.Float64() >= m.Fault.lost(src, at) && at <= float64(m.Days)
		for _, g := range groups {
			if seen && there {
				g.count(metric, age)
			}
		}
	}
}

// use adds a day's use of the feature.
func (m *maker) use(d int, volume, odds float64) {
	all := make([]stats.Count, 1+len(values))
	left := 1.0
	for _, s := range sources {
		for h := range ofDay {
			left -= s.share * ofDay[h] * m.Fault.lost(s.name, float64(d)+float64(h)/24)
		}
	}
	for i := range m.kinds {
		k := &m.kinds[i]
		n := poisson(m.random, activePerDay*volume*k.share*left)
		p := chance(odds * k.odds * math.Exp(m.habits[i].next(m.random)))
		if m.Fault.Kind == Adoption && m.Fault.on(float64(d)) && m.is(k) {
			p = 0
		}
		c := stats.Count{K: binomial(m.random, n, p), N: n}
		for _, at := range [4]int{0, 1 + k.values[0], 1 + k.values[1], 1 + k.values[2]} {
			all[at].K, all[at].N = all[at].K+c.K, all[at].N+c.N
		}
	}
	m.of.uses = append(m.of.uses, all)
}

// hour adds a source's events of an hour.
func (m *maker) hour(d, h, s int, volume float64) {
	r := m.random
	m.bursts[s] *= 0.5
	if r.Float64() < burstShare {
		m.bursts[s] = 1 + 3*r.Float64()
	}
	mean := eventsPerDay * volume * sources[s].share * ofDay[h] * math.Exp(busyHours*r.NormFloat64()) * (1 + m.bursts[s])
	at := float64(d) + float64(h)/24
	m.of.hours[s] = append(m.of.hours[s], int64(poisson(r, mean*(1-m.Fault.lost(sources[s].name, at)))))
}
