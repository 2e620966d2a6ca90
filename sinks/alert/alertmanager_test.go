package alert_test

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/testtool"
	"firstlight/sinks/alert"
)

func withManager(m *manager) alert.Config {
	cfg := config()
	cfg.Alertmanagers = m.url()
	return cfg
}

// withClock is a configuration with a clock that the test moves.
func withClock(m *manager) (alert.Config, *clockwork.FakeClock) {
	clock := fakeClock()
	cfg := withManager(m)
	cfg.Clock = clock
	return cfg, clock
}

// TestAlertLives: it fires, stays the same alert while it is repeated, and resolves.
func TestAlertLives(t *testing.T) {
	am := startManager(t, plainConfig)
	cfg, clock := withClock(am)
	cfg.ExternalURL = "https://firstlight.acme.example"
	l := begin(t, cfg, connect(t))
	first := message("a", 1, anomaly.Opened, anomaly.Warning)
	first.Metric.Labels = map[string]string{"team": "growth", "severity": "none", "alertname": "Mine", "bad name": "x", "broken": "a\xff", "empty": ""}
	l.deliver(first)
	a := am.the()
	want := map[string]string{
		"alertname": "FirstlightMetric", "incident_id": "a", "metric": "activated", "kind": "activation", "cohort": "signup", "severity": "warning",
		"product": "acme", "scope": "cohort", "team": "growth", "broken": "a�",
	}
	if !maps.Equal(a.Labels, want) {
		t.Errorf("the labels are %v, want %v", a.Labels, want)
	}
	if a.Annotations["summary"] != first.Summary || a.Annotations["runbook_url"] != first.Metric.Runbook || a.Annotations["dashboard_url"] != first.Link ||
		!strings.Contains(a.Annotations["description"], first.Metric.Action) || a.GeneratorURL != first.Link || !a.StartsAt.Equal(first.OpenedAt) {
		t.Errorf("the alert is %+v", a)
	}
	if left := a.EndsAt.Sub(clock.Now()); left != 3*time.Minute {
		t.Errorf("it ends by itself in %s, want 3 minutes", left)
	}
	second := message("a", 2, anomaly.Updated, anomaly.Warning)
	second.Metric.Labels, second.Summary = first.Metric.Labels, "It is 17 % now"
	l.deliver(second)
	if b := am.the(); b.Fingerprint != a.Fingerprint || b.Annotations["summary"] != second.Summary {
		t.Errorf("after an update the alert is %+v", b)
	}
	for range 2 {
		before := am.the()
		later(t, clock, time.Minute, "the alert is repeated, and ends later", func() bool { return am.the().EndsAt.After(before.EndsAt) })
		if b := am.the(); b.Fingerprint != a.Fingerprint || !b.StartsAt.Equal(a.StartsAt) {
			t.Errorf("repeated, the alert is %+v, before %+v", b, before)
		}
	}
	third := message("a", 3, anomaly.Resolved, anomaly.Warning)
	third.At = now()
	l.deliver(third)
	if all := am.alerts(); len(all) != 0 {
		t.Errorf("after the end, %+v fires", all)
	}
}

// TestAlertChangesSeverity: the alert with the old severity ends when the one with the new fires.
func TestAlertChangesSeverity(t *testing.T) {
	am := startManager(t, plainConfig)
	cfg, js := withManager(am), connect(t)
	l := begin(t, cfg, js)
	l.deliver(message("a", 1, anomaly.Opened, anomaly.Warning))
	l.stop()
	l = begin(t, cfg, js) // the ledger knows what fired before
	l.deliver(message("a", 1, anomaly.Opened, anomaly.Warning), message("a", 2, anomaly.Updated, anomaly.Critical))
	if a := am.the(); a.Labels["severity"] != "critical" {
		t.Errorf("it fires with the labels %v", a.Labels)
	}
	l.deliver(message("a", 3, anomaly.Updated, anomaly.Warning))
	if a := am.the(); a.Labels["severity"] != "warning" {
		t.Errorf("it fires with the labels %v", a.Labels)
	}
	l.deliver(message("a", 4, anomaly.Resolved, anomaly.Warning))
	if all := am.alerts(); len(all) != 0 {
		t.Errorf("after the end, %+v fires", all)
	}
}

// TestAlertAfterRestarts: Alertmanager, which keeps no alerts, and a new process both end up with what fires.
func TestAlertAfterRestarts(t *testing.T) {
	am := startManager(t, plainConfig)
	cfg, clock := withClock(am)
	js := connect(t)
	story := []anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Critical), message("b", 1, anomaly.Opened, anomaly.Critical)}
	l := begin(t, cfg, js)
	l.deliver(story...)
	am.kill()
	am.start()
	if n := len(am.alerts()); n != 0 {
		t.Fatalf("%d alerts survived the restart: the test shows nothing", n)
	}
	later(t, clock, time.Minute, "both alerts and the watchdog fire again", func() bool {
		return len(am.alerts()) == 2 && len(am.get(url.Values{})) == 3
	})
	l.stop()
	am.kill()
	am.start()
	l = begin(t, cfg, js)
	until(t, "the watchdog fires", func() bool { return len(am.get(url.Values{})) == 1 })
	l.deliver(story...) // nothing is new, but all of it fires, at once
	until(t, "both alerts and the watchdog fire again", func() bool { return len(am.get(url.Values{})) == 3 })
}

// TestWatchdog: it fires while incidents are judged, and ends by itself.
func TestWatchdog(t *testing.T) {
	am := startManager(t, plainConfig)
	cfg, clock := withClock(am)
	healthy := make(chan bool, 1)
	healthy <- true
	cfg.Healthy = func() bool { h := <-healthy; healthy <- h; return h }
	begin(t, cfg, connect(t))
	dogs := func() []alerting { return am.get(url.Values{"filter": {`alertname="FirstlightWatchdog"`}}) }
	until(t, "the watchdog fires", func() bool { return len(dogs()) == 1 })
	dog := dogs()[0]
	if want := map[string]string{"alertname": "FirstlightWatchdog", "severity": "none", "product": "acme"}; !maps.Equal(dog.Labels, want) {
		t.Errorf("its labels are %v, want %v", dog.Labels, want)
	}
	if left := dog.EndsAt.Sub(clock.Now()); left != 3*time.Minute {
		t.Errorf("it ends by itself in %s, want 3 minutes", left)
	}
	<-healthy
	healthy <- false
	other := config()
	other.Alertmanagers, other.Identity, other.Product, other.Clock = am.url(), "other", "other", clock
	begin(t, other, connect(t))
	until(t, "another product's watchdog fires", func() bool { return len(dogs()) == 2 })
	later(t, clock, time.Minute, "the other one is repeated", func() bool {
		all := dogs()
		return len(all) == 2 && all[1].EndsAt.After(dog.EndsAt)
	})
	if !dogs()[0].EndsAt.Equal(dog.EndsAt) {
		t.Error("the watchdog is repeated though nothing is judged")
	}
}

// TestBadAlertInABatch: the others are taken, and the log says which was refused and why.
func TestBadAlertInABatch(t *testing.T) {
	am := startManager(t, plainConfig)
	cfg := withManager(am)
	var firing []alert.Postable
	for _, incident := range []string{"a", "bad", "c"} {
		firing = append(firing, alert.Firing(cfg, message(incident, 1, anomaly.Opened, anomaly.Warning)))
	}
	firing[1].Labels["no name"] = "x"
	err := alert.SendAlerts(t.Context(), cfg, firing)
	if err == nil || !strings.Contains(err.Error(), "incident_id:bad") || strings.Contains(err.Error(), "incident_id:a ") || !strings.Contains(err.Error(), "invalid label") {
		t.Errorf("the error is %v", err)
	}
	if n := len(am.alerts()); n != 2 {
		t.Errorf("%d alerts fire, want the 2 good ones", n)
	}
}

// TestCluster: every member is told, and one that is away delays no other.
func TestCluster(t *testing.T) {
	one, two := startManager(t, plainConfig), startManager(t, plainConfig)
	two.kill()
	cfg := config()
	cfg.Alertmanagers = one.url() + ", " + two.url()
	l := begin(t, cfg, connect(t))
	l.Tell([]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Warning)})
	until(t, "the first member has it", func() bool { return len(one.alerts()) == 1 })
	if l.idle() {
		t.Error("nothing waits for the second member")
	}
	two.start()
	l.deliver()
	if len(two.alerts()) != 1 {
		t.Error("the second member has not got it")
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// onCallConfig is the example of the documentation.
func onCallConfig(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/on-call.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(data), -1) {
		if strings.Contains(block[1], "inhibit_rules") {
			return block[1]
		}
	}
	t.Fatal("docs/on-call.md has no example with inhibit_rules")
	return ""
}

func TestExampleConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(path, []byte(onCallConfig(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(testtool.Path(t, "amtool"), "check-config", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestInhibition: with the rules of the documentation, a parent inhibits its segments, critical inhibits warning, and
// a pipeline that stands still inhibits everything that is judged from it.
func TestInhibition(t *testing.T) {
	am := startManager(t, onCallConfig(t))
	l := begin(t, withManager(am), connect(t))
	segment := message("segment", 1, anomaly.Opened, anomaly.Warning)
	segment.Metric.Labels = map[string]string{"segment": "plan", "segment_value": "free"}
	other := message("other", 1, anomaly.Opened, anomaly.Warning)
	other.Metric.Name = "exports"
	parent := message("parent", 1, anomaly.Opened, anomaly.Warning)
	events := message("events", 1, anomaly.Opened, anomaly.Critical)
	events.Metric = anomaly.MetricInfo{Name: anomaly.VolumeMetric, Kind: "events", Labels: map[string]string{"source": "web"}}
	pipeline := message("pipeline", 1, anomaly.Opened, anomaly.Critical)
	pipeline.Metric = anomaly.MetricInfo{Name: anomaly.PipelineMetric, Kind: "pipeline"}
	for _, step := range []struct {
		told      anomaly.Message
		inhibited []string
	}{
		{segment, nil},
		{other, nil},
		{parent, []string{"segment"}},
		{message("worse", 1, anomaly.Opened, anomaly.Critical), []string{"parent", "segment"}},
		{message("worse", 2, anomaly.Resolved, anomaly.Critical), []string{"segment"}},
		{events, []string{"segment"}},
		{pipeline, []string{"events", "other", "parent", "segment"}},
	} {
		l.deliver(step.told)
		until(t, fmt.Sprintf("with %s, %v are inhibited", step.told.ID(), step.inhibited), func() bool { // it judges in the background
			return slices.Equal(inhibited(am), step.inhibited)
		})
	}
}

func inhibited(am *manager) (incidents []string) {
	for _, a := range am.alerts() {
		if len(a.Status.InhibitedBy) > 0 {
			incidents = append(incidents, a.Labels["incident_id"])
		}
	}
	slices.Sort(incidents)
	return incidents
}

// TestTestAlert: it is marked, and ends by itself.
func TestTestAlert(t *testing.T) {
	am := startManager(t, plainConfig)
	cfg, clock := withClock(am)
	m := alert.TestMessage(now(), anomaly.Warning, "https://firstlight.acme.example")
	results, err := alert.Test(t.Context(), cfg, nil, errors.New("NATS is away"), m)
	if err != nil || results[0].Err == nil || results[1].Err != nil || !strings.HasPrefix(results[1].Answer, "200") {
		t.Errorf("%+v, %v", results, err)
	}
	a := am.the(`test="true"`, `severity="warning"`)
	if left := a.EndsAt.Sub(clock.Now()); left != 2*time.Minute || !strings.Contains(a.Annotations["summary"], "test") {
		t.Errorf("the alert is %+v", a)
	}
}

// TestAlertmanagerCredentials: a user of the address, or a token.
func TestAlertmanagerCredentials(t *testing.T) {
	server := record(t, 200, nil)
	for want, change := range map[string]func(*alert.Config){
		"Basic YTpi":       func(c *alert.Config) { c.Alertmanagers = strings.Replace(server.URL, "://", "://a:b@", 1) },
		"Bearer the-token": func(c *alert.Config) { c.Alertmanagers, c.AlertmanagerToken = server.URL+"/prefix/", "the-token" },
	} {
		cfg := config()
		change(&cfg)
		results, err := alert.Test(t.Context(), cfg, connect(t), nil, alert.TestMessage(now(), anomaly.Critical, ""))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Configured && r.Err != nil {
				t.Errorf("%+v", r)
			}
		}
		seen := server.seen()
		last := seen[len(seen)-1]
		if got := last.header.Get("Authorization"); got != want {
			t.Errorf("the authorization is %q, want %q", got, want)
		}
		if !strings.HasSuffix(last.path, "/api/v2/alerts") || want[1] == 'e' && last.path != "/prefix/api/v2/alerts" {
			t.Errorf("the path is %s", last.path)
		}
	}
}
