// Package volume finds what is unusual in a series of numbers as they come, such as the events of a source per hour:
// one point at a time, without looking ahead, without settings, the same for every series.
//
// It watches six simple statistics of the series. Each is ranked, upwards and downwards, in its own past, and beyond
// the rarest 1 % of that past the tail is extrapolated by a power law. So the scale of the values, their spread and how
// heavy their tails are do not matter, and a level that lasts becomes the new normal by itself. What was as
// extreme at the same time on other days is no news. The rarest statistic speaks for the point; an alarm begins
// where it is rarer than the history seen so far explains.
package volume

import "math"

// Detector follows one series. Its memory is bounded: 1.2 MB when full.
type Detector struct {
	p       *Parameters
	recent  recent
	local   *window // the newest values
	past    [statistics]*window
	seasons seasons
	away    *Excursion
}

// New returns a detector that has seen nothing.
func New() *Detector {
	p := Chosen
	return NewWith(&p)
}

// NewWith returns a detector with other parameters than the chosen ones.
func NewWith(p *Parameters) *Detector {
	d := &Detector{
		p: p, local: newWindow(p.Local, p), recent: recent{values: make([]float64, p.Long), times: make([]int64, p.Long)},
		seasons: seasons{p: p}, away: NewExcursion(p),
	}
	for i := range d.past {
		d.past[i] = newWindow(p.History, p)
	}
	return d
}

// localWarmUp is how many values it takes until their median is the level here and now.
const localWarmUp = 20

// A Statistic is one of the numbers watched.
type Statistic int

// The statistics.
const (
	Jump       Statistic = iota // a value less the one before
	Local                       // a value less the median of the newest values
	Short                       // the mean of a short run of values
	Long                        // the mean of a long run
	OfDay                       // how far outside of what this time of day was like
	OfWeek                      // the same for the time of the week
	statistics = iota
)

// Verdict is what there is to say about one point.
type Verdict struct {
	Alarm  bool    // an alarm begins: once per excursion
	Score  float64 // 0 usual … 1 unheard of; alarms begin at 0.5
	Rarity float64 // share of points expected to be as extreme, by the rarest statistic
	Rarest Statistic
	Above  bool // the rarest statistic is high, not low

	// What was expected before the point came, with the range that holds 95 % of points; NaN in the first few points.
	Expected, Low, High float64
}

// Step takes the next point. The time is in seconds on the clock that seasons follow: local time where days are
// local. A value that is missing, NaN or infinite, is no evidence of anything: it changes nothing and is never an alarm.
func (d *Detector) Step(seconds int64, value float64) Verdict {
	d.seasons.at(seconds)
	v := d.expect()
	if math.IsNaN(value) || math.IsInf(value, 0) {
		v.Rarity = 1
		return v
	}
	d.seasons.judge(d.local, value)
	d.recent.add(seconds, value)
	v.Rarity = 1
	for i, x := range d.measure(value) {
		if math.IsNaN(x) {
			continue
		}
		past := d.past[i]
		rarity, above := past.rarity(x)
		if rarity < v.Rarity && !(rarity < d.p.Suspect && d.seasons.usual(Statistic(i), x, past.median())) {
			v.Rarity, v.Rarest, v.Above = rarity, Statistic(i), above
		}
		past.add(x)
		d.seasons.remember(Statistic(i), x)
	}
	d.local.add(value)
	d.seasons.add(value)
	v.Score, v.Alarm = d.away.Step(v.Rarity)
	return v
}

// measure is the statistics at a value, NaN where there is no past to hold it against.
func (d *Detector) measure(value float64) [statistics]float64 {
	m := [statistics]float64{Jump: math.NaN(), Local: math.NaN(), Short: d.recent.mean(d.p.Short), Long: d.recent.mean(d.p.Long)}
	if d.recent.n > 1 {
		m[Jump] = value - d.recent.before()
	}
	if d.local.len() >= localWarmUp {
		m[Local] = value - d.local.median()
	}
	smooth := d.recent.mean(d.recent.since(slotSeconds)) // as the slots of other days are means
	m[OfDay], m[OfWeek] = d.seasons.day.outside(smooth), d.seasons.week.outside(smooth)
	return m
}

// expect is what the predictor that was nearest most often lately says.
func (d *Detector) expect() Verdict {
	if d.local.len() < localWarmUp {
		return Verdict{Expected: math.NaN(), Low: math.NaN(), High: math.NaN()}
	}
	low, high := d.local.median(), d.local.median()
	errors := d.past[Local]
	switch best := d.seasons.best(); {
	case best == OfDay:
		low, high, errors = d.seasons.day.low, d.seasons.day.high, d.past[OfDay]
	case best == OfWeek:
		low, high, errors = d.seasons.week.low, d.seasons.week.high, d.past[OfWeek]
	}
	v := Verdict{Expected: (low + high) / 2, Low: low, High: high}
	if errors.len() > 0 {
		v.Low += min(0, errors.quantile(0.025))
		v.High += max(0, errors.quantile(0.975))
	}
	return v
}

// recent is the newest values, as many as the longest run.
type recent struct {
	values []float64
	times  []int64
	n      int // values ever
}

func (r *recent) add(seconds int64, v float64) {
	r.values[r.n%len(r.values)], r.times[r.n%len(r.times)] = v, seconds
	r.n++
}

// since is how many values, the newest included, are less than some seconds older than the newest.
func (r *recent) since(seconds int64) int {
	size := len(r.times)
	newest := r.times[(r.n-1)%size]
	run := 1
	for run < min(size, r.n) && newest-r.times[(r.n-1-run)%size] < seconds {
		run++
	}
	return run
}

// before is the value before the newest.
func (r *recent) before() float64 { return r.values[(r.n-2)%len(r.values)] }

// mean is the mean of the newest values, fewer at the start.
func (r *recent) mean(run int) float64 {
	run = min(run, r.n)
	sum := 0.0
	for i := r.n - run; i < r.n; i++ {
		sum += r.values[i%len(r.values)]
	}
	return sum / float64(run)
}
