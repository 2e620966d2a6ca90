package main

// Parameters of the volume detector, chosen by the benchmark's series: what is chosen by one half is held against the other.

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"firstlight/pipeline/volume"
	"firstlight/pipeline/volume/nabscore"
)

// whole is a parameter that counts something.
func whole(of func(p *volume.Parameters) *int) func(p *volume.Parameters, v float64) {
	return func(p *volume.Parameters, v float64) { *of(p) = int(math.Round(v)) }
}

func share(of func(p *volume.Parameters) *float64) func(p *volume.Parameters, v float64) {
	return func(p *volume.Parameters, v float64) { *of(p) = v }
}

// ranges are those in which parameters are looked for, all of each alike by logarithm: a factor of 2 to 30 wide around round numbers. In
// ranges of a factor of 16 to 1,000 as many candidates find nothing as good, for all series neither.
var ranges = []struct {
	low, high float64
	set       func(p *volume.Parameters, v float64)
}{
	{2048, 16384, whole(func(p *volume.Parameters) *int { return &p.History })},
	{50, 400, whole(func(p *volume.Parameters) *int { return &p.WarmUp })},
	{25, 200, whole(func(p *volume.Parameters) *int { return &p.Local })},
	{4, 32, whole(func(p *volume.Parameters) *int { return &p.Short })},
	{64, 256, whole(func(p *volume.Parameters) *int { return &p.Long })},
	{0.003, 0.03, share(func(p *volume.Parameters) *float64 { return &p.Suspect })},
	{0.5, 0.9, share(func(p *volume.Parameters) *float64 { return &p.UsualShare })},
	{1, 3, whole(func(p *volume.Parameters) *int { return &p.UsualDays })},
	{0.003, 0.03, share(func(p *volume.Parameters) *float64 { return &p.TailShare })},
	{2, 8, share(func(p *volume.Parameters) *float64 { return &p.PriorExponent })},
	{1, 8, share(func(p *volume.Parameters) *float64 { return &p.PriorWeight })},
	// When an alarm begins: these change nothing of the rarities.
	{1.0 / 256, 1.0 / 16, share(func(p *volume.Parameters) *float64 { return &p.Begin })},
	{1, 30, share(func(p *volume.Parameters) *float64 { return &p.GoesOn })},
	{0.005, 0.04, share(func(p *volume.Parameters) *float64 { return &p.QuietShare })},
	{3, 100, share(func(p *volume.Parameters) *float64 { return &p.Graver })},
}

const (
	rarities = 11   // of the ranges: what rarities depend on
	draws    = 150  // of these
	alarms   = 40   // draws of when an alarm begins, for each of them
	again    = 200  // draws of when an alarm begins, once the others are chosen
	few      = 0.06 // of the candidates, the best, whose logarithms are averaged: the best one is mostly lucky
)

var (
	standard = nabscore.Profiles[0]
	alarm    = 0.5 // the score at which they begin
)

// candidate is a set of parameters, their logarithms, with what it earned in each series under the standard profile, above never saying
// anything.
type candidate struct {
	logs   []float64
	earned []float64
}

// draw draws the parameters from one on, and keeps those before it.
func draw(r *rand.Rand, logs []float64, from int) []float64 {
	logs = append(make([]float64, 0, len(ranges)), logs[:from]...)
	for _, s := range ranges[from:] {
		logs = append(logs, math.Log(s.low)+r.Float64()*math.Log(s.high/s.low))
	}
	return logs
}

func parameters(logs []float64) (p volume.Parameters) {
	for i, r := range ranges {
		r.set(&p, math.Exp(logs[i]))
	}
	return p
}

// candidates draws candidates and tries them on all series.
func candidates(all []*nabscore.Series) []candidate {
	r := rand.New(rand.NewPCG(3, 4))
	drawn := make([]candidate, draws*alarms)
	for i := range drawn {
		if i%alarms == 0 {
			drawn[i].logs = draw(r, nil, 0)
		} else {
			drawn[i].logs = draw(r, drawn[i-1].logs, rarities)
		}
	}
	inParallel(draws, func(i int) { earn(all, drawn[i*alarms:][:alarms]) })
	return drawn
}

// earn has candidates that differ only in when an alarm begins earn what they do.
func earn(series []*nabscore.Series, some []candidate) {
	p := parameters(some[0].logs)
	rare := nabscore.Rarities(series, &p)
	for i := range some {
		p := parameters(some[i].logs)
		for _, s := range nabscore.Alarms(series, rare, &p) {
			some[i].earned = append(some[i].earned, nabscore.At([]nabscore.Scored{s}, standard, alarm).Earned)
		}
	}
}

// mostEarned is the mean of the candidates that earn most in some of the series that they were tried on.
func mostEarned(tried []candidate, series []int) []float64 {
	type ranked struct {
		*candidate
		sum float64
	}
	order := make([]ranked, len(tried))
	for i := range tried {
		order[i].candidate = &tried[i]
		for _, s := range series {
			order[i].sum += tried[i].earned[s]
		}
	}
	slices.SortStableFunc(order, func(a, b ranked) int { return cmp.Compare(b.sum, a.sum) })
	logs := make([]float64, len(ranges))
	best := order[:int(few*float64(len(order)))]
	for _, c := range best {
		for i, v := range c.logs {
			logs[i] += v / float64(len(best))
		}
	}
	return logs
}

// fit chooses parameters by some of the series: first those of rarities, then when an alarm begins with these.
func fit(all []*nabscore.Series, drawn []candidate, some []int) volume.Parameters {
	r := rand.New(rand.NewPCG(8, 9))
	chosen := mostEarned(drawn, some)
	tried := make([]candidate, again)
	for i := range tried {
		tried[i].logs = draw(r, chosen, rarities)
	}
	earn(pick(all, some), tried)
	return parameters(mostEarned(tried, positions(len(some))))
}

func pick(all []*nabscore.Series, some []int) (picked []*nabscore.Series) {
	for _, i := range some {
		picked = append(picked, all[i])
	}
	return picked
}

// splits is into how many pairs of halves the series are dealt.
const splits = 10

// crossValidate returns the scores of halves with the parameters, threshold and all, that are chosen by the other half.
func crossValidate(all []*nabscore.Series, drawn []candidate) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	var halves [][2][]int
	for range splits {
		dealt := r.Perm(len(all))
		a, b := dealt[:len(all)/2], dealt[len(all)/2:]
		halves = append(halves, [2][]int{a, b}, [2][]int{b, a})
	}
	scores := make([]float64, len(halves))
	inParallel(len(halves), func(i int) {
		p := fit(all, drawn, halves[i][0])
		scores[i] = nabscore.At(nabscore.RunWith(pick(all, halves[i][1]), &p), standard, alarm).Normalized
	})
	return scores
}

func positions(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}
