package facts_test

// The laws of facts: what is known of a user depends on its events, not on when and in which order they came,
// nor on what was stored and read back in between.

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/kind"
)

// Every kind, cohorts by event and by first sight, an ambiguous sequence, counts and horizons.
const lawCatalog = secondCatalog + daysCatalog

// daysCatalog are steps that count days.
const daysCatalog = `  - {name: days_of_use, kind: activation, cohort: signup, steps: [{event: [a, c], count: 2, distinct: day}, {event: d, count: 3, distinct: day}, b], within: 2d}
  - {name: days_in_order, kind: activation, cohort: signup, steps: [{event: [b, c], count: 2, distinct: day}, {event: [a, c]}, {event: [c, d], count: 2, distinct: day}], order: sequence, within: 2d}
  - {name: days_from_sight, kind: activation, cohort: seen, steps: [{event: [a, b]}, {event: [a, b, c], count: 2, distinct: day}, {event: [b, d]}], order: sequence, within: 30h}
  - {name: days_to_value, kind: ttfv, cohort: signup, value: {event: [b, c], count: 2, distinct: day}}
  - {name: days_to_value_of_seen, kind: ttfv, cohort: seen, value: {event: "*", count: 3, distinct: day}, within: 2d}
  - {name: back_after_days, kind: retention, cohort: signup, after: days_of_use, period: calendar_day, periods: 2}
`

// secondCatalog is what there was before steps could count days.
const secondCatalog = firstCatalog + `  - {name: back, kind: retention, cohort: signup, return: {event: [c, d]}, period: day, periods: 1}
  - {name: back_after, kind: retention, cohort: signup, after: any_order, period: calendar_day, periods: 1}
  - {name: back_after_order, kind: retention, cohort: signup, return: b, after: in_order, period: calendar_week, periods: 90, least: 2}
  - {name: back_of_seen, kind: retention, cohort: seen, period: week, periods: 2, least: {days: 2}}
  - {name: often_of_seen, kind: retention, cohort: seen, return: {event: [a, c]}, after: from_sight, period: day, periods: 70, least: 3}
`

// firstCatalog is what the first version had.
const firstCatalog = `version: 1
product: p
timezone: Europe/Berlin
allowed_lateness: 48h
windows: [%s]
defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}
cohorts:
  - {name: signup, entry: {event: [a, b], where: "properties.n < 6"}, grain: day, segments: [plan, {name: n, values: ["1", "2"]}]}
  - {name: seen, entry: {first_seen: true}, grain: week, segments: [plan]}
metrics:
  - {name: any_order, kind: activation, cohort: signup, steps: [{event: b}, {event: c, count: 2}, {event: "*", where: "properties.n > 3"}], within: 6h}
  - {name: in_order, kind: activation, cohort: signup, steps: [{event: [a, c]}, {event: [b, c], count: 2}, {event: c}], order: sequence, within: 2d}
  - {name: from_sight, kind: activation, cohort: seen, steps: [{event: [a, b]}, {event: [b, c]}], order: sequence, within: 2d}
  - {name: value, kind: ttfv, cohort: signup, value: {event: c, count: 3}}
  - {name: value_of_seen, kind: ttfv, cohort: seen, value: {event: b}, within: 12h}
  - {name: use, kind: adoption, cohort: signup, feature: {event: b}, active: {event: [a, b, d]}, within: 1d}
  - {name: use_of_seen, kind: adoption, cohort: seen, feature: {event: c}}
`

// lawExperiments ask metrics of each kind again, of users who see two variants and others.
const lawExperiments = `
experiments:
  - {name: x, exposure: {event: [a, b]}, variant: properties.plan, split: {pro: 0.5, free: 0.5}, control: pro, metrics: [any_order, value_of_seen, use, back, {metric: back_of_seen, period: 0}]}
  - {name: y, exposure: d, variant: properties.n, split: {1: 0.5, 2: 0.5}, control: 1, metrics: [days_in_order], until: 2026-03-29}
  - {name: z, exposure: {event: [a, b]}, variant: properties.plan, split: {free: 0.2, pro: 0.8}, control: pro, metrics: [in_order, value_of_seen]}
`

// loadLaw loads the catalog with windows, and more lines, with what its experiments compute.
func loadLaw(t interface{ Fatal(...any) }, windows string, more ...string) *catalog.Catalog {
	return load(t, lawCatalog+strings.Join(more, "\n")+lawExperiments, windows).Computed()
}

func load(t interface{ Fatal(...any) }, text, windows string) *catalog.Catalog {
	c, problems := catalog.Load(fmt.Appendf(nil, text, windows), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	return c
}

// TestLawsKnowEveryKind: the catalog of the laws has a metric of each kind.
func TestLawsKnowEveryKind(t *testing.T) {
	c := loadLaw(t, "1d")
	for _, k := range kind.All {
		if !slices.ContainsFunc(c.Metrics, func(m catalog.Metric) bool { return m.Kind.String() == k.String() }) {
			t.Errorf("no metric is of kind %s", k)
		}
	}
}

// user is one user's facts and all that works on them.
type user struct {
	joiner  *facts.Joiner
	folder  *cohort.Folder
	matcher *catalog.Matcher
	facts   *facts.User
}

func newUser(c *catalog.Catalog) *user {
	cal := calendar.New(c.Location, c.WeekStart)
	j := facts.NewJoiner(c, cal, func(_, _ int, text string) string { return text })
	number := func(text string) (n uint32) {
		for _, b := range []byte(text) {
			n = n*31 + uint32(b)
		}
		return n
	}
	return &user{joiner: j, folder: cohort.NewFolder(c, cal, number), matcher: c.NewMatcher(), facts: j.NewUser()}
}

func (u *user) join(e *event.Event, watermark int64) {
	mask := u.matcher.Match(e)
	u.joiner.Join(u.facts, e, &mask, watermark, 0)
}

// store writes the facts and reads them back into fresh memory, as they are held or as they are stored.
func (u *user) store(t *rapid.T) {
	held, stored := u.facts.Append(nil), u.facts.Store(nil)
	forms := map[string][]byte{"with keys": stored, "by layout": u.facts.StoreByLayout(nil)}
	if most := len(held) + facts.StoredMore; len(forms["by layout"]) > most {
		t.Fatalf("%d bytes are held, %d stored, %d at most were to be", len(held), len(forms["by layout"]), most)
	}
	u.facts = u.joiner.NewUser()
	if form := rapid.SampledFrom([]string{"in memory", "with keys", "by layout"}).Draw(t, "form"); form == "in memory" {
		u.facts.Open(held)
	} else if err := u.facts.Load(forms[form]); err != nil {
		t.Fatal(err)
	}
	if again := u.facts.Append(nil); !slices.Equal(again, held) {
		t.Fatalf("facts that were read back are held as %x, were %x", again, held)
	}
	if again := u.facts.Store(nil); !slices.Equal(again, stored) {
		t.Fatalf("facts that were read back are written as %x, were %x", again, stored)
	}
}

// known is all that can be asked of a user.
func (u *user) known() []string {
	known := []string{fmt.Sprint("last seen ", u.facts.LastSeen)}
	for i, co := range u.joiner.Catalog.Cohorts {
		if f := u.facts.Cohort(i); f.Entered() {
			known = append(known, fmt.Sprintf("%s: entered at %d, segments %q", co.Name, f.Entry, f.Segments))
		}
	}
	for i, m := range u.joiner.Catalog.Metrics {
		var o facts.Outcome
		if u.facts.CohortOf(i).Entered() {
			u.facts.Metric(i).Outcome(u.facts.CohortOf(i), &o)
		}
		known = append(known, fmt.Sprintf("%s: reached %d, steps %v", m.Name, o.Reached, o.Steps))
		for _, c := range u.folder.Metric(nil, u.facts, i, 0, cohort.Focus{}) {
			known = append(known, fmt.Sprintf("%s: %+v", m.Name, c))
		}
	}
	return known
}

var start = time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC).UnixMilli() // the clocks change in the night after

func drawEvents(t *rapid.T) []event.Event {
	grid := rapid.SampledFrom([]int64{1, 60_000, 3_600_000, 6 * 3_600_000}).Draw(t, "grid")
	var events []event.Event
	for range rapid.IntRange(1, 30).Draw(t, "events") {
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
		n, plan := rapid.IntRange(0, 7).Draw(t, "n"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "plan")
		properties := fmt.Sprintf(`{"n":%d,"plan":%q}`, n, plan)
		at := start + rapid.Int64Range(0, 40*3_600_000).Draw(t, "at")/grid*grid
		events = append(events, event.Event{
			Name: name, User: "u", Time: at, ID: rapid.SampledFrom([]string{"", "", "i", "j", "k"}).Draw(t, "id"),
			Properties: []byte(properties), Payload: fmt.Appendf(nil, `{"event":%q,"properties":%s}`, name, properties),
		})
	}
	return events
}

// TestOrderAndStorageChangeNothing: any order of the same events, with a watermark that makes none of them late
// and facts stored at any moment, gives the same answers as joining them by time in one go.
func TestOrderAndStorageChangeNothing(t *testing.T) {
	hourly, daily := loadLaw(t, "1h, 1d, 7d/1d"), loadLaw(t, "1d, 1mo")
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]*catalog.Catalog{hourly, daily}).Draw(t, "catalog")
		events := drawEvents(t)
		sorted := slices.Clone(events)
		slices.SortStableFunc(sorted, func(a, b event.Event) int { return int(a.Time - b.Time) })
		calm := newUser(c)
		for i := range sorted {
			calm.join(&sorted[i], 0)
		}
		want := calm.known()

		shuffled := rapid.Permutation(events).Draw(t, "order")
		u := newUser(c)
		watermark := int64(0)
		for i := range shuffled {
			earliest := shuffled[i].Time
			for _, later := range shuffled[i:] {
				earliest = min(earliest, later.Time)
			}
			if rapid.Bool().Draw(t, "the watermark moves") {
				watermark = max(watermark, earliest-rapid.Int64Range(0, 7_200_000).Draw(t, "by")*rapid.Int64Range(0, 1).Draw(t, "not all the way"))
			}
			u.join(&shuffled[i], watermark)
			if rapid.Bool().Draw(t, "stored") {
				u.store(t)
			}
			if rapid.Bool().Draw(t, "collapsed") {
				u.joiner.Collapse(u.facts, watermark, 0)
			}
		}
		equal(t, "in another order", u.known(), want)
		u.joiner.Collapse(u.facts, start+1000*3_600_000, 0)
		equal(t, "once all is settled", u.known(), want)
		u.store(t)
		equal(t, "read back", u.known(), want)
		if u.facts.NewestOpen() != 0 {
			t.Errorf("events are open though the watermark has passed them")
		}
	})
}

func equal(t *rapid.T, when string, got, want []string) {
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s:\n got %s\nwant %s", when, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d answers, want %d", when, len(got), len(want))
	}
}

// TestOpenIsBounded: whatever comes, the events kept open stay within the cap, the earliest of them, and what the
// cap costs is counted.
func TestOpenIsBounded(t *testing.T) {
	c := loadLaw(t, "1d")
	for _, same := range []bool{true, false} {
		u := newUser(c)
		for i := range facts.MaxOpen + 50 {
			e := event.Event{Name: "d", Time: start + int64(i), Payload: fmt.Append(nil, i)}
			if same {
				e.Time = start
			}
			u.join(&e, 0)
		}
		for i := range c.Cohorts {
			if n, _ := u.facts.Cohort(i).OpenEvents(); n > facts.MaxOpen {
				t.Errorf("%d events are open in %s", n, c.Cohorts[i].Name)
			}
		}
		if u.joiner.Capped == 0 {
			t.Error("the cap was not counted")
		}
		if counted := u.folder.Metric(nil, u.facts, 6, 0, cohort.Focus{}); len(counted) != 2 || counted[0].Counts.Active != 1 { // use_of_seen: the day, for all and by plan
			t.Errorf("the activity is lost: %+v", counted)
		}
	}
}

// TestTextIsBounded: large payloads of events that may need them for ties do not make a user large.
func TestTextIsBounded(t *testing.T) {
	c := loadLaw(t, "1d")
	large := bytes.Repeat([]byte("x"), 10_000)
	for _, name := range []string{"a", "c"} { // may be the entry; may serve two steps of a sequence
		for _, step := range []int64{0, -1, 1} {
			u := newUser(c)
			for i := range int64(200) {
				e := event.Event{Name: name, Time: start + step*i, Properties: []byte(`{"n":6}`), Payload: fmt.Append(large, i)}
				if i == 0 {
					e.Name, e.Properties = "a", []byte(`{"n":1}`)
				}
				u.join(&e, 0)
			}
			lists := len(c.Cohorts) + len(c.Metrics)
			if size := len(u.facts.Store(nil)); size > lists*facts.MaxOpenText {
				t.Errorf("200 events %q, %d ms apart, make a user of %d bytes", name, step, size)
			}
			for i := range c.Cohorts {
				if _, size := u.facts.Cohort(i).OpenEvents(); size > facts.MaxOpenText {
					t.Errorf("%d bytes of text are open in %s", size, c.Cohorts[i].Name)
				}
			}
			if entry := u.facts.Cohort(0).Entry; entry != start {
				t.Errorf("the entry is %d, want %d", entry, start)
			}
		}
	}
}

// TestLoadReusesMemory: what is read into a used user is the same as into a fresh one.
func TestLoadReusesMemory(t *testing.T) {
	c := loadLaw(t, "1h, 1d")
	rapid.Check(t, func(t *rapid.T) {
		var encoded [][]byte
		for range 3 {
			u := newUser(c)
			for _, e := range drawEvents(t) {
				u.join(&e, 0)
			}
			encoded = append(encoded, u.facts.Store(nil))
		}
		used := newUser(c)
		for _, b := range encoded {
			if err := used.facts.Load(b); err != nil {
				t.Fatal(err)
			}
			fresh := newUser(c)
			if err := fresh.facts.Load(b); err != nil {
				t.Fatal(err)
			}
			if a, b := used.known(), fresh.known(); !reflect.DeepEqual(a, b) {
				t.Errorf("reused memory says\n%q, fresh memory\n%q", a, b)
			}
		}
	})
}

// FuzzLoad: bytes that are no user give an error and never a panic, and what is read can be written again.
func FuzzLoad(f *testing.F) {
	c := loadLaw(f, "1h, 1d")
	u := newUser(c)
	f.Add([]byte{})
	f.Add(u.facts.Store(nil))
	f.Add(u.facts.StoreByLayout(nil))
	for i, name := range []string{"d", "a", "b", "c", "c", "b", "c"} {
		u.join(&event.Event{Name: name, Time: start + int64(i), ID: "i", Properties: []byte(`{"n":1,"plan":"x"}`), Payload: []byte("{}")}, 0)
		f.Add(u.facts.Store(nil))
		f.Add(u.facts.StoreByLayout(nil))
	}
	u.joiner.Collapse(u.facts, start+3, 0)
	f.Add(u.facts.Store(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		u := newUser(c)
		if u.facts.Load(data) != nil {
			return
		}
		encoded := u.facts.Store(nil)
		if err := u.facts.Load(encoded); err != nil {
			t.Fatalf("facts that were read cannot be read again: %v", err)
		}
		if again := u.facts.Store(nil); !slices.Equal(again, encoded) {
			t.Fatalf("facts are written as %x, then as %x", encoded, again)
		}
	})
}
