package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// The SDKs that people have, unchanged from their packages, post to the collector: set by the lines of docs/events.md, they do what
// products do with them (testdata/sdks), all at once.

// sdk is one of them, or another way to post.
type sdk struct {
	name  string            // of its source too
	docs  string            // what docs/events.md calls it
	set   map[string]string // lines of docs/events.md, and what they are when the SDK is set to post in another way
	env   string            // of a program
	calls string            // the file in testdata/sdks
	end   string            // what is done after the calls
	page  bool
	ahead time.Duration // how far the page's clock is off
	rows  int           // of export_run
	want  counts        // what the stream holds besides
	leave counts        // and what comes when the page is closed
}

const (
	program = "identify 1, group 1, alias 1, page 1, signed_up 1, report_shared 1"
	browsed = program + ", page (anonymous) 1"
)

var sdks = []sdk{
	{name: "segment-node", docs: "@segment/analytics-node", calls: "server", end: "await analytics.closeAndFlush({ timeout: 300_000 })", rows: 1000, want: parseCounts(program)},
	{name: "rudder-node", docs: "@rudderstack/rudder-sdk-node", calls: "server", end: "for (let some = 0; some < 60; some++) await analytics.flush()", rows: 1000, want: parseCounts(program)},
	{name: "posthog-node", docs: "posthog-node", calls: "posthog-server", rows: 1000, want: parseCounts(program)},
	{name: "posthog-node-v1", docs: "posthog-node", env: "POSTHOG_CAPTURE_MODE=v1", calls: "posthog-server", rows: 1000, want: parseCounts(program)},
	{name: "cloudevents", docs: "cloudevents", calls: "cloudevents", rows: 1000, want: parseCounts("page 1, signed_up 1, report_shared 1")},
	{name: "segment-browser", docs: "@segment/analytics-next", calls: "browser", page: true, ahead: 2 * time.Hour, rows: 20, want: parseCounts(browsed)},
	{
		name: "segment-batches", docs: "@segment/analytics-next", calls: "browser", page: true, ahead: -2 * time.Hour, rows: 1000, want: parseCounts(browsed),
		set: map[string]string{" })": " }, { integrations: { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { timeout: 1000 } } } } })"},
	},
	{name: "rudder-browser", docs: "@rudderstack/analytics-js", calls: "browser", page: true, ahead: -2 * time.Hour, rows: 1000, want: parseCounts(browsed)},
	{
		name: "rudder-singly", docs: "@rudderstack/analytics-js", calls: "browser", page: true, ahead: 2 * time.Hour, rows: 5, want: parseCounts(browsed),
		set: map[string]string{"queueOptions: { batch: { enabled: true, flushInterval: 2000 } }": ""},
	},
	{
		name: "rudder-beacon", docs: "@rudderstack/analytics-js", calls: "browser", page: true, ahead: 2 * time.Hour, leave: parseCounts(browsed), end: "await new Promise((loaded) => analytics.ready(loaded))",
		set: map[string]string{"queueOptions: { batch: { enabled: true, flushInterval: 2000 } }": "useBeacon: true"},
	},
	{name: "posthog-browser", docs: "posthog-js", calls: "posthog-browser", page: true, ahead: 2 * time.Hour, rows: 1000, want: parseCounts(browsed), leave: parseCounts("$pageleave 1")},
	{name: "fetch", docs: "a page without an SDK", calls: "fetch", page: true, ahead: -2 * time.Hour, rows: 1000, want: parseCounts("page 1, signed_up 1, report_shared 1"), leave: parseCounts("page_left 1")},
}

func (s *sdk) user() string { return "ada of " + s.name }
func (s *sdk) key() string  { return "wk_" + s.name }

// staying is what the stream holds while the page is open, and all what it holds in the end.
func (s *sdk) staying() counts {
	if s.rows == 0 {
		return s.want
	}
	return s.want.plus(counts{"export_run": s.rows})
}
func (s *sdk) all() counts { return s.staying().plus(s.leave) }

// counts are numbers of events by name; by type where they are ignored.
type counts map[string]int

// parseCounts reads "page 1, signed_up 2".
func parseCounts(list string) counts {
	all := counts{}
	for part := range strings.SplitSeq(list, ", ") {
		at := strings.LastIndexByte(part, ' ')
		n, err := strconv.Atoi(part[at+1:])
		if err != nil {
			panic(err)
		}
		all[part[:at]] = n
	}
	return all
}

func (c counts) plus(more counts) counts {
	sum := maps.Clone(c)
	if sum == nil {
		sum = counts{}
	}
	for name, n := range more {
		sum[name] += n
	}
	return sum
}

const sdkCatalog = `version: 1
product: acme
windows: [1d]
defaults: {owner: growth@acme.example, objective: More teams that stay, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [plan]}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [report_shared, {event: export_run, count: 1000}], within: 7d, indicator: leading}
`

// TestSDKs lets each post through a proxy of its own that loses the first answer: what was sent is stored, and the SDK is told 503. In
// the end the stream and the views hold every event once, at its time.
func TestSDKs(t *testing.T) {
	modules := installed(t, "../../.engine/sdks/node_modules", ".installed", "make sdks")
	b := newMigratedBox(t)
	pages := newPages(t, modules)
	var keys strings.Builder
	for _, s := range sdks {
		fmt.Fprintln(&keys, s.key(), s.name, map[bool]string{true: pages.origin}[s.page])
	}
	b.write("catalog.yaml", sdkCatalog)
	b.env["FIRSTLIGHT_COLLECT_ADDR"], b.env["FIRSTLIGHT_WRITE_KEYS"] = "127.0.0.1:0", keys.String()
	began := time.Now().Truncate(time.Millisecond)
	d := b.start("run")
	chromium := browser(t, chromedp.Flag("enable-automation", false), chromedp.Flag("disable-blink-features", "AutomationControlled"),
		chromedp.UserAgent("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")) // SDKs send nothing of robots
	var all []*sending
	for _, s := range sdks {
		one := &sending{sdk: &s, relay: newRelay(t, d.at.Collect, len(s.want) > 0)}
		if script := s.script(t, one.relay.url); s.page {
			one.tab = pages.open(t, chromium, &s, script, one.relay.url)
		} else {
			one.program = startModule(t, modules, script, []string{s.env})
		}
		all = append(all, one)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, one := range all {
		t.Run(one.sdk.name, func(t *testing.T) { one.arrives(t, d.held(ctx, t, one.sdk, began)) })
	}
	if !t.Failed() {
		d.sdkViews(t, began)
	}
}

// sending is an SDK at work, in a program or in a page.
type sending struct {
	sdk     *sdk
	relay   *relay
	program func(*testing.T) string
	tab     *sdkTab
}

// arrives waits until the stream holds everything once.
func (s *sending) arrives(t *testing.T, h *held) {
	if s.tab == nil {
		s.program(t)
		h.until(s.sdk.all())
		s.relay.again(t, h.ctx)
		return
	}
	defer s.tab.fine(t)
	s.tab.called(t)
	h.until(s.sdk.staying())
	s.relay.again(t, h.ctx)
	s.tab.close(t)
	h.until(s.sdk.all())
}

// script is what docs/events.md says, with its address and key replaced, and the calls.
func (s *sdk) script(t *testing.T, collector string) string {
	t.Helper()
	_, row, found := strings.Cut(file(t, "../../docs/events.md"), "\n| `"+s.docs+"` | ")
	if !found {
		if _, row, found = strings.Cut(file(t, "../../docs/events.md"), "\n| "+s.docs+" | "); !found {
			t.Fatalf("docs/events.md says nothing of %s", s.docs)
		}
	}
	row, _, _ = strings.Cut(row, " |\n")
	lines := strings.ReplaceAll(strings.Trim(row, "`"), "`<br>`", "\n")
	for what, other := range s.set {
		if strings.Count(lines, what) != 1 {
			t.Fatalf("docs/events.md does not say %s of %s", what, s.docs)
		}
		lines = strings.Replace(lines, what, other, 1)
	}
	lines += "\n" + file(t, "testdata/sdks/"+s.calls+".mjs") + s.end
	return strings.NewReplacer("https://collect.acme.example", collector, "KEY", s.key(), "USER", s.user(), "ROWS", fmt.Sprint(s.rows)).Replace(lines)
}

// relay is a proxy in front of the collector.
type relay struct {
	url      string
	repeated chan struct{} // closed when events that were lost have come again, or none are to be lost
	mu       sync.Mutex
	lost     bool
}

// newRelay starts one; when it loses, the first answer that says that events are stored becomes a 503.
func newRelay(t *testing.T, collector string, loses bool) *relay {
	t.Helper()
	r := &relay{repeated: make(chan struct{})}
	if !loses {
		close(r.repeated)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: "http", Host: collector})
		p.Out.Host = p.In.Host
	}}
	proxy.ErrorLog = log.New(io.Discard, "", 0) // pages are closed while they ask for this and that
	proxy.ModifyResponse = func(answer *http.Response) error {
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		answer.Body = io.NopCloser(bytes.NewReader(body))
		if answer.StatusCode >= http.StatusMultipleChoices {
			t.Errorf("%s %s: %d %s", answer.Request.Method, answer.Request.URL.Path, answer.StatusCode, body)
		}
		var said struct{ Stored, Duplicates int }
		if loses && json.Unmarshal(body, &said) == nil && said.Stored+said.Duplicates > 0 && r.loses(said.Duplicates > 0) {
			answer.StatusCode, answer.Status = http.StatusServiceUnavailable, ""
			answer.Header.Set("Retry-After", "1")
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// loses reports whether an answer gets lost. duplicates says that it is to events that came again.
func (r *relay) loses(duplicates bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.lost {
		r.lost = true
		return true
	}
	select {
	case <-r.repeated:
	default:
		if duplicates {
			close(r.repeated)
		}
	}
	return false
}

// again waits until events whose answer was lost have come again.
func (r *relay) again(t *testing.T, ctx context.Context) {
	t.Helper()
	select {
	case <-r.repeated:
	case <-ctx.Done():
		t.Fatal("what was answered 503 was not sent again")
	}
}

// held is what the stream holds of an SDK.
type held struct {
	t        *testing.T
	ctx      context.Context
	sdk      *sdk
	began    time.Time
	messages jetstream.MessagesContext
	got      counts
	ids      map[string]bool
	rows     map[int]bool
}

func (d *daemon) held(ctx context.Context, t *testing.T, s *sdk, began time.Time) *held {
	t.Helper()
	consumer, err := jetstreamAt(t, "nats://"+d.at.NATS).OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"events." + s.name + ".>"}})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(messages.Stop)
	return &held{t: t, ctx: ctx, sdk: s, began: began, messages: messages, got: counts{}, ids: map[string]bool{}, rows: map[int]bool{}}
}

// until waits until the stream holds what it is to hold, and fails the test when it holds anything else.
func (h *held) until(want counts) {
	h.t.Helper()
	for !maps.Equal(h.got, want) {
		m, err := h.messages.Next(jetstream.NextContext(h.ctx))
		if h.ctx.Err() != nil {
			h.t.Fatalf("the stream holds (-want +got):\n%s", cmp.Diff(want, h.got))
		}
		if err != nil {
			h.t.Fatal(err)
		}
		name, wrong := h.judge(m)
		if h.got[name]++; h.got[name] > want[name] {
			wrong = append(wrong, "too many "+name)
		}
		if len(wrong) > 0 {
			h.t.Fatalf("%s: %s %v", strings.Join(wrong, "; "), m.Data(), m.Headers())
		}
	}
}

// judge returns the name of an event, as in counts, and what is wrong with it.
func (h *held) judge(m jetstream.Msg) (name string, wrong []string) {
	meta, err := m.Metadata()
	if err != nil {
		return "", []string{err.Error()}
	}
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	id := m.Headers().Get("Nats-Msg-Id")
	if !strings.HasPrefix(id, h.sdk.name+":") || len(id) < len(h.sdk.name)+16 || h.ids[id] {
		fault("the id %q", id)
	}
	h.ids[id] = true
	if bytes.Contains(m.Data(), []byte(h.sdk.key())) {
		fault("the write key is stored")
	}
	var body struct {
		Type                         string
		Timestamp, OriginalTimestamp time.Time
	}
	if err := json.Unmarshal(m.Data(), &body); err != nil {
		fault("%v", err)
	}
	if body.Timestamp.IsZero() {
		body.Timestamp = body.OriginalTimestamp
	}
	if clock := body.Timestamp.Add(-h.sdk.ahead); h.sdk.page && !h.during(clock) {
		fault("the page's clock is not %s ahead", h.sdk.ahead)
	}
	var e event.Event
	message := &event.Message{Subject: m.Subject(), Header: m.Headers(), Stored: meta.Timestamp.UnixMilli(), Data: m.Data()}
	switch r := event.Parse(message, true, &e); r.Verdict {
	case event.Dead:
		fault("it is %s: %s", r.Reason, r.Detail)
		return body.Type, wrong
	case event.Ignored:
		return body.Type, wrong
	}
	if m.Subject() != event.Subject(h.sdk.name, e.User) {
		fault("the subject %s is not that of the user %s", m.Subject(), e.User)
	}
	if at := time.UnixMilli(e.Time); !h.during(at) || e.Clamped {
		fault("it happened at %s", at)
	}
	if e.Name == "export_run" && !h.exported(e.Properties) {
		fault("its row is missing, or was there")
	}
	if event.Parse(message, false, &e).Verdict == event.Ignored {
		return e.Name + " (anonymous)", wrong
	}
	if e.User != h.sdk.user() {
		fault("the user %q", e.User)
	}
	return e.Name, wrong
}

// during reports whether a time lies between the beginning of the test and the present.
func (h *held) during(at time.Time) bool { return !at.Before(h.began) && !at.After(time.Now()) }

// exported reports whether properties have a row that was not there before.
func (h *held) exported(properties []byte) bool {
	var p struct{ Row *int }
	if json.Unmarshal(properties, &p) != nil || p.Row == nil || h.rows[*p.Row] {
		return false
	}
	h.rows[*p.Row] = true
	return *p.Row >= 0 && *p.Row < h.sdk.rows
}

// sdkViews compares what the views say with what all SDKs have sent.
func (d *daemon) sdkViews(t *testing.T, began time.Time) {
	t.Helper()
	entered, activated, total := 0, 0, 0
	var volume []string
	for _, s := range sdks {
		for name, n := range s.all() {
			total += n
			switch {
			case slices.Contains([]string{"identify", "group", "alias", "page (anonymous)"}, name): // ignored
			default:
				volume = append(volume, fmt.Sprintf("%s\t%s\t%d", s.name, name, n))
			}
		}
		if entered++; s.rows == 1000 {
			activated++
		}
	}
	slices.Sort(volume)
	d.b.eventually("everything is applied", func() bool {
		return d.tsv("SELECT sum(received), sum(lag) FROM pipeline_progress") == fmt.Sprintf("%d\t0", total)
	})
	for _, c := range []struct{ sql, want string }{
		{"SELECT source, event, sum(events) FROM event_volume WHERE window = '1d' GROUP BY ALL ORDER BY ALL", strings.Join(volume, "\n")},
		{"SELECT sum(entered), sum(activated_to_date) FROM activation_by_cohort", fmt.Sprintf("%d\t%d", entered, activated)},
		{"SELECT segment_value, sum(entered) FROM activation_by_cohort_segments WHERE segment = 'plan' GROUP BY ALL", fmt.Sprintf("team\t%d", entered)},
		{
			fmt.Sprintf("SELECT countIf(entered_at >= fromUnixTimestamp64Milli(%d) AND entered_at <= now64(3)), countIf(seconds BETWEEN 0 AND 600) FROM user_progress", began.UnixMilli()),
			fmt.Sprintf("%d\t%d", entered, activated),
		},
		{"SELECT sum(clamped), sum(arraySum(mapValues(dead))) FROM pipeline_progress", "0\t0"},
	} {
		if diff := cmp.Diff(c.want, d.tsv(c.sql)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.sql, diff)
		}
	}
}
