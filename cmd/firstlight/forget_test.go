package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
)

// TestForget: of users who are forgotten, nothing is left in streams and tables; the others count as before, what was purged is not
// missed, also when everything is computed again, and the same id comes back as a new user.
func TestForget(t *testing.T) {
	b := newSharedBox(t)
	b.write("catalog.yaml", testCatalog+"voices:\n  - {name: why, event: project_created, text: properties.why}\n")
	d := b.start("run")
	js := d.jetstream()
	publish := func(source, to, body string) {
		t.Helper()
		if _, err := js.Publish(t.Context(), event.Subject(source, to), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	const old = `"timestamp":"2020-01-01T00:00:00Z"`
	for _, user := range []string{"ada", "ben"} {
		publish("web", user, `{"event":"signed_up","userId":"`+user+`"}`)
		publish("ios", user, `{"event":"project_created","userId":"`+user+`","properties":{"why":"words of `+user+`"}}`)
		publish("web", user, `{"event":"signed_up","userId":"`+user+`",`+old+`}`)
		publish("web", user, `no JSON`)
	}
	publish("web", "carl", `{"event":"project_created","userId":"ada"}`) // under another's token
	publish("web", "carl", `{"event":"signed_up","userId":"ada",`+old+`}`)
	publish("web", "carl", `{"event":"signed_up","userId":"carl"}`)
	total := 11
	applied := func(n int) func() bool {
		return func() bool {
			s := b.accounts()
			return s.Lag == 0 && sum(s, func(p *partitionStatus) uint64 { return p.Received }) == uint64(n)
		}
	}
	b.eventually("all is applied", applied(total))
	users := func() string {
		return b.tsv("SELECT arrayStringConcat(arraySort(groupUniqArray(user_id)), ' ') FROM user_progress")
	}
	if got := users(); got != "ada ben carl" {
		t.Fatalf("users %s", got)
	}

	words := func() string {
		return b.tsv("SELECT arrayStringConcat(arraySort(groupUniqArray(text)), ', ') FROM voices")
	}
	if got := words(); got != "words of ada, words of ben" {
		t.Fatalf("voices: %s", got)
	}
	if said := b.must("forget", "--scan=false", "ada"); !strings.Contains(said, "--scan") {
		t.Errorf("nothing says that there are events under tokens of others:\n%s", said)
	}
	r := b.firstlightWith("ada\n", "forget", "-")
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	b.must("forget", "ada", "nobody")
	if got := users(); got != "ben carl" {
		t.Errorf("users %s, want ben carl", got)
	}
	if got := words(); got != "words of ben" {
		t.Errorf("voices: %s", got)
	}
	if got := b.tsv("SELECT count() FROM said WHERE user_id = 'ada'"); got != "0" {
		t.Errorf("%s texts of ada are left", got)
	}
	if got := b.tsv("SELECT count() FROM users WHERE user_id = 'ada'"); got != "0" {
		t.Errorf("%s rows of ada are left", got)
	}
	if got := b.tsv("SELECT sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "2" {
		t.Errorf("%s entered, want 2", got)
	}
	if got := b.tsv("SELECT sum(events) FROM event_volume WHERE window = '1d'"); got != "6" {
		t.Errorf("%s events, want 6", got)
	}
	for _, name := range []string{"EVENTS", "EVENTS_DEAD"} {
		for _, m := range messagesOf(t, js, name) {
			if strings.Contains(string(m.Data()), `"ada"`) || strings.Contains(m.Subject(), event.Token("ada")) && !strings.Contains(m.Subject(), event.ControlSource) {
				t.Errorf("%s holds %s %s", name, m.Subject(), m.Data())
			}
		}
	}
	if got := len(messagesOf(t, js, "EVENTS_DEAD")); got != 2 {
		t.Errorf("%d dead letters are left, want the two of ben", got)
	}

	// The same id comes back as a new user.
	publish("web", "ada", `{"event":"signed_up","userId":"ada"}`)
	b.eventually("she is back", func() bool { return users() == "ada ben carl" })
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("the worker ends with %d", code)
	}
	for _, flags := range [][]string{{"run", "--drain"}, {"run", "--rebuild", "--drain"}, {"run", "--drain"}} {
		b.must(flags...)
		s := b.accounts()
		if missed := sum(s, func(p *partitionStatus) uint64 { return p.Missed }); missed != 0 {
			t.Errorf("%v: %d messages are missed", flags, missed)
		}
		if got := users(); got != "ada ben carl" {
			t.Errorf("%v: users %s", flags, got)
		}
		if got := words(); got != "words of ben" {
			t.Errorf("%v: voices: %s", flags, got)
		}
		if got := b.tsv("SELECT sum(entered) FROM activation_by_cohort WHERE metric = 'activated'"); got != "3" {
			t.Errorf("%v: %s entered, want 3", flags, got)
		}
	}
	database := b.env["FIRSTLIGHT_DATABASE"]
	b.env["FIRSTLIGHT_DATABASE"] = "anew" // the stream is the truth: it says what was purged, too
	b.must("run", "--drain")
	if missed := sum(b.accounts(), func(p *partitionStatus) uint64 { return p.Missed }); missed != 0 {
		t.Errorf("in a new database %d messages are missed", missed)
	}
	b.env["FIRSTLIGHT_DATABASE"] = database
	b.refused(2, []string{"no user id"}, "forget", "")
	b.refused(2, []string{"one a line"}, "forget")
	b.refused(1, []string{"Start firstlight run"}, "forget", "--wait", "1ms", "ben")
	b.refused(2, []string{"Firstlight's own"}, "publish", "--source", "_firstlight", b.write("x.ndjson", funnel))
}

// messagesOf reads all messages of a stream.
func messagesOf(t *testing.T, js jetstream.JetStream, name string) (all []jetstream.Msg) {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	n := s.CachedInfo().State.Msgs
	c, err := s.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for uint64(len(all)) < n {
		m, err := c.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(fmt.Errorf("read message %d of %d of %s: %w", len(all)+1, n, name, err))
		}
		all = append(all, m)
	}
	return all
}
