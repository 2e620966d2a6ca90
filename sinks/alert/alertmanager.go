package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"firstlight/pipeline/anomaly"
)

// The names of alerts. They do not change while an incident lasts.
const (
	alertMetric   = "FirstlightMetric"   // a metric of the catalog
	alertEvents   = "FirstlightEvents"   // the events of a source
	alertPipeline = "FirstlightPipeline" // the processing itself; the others cannot be trusted meanwhile
	alertWatchdog = "FirstlightWatchdog" // always fires: its absence says that nothing would be heard of
)

const (
	// alertBatch is how many alerts go into one request.
	alertBatch = 64
	// alertLives is how many rounds an alert outlives the last that repeated it.
	alertLives = 3
	testLives  = 2 * time.Minute
)

// alertmanager is one member of a cluster: each has to be told everything. What fires there is told again every round
// and ends by itself when no round comes any more. The ledger holds the label sets that may fire.
type alertmanager struct {
	post              *poster
	title, id         string
	product, external string
	resend            time.Duration
	healthy           func() bool
	now               func() time.Time
}

// postable is an alert of Alertmanager's API v2.
type postable struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

func (d *alertmanager) name() string         { return d.title }
func (d *alertmanager) key() string          { return place("alertmanager", d.id) }
func (d *alertmanager) setting() string      { return setAlertmanager }
func (d *alertmanager) every() time.Duration { return d.resend }

func (d *alertmanager) plan(e *entry, waiting []*anomaly.Message) plan {
	m := newest(waiting)
	p := plan{do: send, message: m, news: newsFor(e, m, m.Open()), after: e.told(m, m.Open())}
	p.after.Firing = nil
	if m.Open() {
		p.after.Firing = []map[string]string{d.labels(m)}
	}
	if p.news == wasShort {
		p.do = withhold
	}
	return p
}

// deliver fires the message's alert, and ends what the incident fired under other labels.
func (d *alertmanager) deliver(ctx context.Context, e *entry, p plan) (string, error) {
	var alerts []postable
	for _, labels := range e.Firing {
		if !slices.ContainsFunc(p.after.Firing, func(other map[string]string) bool { return maps.Equal(labels, other) }) {
			alerts = append(alerts, d.over(labels, p.message))
		}
	}
	for _, labels := range p.after.Firing {
		alerts = append(alerts, d.firing(labels, p.message))
	}
	return d.send(ctx, alerts)
}

// tell repeats what fires, and the watchdog.
func (d *alertmanager) tell(ctx context.Context, open []*anomaly.Message) error {
	var alerts []postable
	if d.healthy == nil || d.healthy() {
		alerts = append(alerts, d.watchdog())
	}
	for _, m := range open {
		alerts = append(alerts, d.firing(d.labels(m), m))
	}
	for batch := range slices.Chunk(alerts, alertBatch) {
		if _, err := d.send(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// send posts alerts. Of a batch with a bad alert, Alertmanager takes the others and answers 400: each is then sent
// alone, to know which one it refuses.
func (d *alertmanager) send(ctx context.Context, alerts []postable) (string, error) {
	text, err := d.post.sendJSON(ctx, alerts)
	var answer *answerError
	if err == nil || len(alerts) == 1 || !errors.As(err, &answer) || answer.patience() > 1 {
		return text, err
	}
	var refused []string
	var worst *answerError
	for _, a := range alerts {
		if _, err := d.post.sendJSON(ctx, []postable{a}); errors.As(err, &answer) && answer.refused() {
			worst = answer
			refused = append(refused, fmt.Sprintf("%v: %s", a.Labels, answer.words))
		} else if err != nil {
			return "", err
		}
	}
	if worst == nil {
		return "taken one by one", nil
	}
	return "", &answerError{status: worst.status, words: strings.Join(refused, "; ")}
}

// firing is the alert of an open incident.
func (d *alertmanager) firing(labels map[string]string, m *anomaly.Message) postable {
	now := d.now().UTC()
	a := d.alert(labels, m)
	a.EndsAt = now.Add(alertLives * d.resend)
	if a.StartsAt.After(now) {
		a.StartsAt = now
	}
	return a
}

// over is the alert of an incident that has ended. Alertmanager takes an end in its future for one that fires, so the
// end lies back far enough for clocks that differ.
func (d *alertmanager) over(labels map[string]string, m *anomaly.Message) postable {
	a := d.alert(labels, m)
	a.EndsAt = earlier(m.At, d.now().Add(-clockSkew)).UTC()
	a.StartsAt = earlier(a.StartsAt, a.EndsAt)
	return a
}

// clockSkew is how much slower Alertmanager's clock may be.
const clockSkew = 30 * time.Second

func (d *alertmanager) alert(labels map[string]string, m *anomaly.Message) postable {
	notes := map[string]string{"summary": m.Summary, "description": description(m)}
	if link := webAddress(m.Metric.Runbook); link != "" {
		notes["runbook_url"] = link
	}
	if link := webAddress(m.Link); link != "" {
		notes["dashboard_url"] = link
	}
	for k, v := range notes {
		notes[k] = strings.ToValidUTF8(v, "�")
	}
	return postable{Labels: labels, Annotations: notes, StartsAt: m.OpenedAt.UTC(), GeneratorURL: webAddress(m.Link)}
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// labels are an alert's identity, so nothing that changes is among them. The metric's own labels come first: they
// overwrite nothing.
func (d *alertmanager) labels(m *anomaly.Message) map[string]string {
	all := map[string]string{}
	add := func(name, value string) {
		if value = strings.ToValidUTF8(value, "�"); value != "" && labelName.MatchString(name) {
			all[name] = value
		}
	}
	for name, value := range m.Metric.Labels {
		add(name, value)
	}
	delete(all, "test")
	alertname, scope := alertMetric, "cohort"
	switch m.Metric.Name {
	case anomaly.VolumeMetric:
		alertname, scope = alertEvents, "events"
	case anomaly.PipelineMetric:
		alertname, scope = alertPipeline, "pipeline"
	default:
		if all["segment"] != "" && all["segment_value"] != "" {
			scope = "segment"
		}
	}
	for name, value := range map[string]string{
		"alertname": alertname, "incident_id": m.Incident, "metric": m.Metric.Name, "kind": m.Metric.Kind, "cohort": m.Metric.Cohort,
		"severity": string(m.Severity), "product": d.product, "scope": scope,
	} {
		delete(all, name)
		add(name, value)
	}
	if m.Test {
		all["test"] = "true"
	}
	return all
}

func (d *alertmanager) watchdog() postable {
	now := d.now().UTC()
	labels := map[string]string{"alertname": alertWatchdog, "severity": "none", "product": strings.ToValidUTF8(d.product, "�")}
	if d.product == "" {
		delete(labels, "product")
	}
	return postable{
		Labels: labels, StartsAt: now, EndsAt: now.Add(alertLives * d.resend), GeneratorURL: webAddress(d.external),
		Annotations: map[string]string{
			"summary":     "Firstlight judges metrics and can reach this Alertmanager.",
			"description": "This alert always fires. Route it to something that speaks up when it stops.",
		},
	}
}

// test fires an alert that ends by itself.
func (d *alertmanager) test(ctx context.Context, m *anomaly.Message) (string, string, error) {
	labels := d.labels(m)
	a := d.firing(labels, m)
	a.EndsAt = d.now().UTC().Add(testLives)
	answer, err := d.send(ctx, []postable{a})
	return fmt.Sprintf("alert %s with the labels severity=%s, test=true; it ends by itself in %.0f minutes", labels["alertname"], m.Severity, testLives.Minutes()), answer, err
}

// union is a and what b has beyond it.
func union(a, b []map[string]string) []map[string]string {
	all := slices.Clone(a)
	for _, one := range b {
		if !slices.ContainsFunc(all, func(other map[string]string) bool { return maps.Equal(one, other) }) {
			all = append(all, one)
		}
	}
	return all
}

// webAddress returns a link that programs accept, or nothing.
func webAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}
