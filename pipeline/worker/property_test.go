package worker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/scenario"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker/faulty"
	"firstlight/schemas"
)

// numericViews are the views that the oracle computes: all, those of each kind's room too, but what is no function of the events.
var numericViews = func() (names []string) {
	views, err := schemas.Views("firstlight")
	if err != nil {
		panic("BUG: views that cannot be written: " + err.Error())
	}
	for _, v := range views {
		if !slices.Contains([]string{"annotations", "anomalies", "incidents", "metric_catalog", "pipeline_progress"}, v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}()

// TestPipelineEqualsOracle: for random catalogs and streams every number in every view equals the batch
// computation of the oracle, which shares no code with the pipeline.
func TestPipelineEqualsOracle(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	rapid.Check(t, func(rt *rapid.T) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 1, 60)
		partitions := rapid.IntRange(1, 4).Draw(rt, "partitions")
		h.reset()
		h.publish(messages)
		w := h.worker([]byte(yaml), partitions)
		w.KeepTo(drawMemory(rt, partitions))
		actions := drawActions(rt, w.Catalog, messages)
		h.did(actions)
		h.drained(w)
		h.compare(rt, yaml, messages, partitions, actions...)
	})
}

// drawActions draws something done about each metric, in one case of eight, because the view of it takes longest: most often so long ago that
// users may be compared.
func drawActions(t *rapid.T, c *catalog.Catalog, messages []oracle.Message) (all []oracle.Action) {
	if rapid.IntRange(0, 7).Draw(t, "actions in one of eight") > 0 {
		return nil
	}
	for i := range c.Metrics {
		back := time.Duration(rapid.IntRange(0, 70*24*60).Draw(t, "minutes since an action")) * time.Minute
		all = append(all, oracle.Action{Source: "cli", ID: c.Metrics[i].Name, Metric: c.Metrics[i].Name, At: asOf(messages).Add(-back).Truncate(time.Minute)})
	}
	return all
}

// drawMemory draws what a worker keeps to: most often so little that hardly a user stays.
func drawMemory(t *rapid.T, partitions int) (memory, digits int) {
	return partitions * rapid.SampledFrom([]int{0, 1, 1, 1000}).Draw(t, "memory of a partition"), rapid.SampledFrom([]int{0, 1}).Draw(t, "digits of a key")
}

// TestCrashesChangeNothing: a worker that dies before, in the middle of or after any write of any flush, again and again, ends in
// the numbers of the oracle, and sends each dead letter once.
func TestCrashesChangeNothing(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	rapid.Check(t, func(rt *rapid.T) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 1, 60)
		partitions := rapid.IntRange(1, 3).Draw(rt, "partitions")
		h.reset()
		h.publish(messages)
		for range rapid.IntRange(1, 4).Draw(rt, "crashes") {
			w := h.worker([]byte(yaml), partitions)
			w.Drain = true
			at := rapid.SampledFrom([]faulty.Moment{faulty.Before, faulty.During, faulty.After}).Draw(rt, "moment")
			w.KeepTo(drawMemory(rt, partitions))
			crashAt(w, rapid.IntRange(0, 60).Draw(rt, "write"), at)
			if err := w.Run(t.Context()); err != nil && !errors.Is(err, errCrash) {
				rt.Fatal(err)
			}
		}
		h.drain([]byte(yaml), partitions)
		want, c := expected(rt, yaml, messages, partitions)
		h.compareAccounts(rt, want.Accounts)
		countsEqual(rt.Errorf, want.Views, h.inMemory(c).Counts()) // as the views count: see TestPipelineEqualsOracle
		showFailed(rt, yaml, messages)
	})
}

// expected is what the oracle computes of a case, and its catalog.
func expected(rt *rapid.T, yaml string, messages []oracle.Message, partitions int, actions ...oracle.Action) (oracle.Result, *catalog.Catalog) {
	bucket := func(ms int64) int { return int(cohort.AgeBucket(ms)) }
	want, err := oracle.ComputeWith(oracle.Options{Bucket: bucket, Actions: actions}, []byte(yaml), messages, partitionOf(partitions), asOf(messages))
	if err != nil {
		rt.Fatal(err)
	}
	c, problems := catalog.Load([]byte(yaml), kind.All)
	if problems.Failed() {
		rt.Fatal(problems.Format("catalog.yaml"))
	}
	return want, c
}

// compare holds every numeric view against the oracle.
func (h *harness) compare(rt *rapid.T, yaml string, messages []oracle.Message, partitions int, actions ...oracle.Action) {
	h.t.Helper()
	want, c := expected(rt, yaml, messages, partitions, actions...)
	h.countsEqualViews(rt, c, h.compareViews(rt, want, numericViews))
	showFailed(rt, yaml, messages)
}

// compareViews holds views and the accounts against the oracle, and returns the views' rows.
func (h *harness) compareViews(rt *rapid.T, want oracle.Result, of []string) map[string][]oracle.Row {
	h.t.Helper()
	h.compareAccounts(rt, want.Accounts)
	views := map[string][]oracle.Row{}
	for _, view := range of {
		if view == "action_effects" && len(want.Views[view]) == 0 {
			continue
		}
		views[view] = h.view(view)
		for _, problem := range scenario.CompareRows(view, want.Views[view], views[view]) {
			rt.Errorf("%s: %s", view, problem)
		}
	}
	return views
}

// compareAccounts holds the accounts of every partition, and the dead-letter stream, against the oracle.
func (h *harness) compareAccounts(rt *rapid.T, want []oracle.Account) {
	h.t.Helper()
	dead := uint64(0)
	got := map[uint64]oracle.Row{}
	for _, row := range h.view("pipeline_progress") {
		got[row["partition"].(uint64)] = row
	}
	for _, a := range want {
		row := got[uint64(a.Partition)]
		counts := fmt.Sprint(row["received"], row["applied"], row["ignored"], row["clamped"], row["dead"], row["lag"], row["arrival_clock"])
		var clock any // none where no message moved it
		if a.ArrivalClock.UnixMilli() != 0 {
			clock = a.ArrivalClock.UTC()
		}
		if wanted := fmt.Sprint(a.Received, a.Applied, a.Ignored, a.Clamped, a.Dead, uint64(0), clock); counts != wanted {
			rt.Errorf("partition %d: received, applied, ignored, clamped, dead, lag, clock are %s, want %s", a.Partition, counts, wanted)
		}
		for _, n := range a.Dead {
			dead += n
		}
	}
	s, err := h.js.Stream(h.t.Context(), stream.DeadStream)
	if err != nil {
		rt.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != dead {
		rt.Errorf("the dead-letter stream holds %d letters, want %d", n, dead)
	}
}

func asOf(messages []oracle.Message) time.Time {
	var newest time.Time
	for _, m := range messages {
		at, _ := time.Parse(time.RFC3339, m.Header[oracle.ReceivedAt])
		if at.After(newest) {
			newest = at
		}
	}
	return newest
}

var zones = []string{"UTC", "Europe/Berlin", "America/Santiago", "Asia/Kolkata", "America/New_York"}

func drawCatalog(t *rapid.T) string {
	var b strings.Builder
	pick := func(what string, values ...string) string { return rapid.SampledFrom(values).Draw(t, what) }
	fmt.Fprintf(&b, "version: 1\nproduct: p\ntimezone: %s\nweek_start: %s\nallowed_lateness: %s\nsettle: 10m\nwindows: [%s]\n",
		pick("zone", zones...), pick("week", "monday", "sunday"), pick("lateness", "1h", "1h", "1h", "24h", "24h", "5d", "730d"),
		pick("windows", "1h, 1d, 7d/1d", "1d, 1w, 1mo", "1h", "3d/1d, 1h, 1w", "1mo, 2d/1d, 7d/1d", "1h, 1d, 1w, 1mo, 28d/1d"))
	b.WriteString(pick("exclude", "", "", `exclude: {where: "properties.n == 7"}`+"\n", `exclude: {users_with: {event: e, where: "properties.n == 6"}}`+"\n",
		`exclude: {where: 'properties.plan == "free"', users_with: {event: [b, d, e], where: "properties.n == 5"}}`+"\n"))
	b.WriteString("defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}\ncohorts:\n")
	entry := pick("entry", "{event: a}", "{event: [a, b]}", "{first_seen: true}", `{event: a, where: "properties.n > 2"}`)
	fmt.Fprintf(&b, "  - {name: c, entry: %s, grain: %s, segments: [plan, {name: country, path: context.country, values: [DE, FR]}]}\n", entry, pick("grain", "day", "week", "month"))
	fmt.Fprintf(&b, "  - {name: d, entry: %s, grain: day}\n", pick("entry2", "{event: b}", "{first_seen: true}"))
	b.WriteString("metrics:\n")
	step := func(what string) string {
		return pick(what, "{event: b}", "{event: c}", "{event: [b, c]}", "{event: a}", `{event: "*", count: 2}`, "{event: c, count: 3}", "{event: [a, c], count: 2, distinct: day}", `{event: "*", count: 2, distinct: day}`, `{event: d, where: 'properties.plan != "pro"'}`, `{event: "*", where: "properties.n >= 5"}`)
	}
	cohortOfAct0, cohortOfAct1 := "", ""
	for i := range rapid.IntRange(1, 2).Draw(t, "activations") {
		var steps []string
		for s := range rapid.IntRange(1, 3).Draw(t, "steps") {
			steps = append(steps, strings.Replace(step("step"), "{", fmt.Sprintf("{name: s%d, ", s), 1))
		}
		cohort := pick("cohort", "c", "d")
		if i == 0 {
			cohortOfAct0 = cohort
		} else {
			cohortOfAct1 = cohort
		}
		fmt.Fprintf(&b, "  - {name: act%d, kind: activation, cohort: %s, steps: [%s], order: %s, within: %s}\n", i, cohort,
			strings.Join(steps, ", "), pick("order", "any", "sequence"), pick("within", "1h", "1d", "7d"))
	}
	fmt.Fprintf(&b, "  - {name: ttfv, kind: ttfv, cohort: %s, value: %s%s}\n", pick("cohort", "c", "d"), step("value"), pick("horizon", "", ", within: 2d"))
	fmt.Fprintf(&b, "  - {name: use, kind: adoption, cohort: %s, feature: %s%s%s}\n", pick("cohort", "c", "d"), pick("feature", "{event: b}", "{event: [a, c]}", `{event: "*", where: "properties.n < 4"}`),
		pick("active", "", ", active: {event: d}", `, active: {event: [a, b], where: "properties.n != 3"}`), pick("horizon2", "", ", within: 3d"))
	predicts := ""
	for i := range rapid.IntRange(1, 2).Draw(t, "retentions") {
		after, cohort := pick("after", "", "", "act0"), pick("cohort", "c", "d")
		if after != "" {
			after, cohort = ", after: "+after, cohortOfAct0
		}
		if cohort == cohortOfAct0 && after == "" {
			after = pick("split", "", ", split_by: act0")
		}
		if after == ", after: act0" && cohortOfAct1 == cohort {
			after += pick("split", "", ", split_by: act1")
		}
		period := pick("period", "day", "week", "calendar_day", "calendar_week", "calendar_month")
		least := pick("least", "", "", ", least: 2", ", least: 3")
		if period != "calendar_day" {
			least = pick("least", "", ", least: 2", ", least: {days: 2}", ", least: {days: 1}")
		}
		periods := pick("periods", "1", "3", "12", "90")
		if after == ", split_by: act0" && len(periods) == 2 {
			predicts = fmt.Sprintf(", predicts: {metric: back%d%s}", i, pick("prediction", "", ", least: 0.3", ", period: 9"))
		}
		fmt.Fprintf(&b, "  - {name: back%d, kind: retention, cohort: %s%s%s, period: %s, periods: %s%s%s}\n", i, cohort,
			pick("return", "", ", return: c", `, return: {event: [a, b, d]}`, `, return: {event: "*", where: "properties.n > 2"}`), after,
			period, periods, least, pick("target", "", ", target: {value: 0.5, period: 0}"))
	}
	b.WriteString(pick("voices", "", "voices: [{name: why, event: [a, c], text: properties.says}]\n",
		`voices: [{name: any, event: "*", text: properties.says}, {name: plan, event: [b, d], where: "properties.n > 2", text: properties.plan}]`+"\n"))
	yaml := strings.Replace(b.String(), "{name: act0", "{name: act0"+predicts, 1)
	return yaml + drawExperiments(t, yaml)
}

// drawExperiments draws experiments that ask the metrics of a catalog again.
func drawExperiments(t *rapid.T, yaml string) string {
	c, problems := catalog.Load([]byte(yaml), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	var asks []string
	for i := range c.Metrics {
		m := &c.Metrics[i]
		switch {
		case m.Periods.Last > 0 && m.Periods.After == catalog.NoMetric:
			asks = append(asks, m.Name, fmt.Sprintf("{metric: %s, period: %d}", m.Name, min(m.Periods.Last, rapid.IntRange(0, 3).Draw(t, "of period"))))
		case m.Within > 0:
			asks = append(asks, m.Name)
		}
	}
	pick := func(what string, values ...string) string { return rapid.SampledFrom(values).Draw(t, what) }
	var b strings.Builder
	for i := range rapid.IntRange(0, 2).Draw(t, "experiments") {
		if i == 0 {
			b.WriteString("experiments:\n")
		}
		var metrics []string
		for _, ask := range asks {
			name := strings.TrimPrefix(strings.SplitN(ask, ",", 2)[0], "{metric: ")
			asked := slices.ContainsFunc(metrics, func(m string) bool { return m == name || strings.HasPrefix(m, "{metric: "+name+",") })
			if !asked && rapid.Bool().Draw(t, "asks "+ask) {
				metrics = append(metrics, ask)
			}
		}
		if len(metrics) == 0 {
			metrics = asks[:1]
		}
		fmt.Fprintf(&b, "  - {name: x%d, exposure: %s, variant: %s, metrics: [%s], least_effect: 0.3%s}\n", i,
			pick("exposure", "{event: a}", "{event: [b, e]}", `{event: "*", where: "properties.n > 1"}`, `"*"`),
			pick("variant", "properties.plan, split: {pro: 0.5, free: 0.5}, control: pro", "properties.plan, split: {pro: 0.25, 3: 0.25, true: 0.5}, control: 3", "context.country, split: {DE: 0.3, US: 0.7}, control: US"),
			strings.Join(metrics, ", "), pick("until", "", "", ", until: 2026-03-27", ", until: 2026-04-02"))
	}
	return b.String()
}

// drawStream draws messages of a few users, from least to most of them; some of them come twice.
func drawStream(t *rapid.T, least, most int) []oracle.Message {
	type arriving struct {
		received time.Time
		user     string
		body     string
	}
	base := time.Date(2026, 3, 26, 20, 30, 0, 0, time.UTC) // the clocks change in Berlin within
	span := time.Duration(rapid.SampledFrom([]int{3, 60, 24 * 9, 24 * 50}).Draw(t, "span hours")) * time.Hour
	grid := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Minute, 30 * time.Minute, 6 * time.Hour}).Draw(t, "grid")
	delay := rapid.SampledFrom([]time.Duration{0, 30 * time.Minute, 6 * time.Hour, 4 * 24 * time.Hour, 4 * 24 * time.Hour, 30 * 24 * time.Hour}).Draw(t, "delay")
	var all []arriving
	for range rapid.IntRange(least, most).Draw(t, "events") {
		at := base.Add(time.Duration(rapid.Int64Range(0, int64(span)).Draw(t, "at")).Truncate(grid))
		e := map[string]any{
			"event": rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "event"), "timestamp": at.Format("2006-01-02T15:04:05.000Z"),
			"properties": map[string]any{
				"plan": rapid.SampledFrom([]any{"pro", "free", 3, true, nil, []int{1}}).Draw(t, "plan"), "n": rapid.IntRange(0, 7).Draw(t, "n"),
				"says": rapid.SampledFrom([]any{nil, nil, 7, "", " \u200b", "Too expensive", "It's <b>slow</b>\r\n\u0000 \U0001F44B", strings.Repeat("\u00e9", 1500)}).Draw(t, "says"),
			},
			"context": map[string]any{"country": rapid.SampledFrom([]string{"DE", "FR", "US"}).Draw(t, "country")},
		}
		user := rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "u5"}).Draw(t, "user")
		e["userId"] = user
		if id := rapid.SampledFrom([]string{"", "", "i1", "i2", "i3"}).Draw(t, "id"); id != "" {
			e["messageId"] = id
		}
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		late := time.Duration(0)
		if delay > 0 {
			late = time.Duration(rapid.Int64Range(0, int64(delay)).Draw(t, "late")).Truncate(time.Millisecond)
		}
		copies := 1 + rapid.IntRange(0, 9).Draw(t, "twice")/9
		for range copies {
			all = append(all, arriving{at.Add(late), user, string(body)})
		}
	}
	if rapid.Bool().Draw(t, "in order of receipt") {
		sort.SliceStable(all, func(i, j int) bool { return all[i].received.Before(all[j].received) })
	}
	forgotten := rapid.SampledFrom([]int{0, 0, 0, 10, 30}).Draw(t, "forgotten every")
	var out []oracle.Message
	forget := func(user string) {
		m := event.Forget(event.Token(user), event.Token(user))
		out = append(out, oracle.Message{Subject: m.Subject, Header: map[string]string{event.ControlHeader: m.Header[event.ControlHeader][0]}, Stored: time.Now(), Sequence: uint64(len(out) + 1), Data: m.Data})
	}
	for _, a := range all {
		if forgotten > 0 && rapid.IntRange(1, forgotten).Draw(t, "forget") == 1 {
			forget(rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "u5", "u6"}).Draw(t, "whom"))
		}
		out = append(out, oracle.Message{
			Subject: event.Subject("web", a.user), Header: map[string]string{oracle.ReceivedAt: a.received.Format("2006-01-02T15:04:05.000Z")},
			Stored: time.Now(), Sequence: uint64(len(out) + 1), Data: []byte(a.body),
		})
	}
	return out
}
