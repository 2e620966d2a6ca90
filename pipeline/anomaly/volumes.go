package anomaly

import (
	"cmp"
	"math"
	"slices"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/volume"
)

// The number of events of each source, hour by hour, against what is usual for the series (package volume). Silence is judged
// apart, and what was silent is no history here.

const (
	watchedSources = 20      // the busiest
	volumePart     = 0.1     // of the budget of false alarms that sources may use
	volumeHistory  = 14 * 24 // hours before anything is judged: two weeks, to know the days of the week
	volumeEffect   = 0.25    // of what is expected, and of the average hour: smaller changes are no news
	volumeBack     = 6       // usual hours in a row that end an incident
	volumeUsual    = 0.02    // rarity of an hour that is usual
	volumeExpires  = 7 * 24
)

// volumes watches the busiest sources.
func (j *judge) volumes() []*watch {
	if j.catalog.FalseAlarms == 0 {
		return nil
	}
	busiest := make([]*Source, 0, len(j.evidence.Sources))
	for i := range j.evidence.Sources {
		busiest = append(busiest, &j.evidence.Sources[i])
	}
	slices.SortFunc(busiest, func(a, b *Source) int { return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.Name, b.Name)) })
	busiest = busiest[:min(len(busiest), watchedSources)]
	var all []*watch
	for _, src := range busiest {
		all = append(all, j.volume(src, volumePart*j.catalog.FalseAlarms/hoursAMonth/float64(len(busiest))))
	}
	return all
}

func (s *Source) total() (n int64) {
	for _, events := range s.Events {
		n += events
	}
	return n
}

// volume judges every complete hour of a source. rare is the share of hours that may be as unusual by chance.
func (j *judge) volume(src *Source, rare float64) *watch {
	w := &watch{subject: subject{metric: -1, source: src.Name}, key: "volume", severity: Warning, consecutive: 1}
	h := newHourly(src, j.evidence.AsOf)
	if h == nil {
		return w
	}
	detector := volume.New()
	var away excursion
	for i, n := range h.counts {
		start := h.start + int64(i)*calendar.HourSeconds
		s := span{window: "1h", start: start, end: start + calendar.HourSeconds, first: j.cal.DayOf(start), last: j.cal.DayOf(start)}
		at := j.ready(s, 0)
		if at > j.evidence.AsOf {
			break
		}
		value := float64(n)
		if j.wasSilent(src.Name, start) || j.announced(s) {
			value = math.NaN()
		}
		verdict := detector.Step(j.local(start), value)
		w.judgements = append(w.judgements, away.next(at, s, value, verdict, rare))
	}
	return w
}

// local is an instant on the clock that people live by.
func (j *judge) local(sec int64) int64 {
	_, offset := time.Unix(sec, 0).In(j.catalog.Location).Zone()
	return sec + int64(offset)
}

func (j *judge) wasSilent(source string, sec int64) bool {
	return slices.ContainsFunc(j.silences, func(q quiet) bool { return q.source == source && sec >= q.from && sec < q.until })
}

// excursion is the time in which a source's volume is unusual.
type excursion struct {
	seen  int     // hours with a value
	sum   float64 // of their values
	hours int     // since it began; 0 when there is none
	usual int     // hours in a row
}

func (x *excursion) next(at int64, s span, value float64, v volume.Verdict, rare float64) judgement {
	j := judgement{at: at, span: s, finding: finding{
		reason: Dropped, k: int64(value), unit: Events, value: value, limit: math.NaN(), lost: math.NaN(), e: math.NaN(), p: v.Rarity,
		expected: estimate{v.Expected, max(0, v.Low), v.High}, method: "rarity in the history of the series: " + v.Rarest.String(),
	}}
	if v.Above {
		j.finding.reason = Rose
	}
	if math.IsNaN(value) {
		j.verdict, j.finding.k = noData, 0
		return j
	}
	x.seen, x.sum = x.seen+1, x.sum+value
	if x.hours == 0 {
		matters := math.Abs(value-v.Expected) >= volumeEffect*max(v.Expected, x.sum/float64(x.seen))
		if v.Rarity <= rare && matters && x.seen > volumeHistory {
			x.hours, x.usual, j.verdict = 1, 0, breach
		}
		return j
	}
	x.hours++
	if x.usual++; value < v.Low || value > v.High || v.Rarity < volumeUsual {
		x.usual = 0
	}
	switch {
	case x.usual >= volumeBack:
		x.hours, j.verdict = 0, clear
	case x.hours > volumeExpires:
		x.hours, j.verdict = 0, expired
	default:
		j.verdict, j.minor = breach, true
	}
	return j
}
