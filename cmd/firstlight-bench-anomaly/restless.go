package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"text/tabwriter"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/simulate/wander"
	"firstlight/pipeline/stats"
)

// Products whose rates wander by themselves, with seeds that were drawn after the detector's constants: false alarms by metric, and what
// is found of a drop by a fifth, beside the best that anybody could find.

// unseen is where the seeds begin: the first digits of the commit after which the detector's constants were left alone.
const unseen = 0x087ca6c1

const (
	restlessDays = 140
	settledDays  = 20 // before anything can be judged
	dropDay      = 70
	keeps        = 0.8 // what is left of the rate
)

// lasting is how long a drop lasts at so many sign-ups a day.
var lasting = []struct {
	signUps float64
	days    int
}{{20, 60}, {100, 21}, {500, 14}}

var (
	noiseNames = [wander.Noises]string{"by chance alone", "beta, concentration 100 to 500", "normal log odds", "teams"}
	driftNames = [wander.Drifts]string{"steady", "random walk", "walk that returns", "waves", "steps"}
)

// restless prints the tables. each is how many products there are of a size, a noise, a drift and a month's drift.
func restless(w io.Writer, each int) error {
	c, problems := catalog.Load([]byte(wander.Catalog), kind.All)
	if problems.Failed() {
		return fmt.Errorf("load the catalog of the restless products: %s", problems.Format("catalog"))
	}
	t := &restlessTable{catalog: c, seed: unseen}
	t.measure(each)
	return t.print(w)
}

// tally counts what was said of how much.
type tally struct{ k, n float64 }

func (t *tally) add(k, n float64) { t.k, t.n = t.k+k, t.n+n }

func (t tally) perThousand() string {
	if t.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", 1000*t.k/t.n)
}

func (t tally) share() string {
	if t.n == 0 {
		return "-"
	}
	return percent(t.k / t.n)
}

// restlessTable is what was measured, each by size.
type restlessTable struct {
	catalog *catalog.Catalog
	seed    uint64

	byNoise      [wander.Noises][3]tally // false alarms among metric-days
	byDrift      [wander.Drifts][3]tally
	byMetric     [3][3]tally
	twice        [3]tally // at twice the drift
	found        [wander.Noises][3]tally
	contributor  [3]tally
	mix          [3]tally
	mixOfNothing [3]tally // called a mix where it was none
}

// restlessJob is a product to be judged, and what becomes of the incidents.
type restlessJob struct {
	product wander.Product
	take    func(h *wander.History, incidents []anomaly.Incident)
}

func (t *restlessTable) measure(each int) {
	var jobs []restlessJob
	for size, l := range lasting {
		for noise := range wander.Noises {
			for drift := range wander.Drifts {
				for i := range each {
					p := wander.Product{
						SignUps: l.signUps, Days: restlessDays, Noise: noise, Concentration: []float64{100, 200, 500}[i%3], Drifting: drift,
						Drift: 0.03, Growth: float64(i % 2), Holidays: true, Launch: i%4 == 3,
					}
					jobs = append(jobs, t.quiet(p, size), t.drop(p, size, l.days))
					if drift != wander.Steady {
						p.Drift *= 2
						jobs = append(jobs, t.twiceAsRestless(p, size))
					}
				}
			}
		}
		for i := range 20 * each {
			p := wander.Product{SignUps: l.signUps, Days: dropDay + l.days + 7, Noise: wander.Beta, Concentration: 200, Drifting: wander.Return, Drift: 0.03}
			jobs = append(jobs, t.oneChannel(p, size, i%4, l.days), t.otherUsers(p, size, l.days))
		}
	}
	t.do(jobs)
}

// do judges the products of all jobs. What they show is added up, so its order does not matter.
func (t *restlessTable) do(jobs []restlessJob) {
	var adding sync.Mutex
	inParallel(len(jobs), func(i int) {
		h := jobs[i].product.Make()
		incidents := anomaly.Judge(t.catalog, h.Evidence())
		adding.Lock()
		defer adding.Unlock()
		jobs[i].take(h, incidents)
	})
}

func (t *restlessTable) seeded(p wander.Product) wander.Product {
	t.seed++
	p.Seed = t.seed
	return p
}

// opened is the day on which an incident of a metric was opened, and its first message.
func opened(i *anomaly.Incident) (metric string, day float64) {
	m := &i.Messages[0]
	return m.Metric.Name, float64(m.At.Unix()-wander.First.Time().Unix()) / daySeconds
}

// falseOf counts the incidents of each metric.
func falseOf(incidents []anomaly.Incident) (n [3]float64) {
	for i := range incidents {
		name, _ := opened(&incidents[i])
		for m := range n {
			if name == wander.Metric(m).Name() {
				n[m]++
			}
		}
	}
	return n
}

func (t *restlessTable) quiet(p wander.Product, size int) restlessJob {
	return restlessJob{t.seeded(p), func(_ *wander.History, incidents []anomaly.Incident) {
		days := float64(p.Days - settledDays)
		for m, n := range falseOf(incidents) {
			t.byMetric[m][size].add(n, days)
			t.byNoise[p.Noise][size].add(n, days)
			t.byDrift[p.Drifting][size].add(n, days)
		}
	}}
}

func (t *restlessTable) twiceAsRestless(p wander.Product, size int) restlessJob {
	return restlessJob{t.seeded(p), func(_ *wander.History, incidents []anomaly.Incident) {
		for _, n := range falseOf(incidents) {
			t.twice[size].add(n, float64(p.Days-settledDays))
		}
	}}
}

// during finds the incident of activation that was opened while the fault lasted.
func during(incidents []anomaly.Incident, f wander.Fault) *anomaly.Incident {
	for i := range incidents {
		if name, day := opened(&incidents[i]); name == wander.Activated.Name() && day > float64(f.From) && day <= float64(f.Until+1) {
			return &incidents[i]
		}
	}
	return nil
}

func (t *restlessTable) drop(p wander.Product, size, days int) restlessJob {
	p.Days = dropDay + days + 7
	p.Fault = wander.Fault{Metric: wander.Activated, Keeps: keeps, Channel: -1, From: dropDay, Until: dropDay + days}
	return restlessJob{t.seeded(p), func(h *wander.History, incidents []anomaly.Incident) {
		i := during(incidents, p.Fault)
		if i == nil {
			t.found[p.Noise][size].add(0, 1)
			return
		}
		t.found[p.Noise][size].add(1, 1)
		t.mixOfNothing[size].add(one(explained(h, i).Mix), 1)
	}}
}

// oneChannel loses two fifths of the activations of one channel.
func (t *restlessTable) oneChannel(p wander.Product, size, channel, days int) restlessJob {
	p.Fault = wander.Fault{Metric: wander.Activated, Keeps: 0.4, Channel: channel, From: dropDay, Until: dropDay + days}
	return restlessJob{t.seeded(p), func(h *wander.History, incidents []anomaly.Incident) {
		if i := during(incidents, p.Fault); i != nil {
			c := explained(h, i).Contributors
			named := len(c) > 0 && c[0].Segment == "channel" && c[0].Value == wander.ChannelName(channel)
			t.contributor[size].add(map[bool]float64{true: 1}[named], 1)
		}
	}}
}

// otherUsers brings four times the users of the channel that activates least.
func (t *restlessTable) otherUsers(p wander.Product, size, days int) restlessJob {
	p.Fault = wander.Fault{Metric: wander.Activated, Channel: 1, Mix: 4, From: dropDay, Until: dropDay + days}
	return restlessJob{t.seeded(p), func(h *wander.History, incidents []anomaly.Incident) {
		if i := during(incidents, p.Fault); i != nil {
			t.mix[size].add(one(explained(h, i).Mix), 1)
		}
	}}
}

func one(m *anomaly.Mix) float64 {
	if m != nil && m.Cause == "mix" {
		return 1
	}
	return 0
}

// explained is the opening message with what segments say.
func explained(h *wander.History, i *anomaly.Incident) anomaly.Message {
	n := i.News(0)
	explain(&n, h.Answer)
	return n.Message
}

// best is the share of drops by a fifth that can be found while they last if both rates are known, with one false alarm in a thousand
// days: Page's (1954) CUSUM of the likelihood ratio, its threshold found by simulation. concentration 0: days differ by chance alone.
func best(signUps float64, days int, concentration float64) float64 {
	const rate, aim = 0.4, 1000.0
	n := int(signUps)
	size := concentration
	if size == 0 {
		size = 1e7
	}
	before := stats.BetaBinomial{Alpha: rate * size, Beta: (1 - rate) * size}
	after := stats.BetaBinomial{Alpha: keeps * rate * size, Beta: (1 - keeps*rate) * size}
	ratios := make([]float64, n+1)
	for k := range ratios {
		ratios[k] = after.LogProb(k, n) - before.LogProb(k, n)
	}
	r := rand.New(rand.NewPCG(1, 2))
	usual, low := drawer(before, n, r), drawer(after, n, r)
	alarms := func(threshold float64) (count float64) {
		sum := 0.0
		for range 200_000 {
			if sum = max(0, sum) + ratios[usual()]; sum >= threshold {
				count, sum = count+1, 0
			}
		}
		return count
	}
	under, over := 0.0, 20.0
	for range 14 {
		if middle := (under + over) / 2; alarms(middle) > 200_000/aim {
			under = middle
		} else {
			over = middle
		}
	}
	const runs = 4000
	found := 0.0
	for range runs {
		sum := 0.0
		for range days {
			if sum = max(0, sum) + ratios[low()]; sum >= over {
				found++
				break
			}
		}
	}
	return found / runs
}

// drawer draws counts by their cumulative probabilities.
func drawer(b stats.BetaBinomial, n int, r *rand.Rand) func() int {
	sums := make([]float64, n+1)
	total := 0.0
	for k := range sums {
		total += math.Exp(b.LogProb(k, n))
		sums[k] = total
	}
	return func() int {
		u := r.Float64() * total
		low, high := 0, n
		for low < high {
			if middle := (low + high) / 2; sums[middle] < u {
				low = middle + 1
			} else {
				high = middle
			}
		}
		return low
	}
}

func (t *restlessTable) print(to io.Writer) error {
	fmt.Fprintf(to, "Restless products, seeds drawn after the constants. False alarms in 1,000 days of a metric, by sign-ups a day; rates drift by 3 %% a month:\n\n")
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t20\t100\t500\tall\t")
	line := func(name string, of [3]tally, text func(tally) string) {
		fmt.Fprintf(w, "%s", name)
		var all tally
		for _, c := range of {
			fmt.Fprintf(w, "\t%s", text(c))
			all.add(c.k, c.n)
		}
		fmt.Fprintf(w, "\t%s\t\n", text(all))
	}
	for i, name := range noiseNames {
		line("days differ: "+name, t.byNoise[i], tally.perThousand)
	}
	for i, name := range driftNames {
		line("levels: "+name, t.byDrift[i], tally.perThousand)
	}
	var all [3]tally
	for m := range t.byMetric {
		line("metric "+wander.Metric(m).Name(), t.byMetric[m], tally.perThousand)
		for size, c := range t.byMetric[m] {
			all[size].add(c.k, c.n)
		}
	}
	line("all", all, tally.perThousand)
	line("levels that move twice as much", t.twice, tally.perThousand)
	fmt.Fprintln(w, "\t\t\t\t\t\nactivation -20 %, found while it lasts: days\t60\t21\t14\t\t")
	var found [3]tally
	for i, name := range noiseNames {
		line(name, t.found[i], tally.share)
		for size, c := range t.found[i] {
			found[size].add(c.k, c.n)
		}
	}
	line("all", found, tally.share)
	for _, b := range []struct {
		name          string
		concentration float64
	}{{"the best possible, rates known: by chance alone", 0}, {"the same, beta, concentration 100", 100}} {
		fmt.Fprintf(w, "%s", b.name)
		for _, l := range lasting {
			fmt.Fprintf(w, "\t%s", percent(best(l.signUps, l.days, b.concentration)))
		}
		fmt.Fprintln(w, "\t\t")
	}
	line("-60 % in one channel: named first", t.contributor, tally.share)
	line("four times the users of one channel: called a mix", t.mix, tally.share)
	line("-20 % everywhere: called a mix", t.mixOfNothing, tally.share)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the tables of restless products: %w", err)
	}
	return nil
}
