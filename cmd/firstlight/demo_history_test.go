package main

import (
	"maps"
	"slices"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/simulate"
)

// demoCounts are what a demo's users had done by a time, joined and folded as a worker does it, and read as on-call reads it.
type demoCounts struct {
	catalog *catalog.Catalog
	days    *calendar.Calendar
	joiner  *facts.Joiner
	folder  *cohort.Folder
	asOf    int64 // Unix ms
	cells   *cohort.Cells
	source  anomaly.Source
	counted []cohort.Contribution // of one user
}

func countDemo(t *testing.T, parsed *parsedEvents, users []simulate.User, asOf int64) *demoCounts {
	t.Helper()
	c := parsed.catalog
	d := &demoCounts{
		catalog: c, days: calendar.New(c.Location, c.WeekStart), asOf: asOf, cells: cohort.NewCells(),
		source: anomaly.Source{Name: demoSource, Hours: map[int64]int64{}, Events: map[string]map[calendar.Day]int64{}},
	}
	d.joiner = facts.NewJoiner(c, d.days, func(_, _ int, text string) string { return text })
	d.folder = cohort.NewFolder(c, d.days, func(string) uint32 { return 0 }) // whole cohorts are judged, whatever their segments
	for i := range users {
		d.count(t, parsed, &users[i])
	}
	return d
}

// count counts a user.
func (d *demoCounts) count(t *testing.T, parsed *parsedEvents, u *simulate.User) {
	t.Helper()
	user := d.joiner.NewUser()
	for i := range u.Events {
		if u.Events[i].Time > d.asOf {
			break
		}
		e, mask := parsed.of(t, &u.Events[i])
		d.joiner.Join(user, e, mask, e.Time-d.catalog.AllowedLateness.Milliseconds(), 0)
		d.volume(&u.Events[i])
	}
	counted := d.counted[:0]
	for c := range d.catalog.Cohorts {
		counted = d.folder.Entries(counted, user, c)
	}
	for m := range d.catalog.Metrics {
		counted = d.folder.Metric(counted, user, m, 0, cohort.Focus{})
	}
	d.cells.Load(counted)
	d.counted = counted
}

func (d *demoCounts) volume(e *simulate.Event) {
	at := e.Time / 1000
	d.source.Hours[d.days.HourOf(at)]++
	if d.source.Events[e.Name] == nil {
		d.source.Events[e.Name] = map[calendar.Day]int64{}
	}
	d.source.Events[e.Name][d.days.DayOf(at)]++
}

// evidence is what a store gives of these counts.
func (d *demoCounts) evidence() *anomaly.Evidence {
	e := &anomaly.Evidence{
		AsOf: d.asOf / 1000, From: d.days.DayOf(slices.Min(slices.Collect(maps.Keys(d.source.Hours)))), Sources: []anomaly.Source{d.source},
		Metrics: make([]anomaly.Series, len(d.catalog.Metrics)), Cohorts: make([]anomaly.Entries, len(d.catalog.Cohorts)),
	}
	for c := range d.catalog.Cohorts {
		e.Cohorts[c].Hours = map[int64]int64{}
	}
	d.cells.Each(func(k cohort.Key, c *cohort.Cell) {
		if k.Segment == 0 && k.Kind == cohort.Entry {
			e.Cohorts[k.Name].Hours[k.Bucket] += c.Counts.N
		}
	})
	for m := range d.catalog.Metrics {
		e.Metrics[m] = d.series(m, e.From)
	}
	return e
}

// series is what was counted of a metric.
func (d *demoCounts) series(m int, from calendar.Day) (s anomaly.Series) {
	days := int(d.days.DayOf(d.asOf/1000)-from) + 1
	by, uses := d.catalog.Metrics[m].Kind.Traits(), map[int64]anomaly.Use{}
	reached := make([]map[uint16]anomaly.Age, days)
	if by.ByAge {
		s.Days = make([]anomaly.Followed, days)
	}
	d.cells.Each(func(k cohort.Key, c *cohort.Cell) {
		day := int(d.folder.Day(k) - from)
		switch {
		case k.Segment != 0:
		case by.ByAge && k.Kind == cohort.Entry && int(k.Name) == d.catalog.Metrics[m].Cohort:
			s.Days[day].Entered += c.Counts.N
		case int(k.Name) != m:
		case by.ByAge && k.Kind == cohort.Reach && k.Stage == 0:
			if reached[day] == nil {
				reached[day] = map[uint16]anomaly.Age{}
			}
			for i := range c.Ages.Len() {
				a := c.Ages.At(i)
				sum := reached[day][a.Bucket]
				reached[day][a.Bucket] = anomaly.Age{UpperMs: cohort.AgeEdges[a.Bucket], Users: sum.Users + int64(a.N), SumMs: sum.SumMs + a.SumMs}
			}
		case k.Kind == cohort.Window && k.Start != 0 && d.folder.Windows[k.Window].Name == "1d":
			u := uses[k.Bucket]
			uses[k.Bucket] = anomaly.Use{Start: k.Bucket, Active: u.Active + int64(c.Counts.Active), Adopters: u.Adopters + int64(c.Counts.Adopters)}
		}
	})
	for i := range s.Days {
		for _, bucket := range slices.Sorted(maps.Keys(reached[i])) {
			s.Days[i].Reached = append(s.Days[i].Reached, reached[i][bucket])
		}
	}
	if by.ByPeriod.View != "" {
		s.Periods = d.periods(m, from)
	}
	if by.ByWindow.View != "" {
		s.Uses = map[string][]anomaly.Use{"1d": nil}
		for _, start := range slices.Sorted(maps.Keys(uses)) {
			s.Uses["1d"] = append(s.Uses["1d"], uses[start])
		}
	}
	return s
}

// periods are who started on each day, and who of them came back in the periods that are watched.
func (d *demoCounts) periods(m int, from calendar.Day) map[int][]anomaly.Returned {
	all := map[int][]anomaly.Returned{}
	for _, period := range anomaly.WatchedPeriods(&d.catalog.Metrics[m]) {
		days := make([]anomaly.Returned, int(d.days.DayOf(d.asOf/1000)-from)+1)
		d.cells.Each(func(k cohort.Key, c *cohort.Cell) {
			if k.Kind != cohort.Period || int(k.Name) != m || k.Segment != 0 || k.Stage != 0 {
				return
			}
			day := &days[int(d.folder.Day(k)-from)]
			day.Started += c.Counts.N
			for i := range c.Ages.Len() {
				if a := c.Ages.At(i); int(a.Bucket) == period {
					day.Returned += int64(a.N)
				}
			}
		})
		all[period] = days
	}
	return all
}

// parsedEvents keeps what events were parsed to, because most of them differ between demos in their time only.
type parsedEvents struct {
	catalog *catalog.Catalog
	matcher *catalog.Matcher
	known   map[string]*parsedEvent // by id and name
}

type parsedEvent struct {
	event event.Event
	mask  catalog.Mask
}

func (p *parsedEvents) of(t *testing.T, e *simulate.Event) (*event.Event, *catalog.Mask) {
	t.Helper()
	key := e.ID + e.Name
	known := p.known[key]
	if known == nil {
		known = &parsedEvent{}
		m := event.Message{Subject: event.Subject(demoSource, e.User), Stored: e.Time, Data: e.JSON()}
		if r := event.Parse(&m, p.catalog.AllUsers, &known.event); r.Verdict != event.Accepted {
			t.Fatalf("%s: %v %s", m.Data, r.Reason, r.Detail)
		}
		known.mask = p.matcher.Match(&known.event)
		p.known[key] = known
	}
	known.event.Time, known.event.Received = e.Time, e.Time
	return &known.event, &known.mask
}

// TestDemoHasOneIncidentWheneverItBegins: in whichever hour of the week a demo begins, its history tells the outage, from its opening to
// its end, and nothing else, and two days of going on add nothing. A single evaluation says what many say.
func TestDemoHasOneIncidentWheneverItBegins(t *testing.T) {
	c, err := demoCatalog()
	if err != nil {
		t.Fatal(err)
	}
	parsed := &parsedEvents{catalog: c, matcher: c.NewMatcher(), known: map[string]*parsedEvent{}}
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	for i := range 12 {
		begins := monday.Add(time.Duration(i) * (14*time.Hour + 17*time.Minute)) // each in another hour of the day, over the week
		product := newPast(begins.UnixMilli())
		product.Until = begins.AddDate(0, 0, 2).UnixMilli()
		news, _ := anomaly.Evaluate(c, countDemo(t, parsed, product.Users(), product.Until).evidence(), anomaly.Told{})
		if !tellsOutage(news, begins) {
			t.Errorf("a demo of %s tells:", begins.Format("Mon 15:04"))
			for _, n := range news {
				t.Logf("%s %s %s %s: %s", n.Message.At.Format(time.DateTime), n.Message.Incident, n.Message.Severity, n.Message.State, n.Message.Summary)
			}
		}
	}
}

// tellsOutage reports whether news are those of one incident of the outage that was over when the demo began.
func tellsOutage(news []anomaly.News, began time.Time) bool {
	for i := range news {
		m := &news[i].Message
		if m.Metric.Name != "activated" || m.Severity != anomaly.Warning || m.Incident != news[0].Message.Incident || m.At.After(began) {
			return false
		}
	}
	return len(news) > 1 && news[0].Message.State == anomaly.Opened && news[len(news)-1].Message.State == anomaly.Resolved
}
