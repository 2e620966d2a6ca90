package alert_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"firstlight/pipeline/anomaly"
	"firstlight/sinks/alert"
)

// pages returns action and incident of each event that PagerDuty was sent.
func pages(t *testing.T, r *recorder) (all []string) {
	t.Helper()
	for _, q := range r.seen() {
		e := q.json(t)
		all = append(all, fmt.Sprint(e["event_action"], " ", e["dedup_key"]))
	}
	return all
}

func withPager(r *recorder) alert.Config {
	cfg := config()
	cfg.PagerDutyURL, cfg.PagerDutyKey = r.URL, strings.Repeat("k", 32)
	return cfg
}

// TestPagesAreForWhatIsCritical: its beginning and its end, once each.
func TestPagesAreForWhatIsCritical(t *testing.T) {
	pager := record(t, 202, nil)
	js := connect(t)
	l := begin(t, withPager(pager), js)
	for _, m := range []anomaly.Message{
		message("warn", 1, anomaly.Opened, anomaly.Warning), message("warn", 2, anomaly.Resolved, anomaly.Warning),
		message("a", 1, anomaly.Opened, anomaly.Critical), message("a", 2, anomaly.Updated, anomaly.Critical), message("a", 3, anomaly.NoData, anomaly.Critical),
		message("b", 1, anomaly.Opened, anomaly.Warning), message("b", 2, anomaly.Updated, anomaly.Critical),
		message("a", 4, anomaly.Resolved, anomaly.Critical), message("b", 3, anomaly.Updated, anomaly.Warning), message("b", 4, anomaly.Resolved, anomaly.Warning),
	} {
		l.deliver(m)
	}
	l.stop()
	begin(t, withPager(pager), js).deliver(message("a", 4, anomaly.Resolved, anomaly.Critical))
	if got, want := fmt.Sprint(pages(t, pager)), "[trigger a trigger b resolve a resolve b]"; got != want {
		t.Errorf("it was sent %s, want %s", got, want)
	}
	first := pager.seen()[0]
	e := first.json(t)
	payload := e["payload"].(map[string]any)
	details := payload["custom_details"].(map[string]any)
	if first.path != "/v2/enqueue" || e["routing_key"] != strings.Repeat("k", 32) || payload["severity"] != "critical" || payload["source"] != "firstlight/acme" ||
		payload["component"] != "activated" || payload["group"] != "signup" || payload["class"] != "below_limit" || details["n"] != 412.0 || details["value"] != 0.18 ||
		!strings.Contains(payload["summary"].(string), "75 of 412") || len(e["links"].([]any)) != 2 {
		t.Errorf("the event is %s", first.body)
	}
	if _, err := time.Parse(time.RFC3339, payload["timestamp"].(string)); err != nil {
		t.Error(err)
	}
}

// TestPagerLimits: whatever a message holds, the event is within PagerDuty's limits.
func TestPagerLimits(t *testing.T) {
	pager := record(t, 202, nil)
	m := message("a", 1, anomaly.Opened, anomaly.Critical)
	m.Title, m.Summary, m.SQL, m.Link = strings.Repeat("t", 50), strings.Repeat("ü", 3000), strings.Repeat("x", 600_000), "not a link"
	begin(t, withPager(pager), connect(t)).deliver(m)
	e := pager.seen()[0]
	if n := utf8.RuneCountInString(e.json(t)["payload"].(map[string]any)["summary"].(string)); n != 1024 {
		t.Errorf("the summary has %d characters", n)
	}
	if len(e.body) > 512<<10 || len(e.json(t)["links"].([]any)) != 1 {
		t.Errorf("the event has %d bytes, links %v", len(e.body), e.json(t)["links"])
	}
}

// lines returns the first block of each message to Slack.
func lines(t *testing.T, r *recorder) (all []string) {
	t.Helper()
	for _, q := range r.seen() {
		var m struct {
			Blocks []struct{ Text struct{ Text string } }
		}
		if err := json.Unmarshal(q.body, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Blocks[0].Text.Text)
	}
	return all
}

// heads returns their first words, up to the title.
func heads(t *testing.T, r *recorder) (all []string) {
	t.Helper()
	for _, line := range lines(t, r) {
		head, _, _ := strings.Cut(strings.Trim(line, "*"), "*\n")
		all = append(all, strings.ReplaceAll(head, "Activation is low ", ""))
	}
	return all
}

func withChannel(r *recorder) alert.Config {
	cfg := config()
	cfg.SlackURL = r.URL + "/services/T0/B0/very-secret"
	return cfg
}

func wantHeads(t *testing.T, r *recorder, want ...string) {
	t.Helper()
	if got := heads(t, r); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the channel got %q, want %q", got, want)
	}
}

// TestChannelGetsWhatMatters: updates are for the digest, which says how many of what, once, also after a restart.
func TestChannelGetsWhatMatters(t *testing.T) {
	channel := record(t, 200, nil)
	cfg, clock, js := withChannel(channel), fakeClock(), connect(t)
	cfg.Clock = clock
	l := begin(t, cfg, js)
	for _, m := range []anomaly.Message{
		message("a", 1, anomaly.Opened, anomaly.Warning), message("a", 2, anomaly.Updated, anomaly.Warning), message("a", 3, anomaly.Updated, anomaly.Critical),
		message("a", 4, anomaly.NoData, anomaly.Critical), message("a", 5, anomaly.NoData, anomaly.Critical), message("a", 6, anomaly.Updated, anomaly.Critical),
	} {
		l.deliver(m)
	}
	want := []string{"WARNING opened: a", "CRITICAL raised: a", "CRITICAL no data: a"}
	wantHeads(t, channel, want...)
	l.stop()
	clock.Advance(59 * time.Minute)
	l = begin(t, cfg, js)
	l.deliver(message("b", 1, anomaly.Opened, anomaly.Critical))
	want = append(want, "CRITICAL opened: b")
	wantHeads(t, channel, want...)
	later(t, clock, time.Minute, "the digest comes", func() bool { return len(channel.seen()) == 5 })
	want = append(want, "2 messages about 1 incident not sent one by one")
	wantHeads(t, channel, want...)
	if text := lines(t, channel)[4]; !strings.Contains(text, "Activation is low a: 2 messages, open") {
		t.Errorf("the digest says %q", text)
	}
	l.deliver(message("a", 7, anomaly.Resolved, anomaly.Critical))
	clock.Advance(3 * time.Hour)
	l.stop()
	wantHeads(t, channel, append(want, "CRITICAL resolved: a")...)
}

// TestTooManyMessages: beyond the limit warnings wait for the digest, what is critical and what ends passes.
func TestTooManyMessages(t *testing.T) {
	channel := record(t, 200, nil)
	cfg, clock, js := withChannel(channel), fakeClock(), connect(t)
	cfg.Clock, cfg.PerHour = clock, 3
	l := begin(t, cfg, js)
	for i := range 30 {
		l.deliver(message(fmt.Sprintf("w%02d", i), 1, anomaly.Opened, anomaly.Warning))
	}
	l.deliver(message("c", 1, anomaly.Opened, anomaly.Critical), message("w00", 2, anomaly.Resolved, anomaly.Warning), message("w05", 2, anomaly.Resolved, anomaly.Warning))
	want := []string{"WARNING opened: w00", "WARNING opened: w01", "WARNING opened: w02", "CRITICAL opened: c", "WARNING resolved: w00"}
	wantHeads(t, channel, want...)
	later(t, clock, time.Hour, "the digest comes", func() bool { return len(channel.seen()) == 6 })
	text := lines(t, channel)[5]
	if !strings.HasPrefix(text, "*28 messages about 27 incidents") || !strings.Contains(text, "low w05: 2 messages, over") || !strings.Contains(text, "low w06: 1 message, open") ||
		!strings.Contains(text, "and 7 other incidents") {
		t.Errorf("the digest says %q", text)
	}
	l.deliver(message("w06", 2, anomaly.Updated, anomaly.Warning)) // there is room again
	wantHeads(t, channel, append(want, "28 messages about 27 incidents not sent one by one", "WARNING opened: w06")...)
}

// TestHistoryIsNotTold: what opened and ended before people could be told is only counted.
func TestHistoryIsNotTold(t *testing.T) {
	var away atomic.Bool
	away.Store(true)
	fail := func(good int) func(int, http.ResponseWriter) {
		return func(_ int, w http.ResponseWriter) {
			if away.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(good)
		}
	}
	channel, pager := record(t, 0, fail(200)), record(t, 0, fail(202))
	cfg, clock := withChannel(channel), fakeClock()
	cfg.PagerDutyURL, cfg.PagerDutyKey, cfg.Clock = pager.URL, strings.Repeat("k", 32), clock
	l := begin(t, cfg, connect(t))
	l.Tell([]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Critical)})
	until(t, "neither has taken it", func() bool { return l.log.FilterMessage("tried again later").Len() == 2 })
	l.Tell([]anomaly.Message{message("a", 2, anomaly.Resolved, anomaly.Critical), message("b", 1, anomaly.Opened, anomaly.Critical)})
	channel.mu.Lock()
	pager.mu.Lock()
	away.Store(false)
	channel.requests, pager.requests = nil, nil
	pager.mu.Unlock()
	channel.mu.Unlock()
	later(t, clock, time.Second, "all is dealt with", l.idle)
	wantHeads(t, channel, "CRITICAL opened: b")
	if got := fmt.Sprint(pages(t, pager)); got != "[trigger b]" {
		t.Errorf("the pager got %s", got)
	}
	later(t, clock, time.Hour, "the digest comes", func() bool { return len(channel.seen()) == 2 })
	if text := lines(t, channel)[1]; !strings.Contains(text, "low a: 2 messages, over") {
		t.Errorf("the digest says %q", text)
	}
}

// TestChannelShowsTextAsItIs: what Slack would read as markup is escaped, and no text is longer than Slack takes.
func TestChannelShowsTextAsItIs(t *testing.T) {
	channel := record(t, 200, nil)
	m := message("a", 1, anomaly.Opened, anomaly.Critical)
	m.Title, m.Summary = "<!channel> & <@U1>", strings.Repeat("<&>", 2000)
	m.Metric.Action, m.Link, m.Metric.Runbook = strings.Repeat("&", 5000), "https://x.example/?a=1&b=|<", "javascript:alert(1)"
	begin(t, withChannel(channel), connect(t)).deliver(m)
	body := string(channel.seen()[0].body)
	var got struct {
		Text   string
		Blocks []struct {
			Text     struct{ Text string }
			Elements []struct{ Text string }
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	texts := []string{got.Text}
	for _, b := range got.Blocks {
		texts = append(texts, b.Text.Text)
		for _, e := range b.Elements {
			texts = append(texts, e.Text)
		}
	}
	for _, text := range texts {
		if n := utf8.RuneCountInString(text); n > 3000 {
			t.Errorf("a text has %d characters", n)
		}
		rest := strings.NewReplacer("<https://x.example/?a=1&amp;b=%7C&lt;|Numbers>", "", "&amp;", "", "&lt;", "", "&gt;", "").Replace(text)
		if strings.ContainsAny(rest, "<>&") || strings.Contains(text, "javascript") {
			t.Errorf("not escaped: %q", text)
		}
	}
	if !strings.Contains(got.Blocks[0].Text.Text, "&lt;!channel&gt; &amp; &lt;@U1&gt;") {
		t.Errorf("the title is %q", got.Blocks[0].Text.Text)
	}
}
