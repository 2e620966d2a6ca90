package worker_test

// Input that no product app should send: every message ends in one account, and the good events around it count.

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/scenario"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
)

const hostileCatalog = `version: 1
product: p
allowed_lateness: 24h
settle: 10m
windows: [1h, 1d, 7d/1d]
defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: day, segments: [plan]}
  - {name: seen, entry: {first_seen: true}, grain: week}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [{event: a}, {event: b, count: 2, where: "properties.n > 2"}], within: 1d}
  - {name: in_order, kind: activation, cohort: signup, steps: [{event: [a, b]}, {event: b}], order: sequence, within: 1d}
  - {name: first_value, kind: ttfv, cohort: seen, value: {event: b}}
  - {name: use, kind: adoption, cohort: signup, feature: {event: b}}
`

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a received time or timestamp some seconds after noon.
func at(seconds float64) string {
	return noon.Add(time.Duration(seconds * float64(time.Second))).Format("2006-01-02T15:04:05.000Z")
}

// imported returns a message received some seconds after noon.
func imported(subject string, seconds float64, data string) oracle.Message {
	return oracle.Message{Subject: subject, Header: map[string]string{oracle.ReceivedAt: at(seconds)}, Data: []byte(data)}
}

// good returns an event that counts.
func good(user, name string, seconds float64, properties string) oracle.Message {
	body := fmt.Sprintf(`{"event":%q,"userId":%q,"timestamp":%q,"properties":{%s}}`, name, user, at(seconds), properties)
	return imported(event.Subject("web", user), seconds, body)
}

// stored reads a whole stream back, as the oracle takes it.
func (h *harness) stored(name string) []oracle.Message {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	s, err := h.js.Stream(ctx, name)
	if err != nil {
		h.t.Fatal(err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		h.t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		h.t.Fatal(err)
	}
	defer messages.Stop()
	var all []oracle.Message
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			h.t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			h.t.Fatal(err)
		}
		header := map[string]string{}
		for k := range m.Headers() {
			header[k] = m.Headers().Get(k)
		}
		all = append(all, oracle.Message{Subject: m.Subject(), Header: header, Stored: meta.Timestamp, Sequence: meta.Sequence.Stream, Data: m.Data()})
		if meta.Sequence.Stream >= info.State.LastSeq {
			return all
		}
	}
}

// equalsOracle holds every account, dead letter and what the views count of the stored rows against the oracle, at the as_of that is
// stored. It counts in memory, which TestPipelineEqualsOracle holds against the views: reading those takes the engine seconds.
func (h *harness) equalsOracle(yaml string, partitions int) oracle.Result {
	h.t.Helper()
	c, problems := catalog.Load([]byte(yaml), kind.All)
	if problems.Failed() {
		h.t.Fatal(problems.Format("catalog.yaml"))
	}
	bucket := func(ms int64) int { return int(cohort.AgeBucket(ms)) }
	want, err := oracle.ComputeWith(oracle.Options{Bucket: bucket}, []byte(yaml), h.stored("EVENTS"), partitionOf(partitions), h.asOf())
	if err != nil {
		h.t.Fatal(err)
	}
	h.accountsEqual(want.Accounts)
	countsEqual(h.t.Errorf, want.Views, h.inMemory(c).Counts())
	return want
}

// viewsEqualOracle is equalsOracle, holds every numeric view against the oracle as well, and returns their rows.
func (h *harness) viewsEqualOracle(yaml string, partitions int) map[string][]oracle.Row {
	h.t.Helper()
	want, all := h.equalsOracle(yaml, partitions), map[string][]oracle.Row{}
	for _, view := range numericViews {
		all[view] = h.view(view)
		problems := scenario.CompareRows(view, want.Views[view], all[view])
		for _, problem := range problems[:min(5, len(problems))] {
			h.t.Errorf("%.1000s (%d problems)", problem, len(problems))
		}
	}
	return all
}

// asOf is up to when all partitions have applied the stream.
func (h *harness) asOf() time.Time {
	h.t.Helper()
	rows, err := h.query("SELECT min(as_of) AS as_of FROM `" + h.database + "`.progress FINAL WHERE generation = (SELECT max(generation) FROM `" + h.database + "`.generations)")
	if err != nil {
		h.t.Fatal(err)
	}
	return time.UnixMilli(rows[0]["as_of"].(int64)).UTC()
}

func (h *harness) accountsEqual(want []oracle.Account) {
	h.t.Helper()
	got, dead := map[uint64]oracle.Row{}, uint64(0)
	for _, row := range h.view("pipeline_progress") {
		got[row["partition"].(uint64)] = row
	}
	for _, a := range want {
		row := got[uint64(a.Partition)]
		counts := fmt.Sprint(row["received"], row["applied"], row["ignored"], row["clamped"], row["dead"], row["lag"], row["arrival_clock"])
		if wanted := fmt.Sprint(a.Received, a.Applied, a.Ignored, a.Clamped, a.Dead, 0, a.ArrivalClock.UTC()); counts != wanted {
			h.t.Errorf("partition %d: received, applied, ignored, clamped, dead, lag, clock are %s, want %s", a.Partition, counts, wanted)
		}
		for _, n := range a.Dead {
			dead += n
		}
	}
	if n := len(h.stored(stream.DeadStream)); n != int(dead) {
		h.t.Errorf("the dead-letter stream holds %d letters, want %d", n, dead)
	}
}

// run processes everything the stream holds with a worker that change may alter first.
func (h *harness) run(yaml string, partitions int, change func(*worker.Worker)) error {
	h.t.Helper()
	w := h.worker([]byte(yaml), partitions)
	w.Drain = true
	change(w)
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	return w.Run(ctx)
}

func rebuild(w *worker.Worker) { w.Rebuild = true }

// TestHostileInput feeds the real worker what no product app should send.
func TestHostileInput(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	for _, x := range []struct {
		name string
		test func(*testing.T, *harness)
	}{
		{"messages", testHostileMessages},
		{"odd subjects", testOddSubjects},
		{"a letter that does not fit", testLetterThatDoesNotFit},
		{"a busy user", testBusyUser},
		{"many segment values", testManySegmentValues},
		{"many names", testManyNames},
	} {
		t.Run(x.name, func(t *testing.T) {
			h.t = t
			h.reset()
			x.test(t, h)
		})
	}
}

// hostile is one message and what becomes of it: a reason, "applied" or "ignored".
type hostile struct {
	name, data, want string
}

func nested(levels int) string {
	return strings.Repeat("[", levels-2) + strings.Repeat("]", levels-2)
}

func body(user, rest string) string {
	return fmt.Sprintf(`{"event":"b","userId":%q,"timestamp":%q%s}`, user, at(0), rest)
}

var hostiles = []hostile{
	{"nothing", "", "malformed"},
	{"no JSON", "hello", "malformed"},
	{"null", "null", "malformed"},
	{"an array", `[{"event":"b","userId":"u"}]`, "malformed"},
	{"cut off", `{"event":"b","userId":"u"`, "malformed"},
	{"two objects", body("u", "") + body("u", ""), "malformed"},
	{"a byte order mark", "\xef\xbb\xbf" + body("u", ""), "malformed"},
	{"NUL bytes", strings.Repeat("\x00", 1000), "malformed"},
	{"a NUL byte in a string", `{"event":"b` + "\x00" + `","userId":"u"}`, "malformed"},
	{"invalid UTF-8", body("u", `,"properties":{"plan":"`+"\xff\xfe"+`"}`), "malformed"},
	{"65 levels", body("u", `,"properties":{"x":`+nested(65)+`}`), "malformed"},
	{"100,000 levels", strings.Repeat("[", 100_000), "malformed"},
	{"100,000 levels of objects", strings.Repeat(`{"":`, 50_000), "malformed"},
	{"properties are a list", body("u", `,"properties":[1]`), "malformed"},
	{"no name", `{"userId":"u"}`, "missing_event"},
	{"an empty name", `{"event":"","userId":"u"}`, "missing_event"},
	{"a name of 201 bytes", `{"event":"` + strings.Repeat("n", 201) + `","userId":"u"}`, "missing_event"},
	{"a numeric name", `{"event":7,"userId":"u"}`, "missing_event"},
	{"no user", `{"event":"b"}`, "missing_user"},
	{"empty users", `{"event":"b","userId":"","anonymousId":null}`, "missing_user"},
	{"the user null", body("null", ""), "invalid_user"},
	{"the user undefined", body("undefined", ""), "invalid_user"},
	{"the user NaN", body("NaN", ""), "invalid_user"},
	{"the user [object Object]", body("[object Object]", ""), "invalid_user"},
	{"a boolean user", `{"event":"b","userId":true}`, "invalid_user"},
	{"a user of 257 bytes", body(strings.Repeat("u", 257), ""), "invalid_user"},
	{"a number of 300 digits as the user", `{"event":"b","userId":` + strings.Repeat("9", 300) + `}`, "invalid_user"},
	{"not a time", `{"event":"b","userId":"u","timestamp":"yesterday"}`, "bad_timestamp"},
	{"a time in seconds", `{"event":"b","userId":"u","timestamp":1772366400}`, "bad_timestamp"},
	{"the year 1970", `{"event":"b","userId":"u","timestamp":"1970-12-31T23:59:59Z"}`, "bad_timestamp"},
	{"one byte too many", body("u", `,"properties":{"x":"`+strings.Repeat("x", 256<<10)+`"}`)[:256<<10] + `"`, "too_large"},
	{"a property of 1 MB", body("u", `,"properties":{"x":"`+strings.Repeat("x", 1<<20)+`"}`), "too_large"},
	{"10 MB of garbage", strings.Repeat("\x00\xff{\"", 10<<20/4), "too_large"},
	{"a day and a second ago", `{"event":"b","userId":"u","timestamp":"2026-02-28T11:59:58Z"}`, "late"},

	{"identify", `{"type":"identify"}`, "ignored"},
	{"only an anonymous id", `{"event":"b","anonymousId":"x"}`, "ignored"},
	{"a property of 200 kB", body("u1", `,"properties":{"plan":"`+strings.Repeat("x", 200_000)+`"}`), "applied"},
	{"escaped NUL everywhere", `{"event":"b\u0000","userId":"u\u0000","messageId":"\u0000","timestamp":"` + at(0) + `","properties":{"plan":"\u0000"}}`, "applied"},
	{"lone surrogates", `{"event":"b\ud800","userId":"\udc00","timestamp":"` + at(0) + `"}`, "applied"},
	{"huge numbers", body("u2", `,"properties":{"n":1e99999,"m":-1e-99999,"plan":`+strings.Repeat("9", 400)+`}`), "applied"},
	{"a number with 100,000 digits", body("u2", `,"properties":{"n":`+strings.Repeat("9", 100_000)+`}`), "applied"},
	{"64 levels", body("u2", `,"properties":{"n":`+nested(64)+`}`), "applied"},
	{"an id of 10,000 bytes", body("u2", `,"messageId":"`+strings.Repeat("i", 10_000)+`","properties":{"n":3}`), "applied"},
	{"the longest name and user", fmt.Sprintf(`{"event":%q,"userId":%q,"timestamp":%q}`, strings.Repeat("é", 100), strings.Repeat("ü", 128), at(0)), "applied"},
	{"a key ten thousand times", body("u2", strings.Repeat(`,"event":"a"`, 10_000)), "applied"},
	{"a million years ahead", `{"event":"b","userId":"u3","timestamp":"9999-12-31T23:59:59Z"}`, "applied"},
	{"a segment value of 1 kB", fmt.Sprintf(`{"event":"signed_up","userId":"u4","timestamp":%q,"properties":{"plan":%q}}`, at(0), strings.Repeat("é", 500)), "applied"},
}

// testHostileMessages: every bad message is dead-lettered once, as it came, whatever happens to the worker, and
// what was good around it counts.
func testHostileMessages(t *testing.T, h *harness) {
	messages := []oracle.Message{good("u", "signed_up", 0, `"plan":"pro"`)}
	for i, x := range hostiles {
		messages = append(messages, imported(event.Subject("app", "u"), 0, x.data), good("u", "b", float64(i)/1000, `"n":3`))
	}
	// Its received time is that of the stream, which is long after noon: it comes last.
	unreadable := oracle.Message{Subject: "events.app.last", Header: map[string]string{oracle.ReceivedAt: "soon"}, Data: []byte(body("u", ""))}
	messages = append(messages, unreadable)
	h.publish(messages)
	h.drain([]byte(hostileCatalog), 2)
	h.viewsEqualOracle(hostileCatalog, 2)
	h.lettersAreRight(messages)

	if err := h.run(hostileCatalog, 2, rebuild); err != nil {
		t.Fatal(err)
	}
	h.equalsOracle(hostileCatalog, 2)
	h.lettersAreRight(messages)
}

// lettersAreRight checks the dead letters of testHostileMessages, each once and in full.
func (h *harness) lettersAreRight(sent []oracle.Message) {
	h.t.Helper()
	letters := map[string]oracle.Message{}
	for _, l := range h.stored(stream.DeadStream) {
		seq := l.Header[stream.HeaderSequence]
		if _, twice := letters[seq]; twice {
			h.t.Errorf("message %s has two letters", seq)
		}
		letters[seq] = l
	}
	for i, x := range append(slices.Clone(hostiles), hostile{"an unreadable header", "", "bad_timestamp"}) {
		seq := 2 + 2*i
		m, letter := sent[seq-1], letters[strconv.Itoa(seq)]
		delete(letters, strconv.Itoa(seq))
		if x.want == "applied" || x.want == "ignored" {
			if letter.Header != nil {
				h.t.Errorf("%s: it is dead for %s, want %s", x.name, letter.Header[stream.HeaderReason], x.want)
			}
			continue
		}
		subject := fmt.Sprintf("dead.%s%s.%d", x.want, strings.TrimPrefix(m.Subject, "events"), seq)
		if letter.Header[stream.HeaderReason] != x.want || letter.Subject != subject || letter.Header[stream.HeaderSubject] != m.Subject {
			h.t.Errorf("%s: its letter is %s with headers %v, want %s", x.name, letter.Subject, letter.Header, subject)
		}
		if detail := letter.Header[stream.HeaderDetail]; detail == "" || strings.ContainsAny(detail, "\r\n\x00") {
			h.t.Errorf("%s: the detail %q is not one line", x.name, detail)
		}
		if !bytes.Equal(letter.Data, m.Data) {
			h.t.Errorf("%s: the payload of %d bytes became one of %d", x.name, len(m.Data), len(letter.Data))
		}
	}
	for seq, l := range letters {
		h.t.Errorf("message %s has a letter, %s, and was good", seq, l.Subject)
	}
}

// testOddSubjects: a subject decides the partition and the source of event_volume, nothing else.
func testOddSubjects(t *testing.T, h *harness) {
	var messages []oracle.Message
	subjects := []string{
		"events.x", "events.a.b.c", "events.a.b.c.d.e.f", "events.web.é", "events.web.{}", "events.web.!", "events.-.-",
		"events.web." + strings.Repeat("t", 3900), "events." + strings.Repeat("s", 3900) + ".t", "events" + strings.Repeat(".x", 1900),
	}
	for i, subject := range subjects {
		messages = append(messages, imported(subject, float64(i), body(fmt.Sprint("u", i), "")), imported(subject, float64(i), "{"))
	}
	h.publish(messages)
	// As long as the protocol has room for when the publisher awaits no answer: its letter's would be longer.
	longest := "events.web." + strings.Repeat("t", 4070-len("events.web."))
	subjects = append(subjects, longest)
	if err := h.nats.PublishMsg(&nats.Msg{Subject: longest, Header: nats.Header{event.ReceivedHeader: {at(100)}}, Data: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	// A subject that the server does not take, or that reaches no stream, is no message: the publisher is told.
	for _, subject := range []string{"events..", "events.", "events..x"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := h.js.Publish(ctx, subject, []byte("{"))
		cancel()
		if err == nil {
			subjects = append(subjects, subject)
		}
	}
	h.drain([]byte(hostileCatalog), 3)
	h.equalsOracle(hostileCatalog, 3)
	letters := h.stored(stream.DeadStream)
	if len(letters) != len(subjects) {
		t.Errorf("%d dead letters, want %d", len(letters), len(subjects))
	}
	for _, l := range letters {
		if !strings.HasPrefix(l.Subject, "dead.malformed.") {
			t.Errorf("the letter's subject is %.60s", l.Subject)
		}
		if !slices.Contains(subjects, l.Header[stream.HeaderSubject]) {
			t.Errorf("the letter names the subject %.60s", l.Header[stream.HeaderSubject])
		}
	}
}

// testLetterThatDoesNotFit: a payload that leaves no room for the letter's headers is cut, and says so.
func testLetterThatDoesNotFit(t *testing.T, h *harness) {
	const header = 256 // room for the publisher's own header lines
	largest := strings.Repeat("x", int(h.nats.MaxPayload())-header)
	h.publish([]oracle.Message{good("u", "a", 0, ""), imported("events.web.u", 1, largest), good("u", "b", 2, "")})
	h.drain([]byte(hostileCatalog), 1)
	h.equalsOracle(hostileCatalog, 1)
	letters := h.stored(stream.DeadStream)
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	l := letters[0]
	if size := l.Header[stream.HeaderOriginal]; size != strconv.Itoa(len(largest)) {
		t.Errorf("the original size is given as %q, want %d", size, len(largest))
	}
	if len(l.Data) < len(largest)-8192 || !strings.HasPrefix(largest, string(l.Data)) {
		t.Errorf("the letter holds %d bytes of %d", len(l.Data), len(largest))
	}
}

// testBusyUser: a user with 40,000 events in a minute is processed in less (drain's deadline), entered or not.
func testBusyUser(t *testing.T, h *harness) {
	const events = 40_000
	for _, user := range []string{"entered", "never entered"} {
		t.Run(user, func(t *testing.T) {
			h.t = t
			h.reset()
			messages := []oracle.Message{good("somebody else", "signed_up", 0, "")}
			if user == "entered" {
				messages = append(messages, good(user, "signed_up", 0, ""))
			}
			names := []string{"b", "other", "another"}
			for i := range events {
				messages = append(messages, good(user, names[i%3], 60*float64(i)/events, fmt.Sprintf(`"n":%d`, i%5)))
			}
			messages = append(messages, good("somebody else", "a", 60, ""))
			h.publish(messages)
			began := time.Now()
			h.drain([]byte(hostileCatalog), 2)
			took := time.Since(began)
			t.Logf("%d events in %s, %.0f/s", events, took.Round(time.Millisecond), events/took.Seconds())
			h.equalsOracle(hostileCatalog, 2)
		})
	}
}

// testManySegmentValues: beyond the cap values become (other), in segments only.
func testManySegmentValues(t *testing.T, h *harness) {
	const users, shown = 20_000, 1000
	var messages []oracle.Message
	for i := range users {
		messages = append(messages, good(fmt.Sprint("u", i), "signed_up", float64(i)/1000, fmt.Sprintf(`"plan":"value %d"`, i)))
	}
	h.publish(messages)
	h.drain([]byte(hostileCatalog), 2)
	whole := h.view("activation_by_cohort")
	for _, row := range whole {
		if row["metric"] == "activated" && row["entered"] != uint64(users) {
			t.Errorf("%v entered, want %d", row["entered"], users)
		}
	}
	if len(whole) != 2 {
		t.Errorf("%d whole-cohort rows, want 2", len(whole))
	}
	values := map[any]uint64{}
	for _, row := range h.view("activation_by_cohort_segments") {
		if row["metric"] == "activated" {
			values[row["segment_value"]] += row["entered"].(uint64)
		}
	}
	if len(values) != 2*shown+1 || values["(other)"] != users-2*shown {
		t.Errorf("%d values, (other) with %d users, want %d and %d", len(values), values["(other)"], 2*shown+1, users-2*shown)
	}
	rows, err := h.query("SELECT sum(arraySum(mapValues(capped))) AS n FROM `" + h.database + "`.checkpoints FINAL")
	if err != nil || rows[0]["n"] != uint64(users-2*shown) {
		t.Errorf("%v were counted as capped (%v), want %d", rows, err, users-2*shown)
	}
}

// testManyNames: beyond 500 event names of a source, and beyond 500 sources, volumes count as (other).
func testManyNames(t *testing.T, h *harness) {
	const many, shown = 600, 500
	var messages []oracle.Message
	for i := range many {
		messages = append(messages, good("u", fmt.Sprint("name ", i), float64(i), ""))
	}
	for i := range many {
		m := good("u", "b", many, "")
		m.Subject = fmt.Sprintf("events.source%d.%s", i, event.Token("u"))
		messages = append(messages, m)
	}
	h.publish(messages)
	h.drain([]byte(hostileCatalog), 1)
	bySource, names := map[any]uint64{}, map[any]uint64{}
	for _, row := range h.view("event_volume") {
		if row["window"] != "1d" {
			continue
		}
		bySource[row["source"]] += row["events"].(uint64)
		if row["source"] == "web" {
			names[row["event"]] += row["events"].(uint64)
		}
	}
	if len(names) != shown+1 || names["(other)"] != many-shown {
		t.Errorf("%d names, (other) with %d events, want %d and %d", len(names), names["(other)"], shown+1, many-shown)
	}
	// The source web came first and is one of the 500.
	if len(bySource) != shown+1 || bySource["(other)"] != many-shown+1 {
		t.Errorf("sources: %d, (other) with %d events, want %d and %d", len(bySource), bySource["(other)"], shown+1, many-shown+1)
	}
	if total := sum(maps.Values(bySource)); total != 2*many {
		t.Errorf("%d events in all, want %d", total, 2*many)
	}
}

func sum(values func(func(uint64) bool)) (n uint64) {
	for v := range values {
		n += v
	}
	return n
}
