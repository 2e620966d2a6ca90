package alert

import (
	"context"
	"net/http"
	"time"

	"firstlight/pipeline/anomaly"
)

// The limits of PagerDuty's Events API v2.
const (
	maxPagerSummary = 1024
	maxDedupKey     = 255
	maxPagerText    = 20_000 // of a whole event of 512 KB
)

// pagerDuty pages somebody for incidents that are critical, and takes the page back when they are not any more.
type pagerDuty struct {
	post                          *poster
	routingKey, product, external string
}

// pagerEvent is an event of the Events API v2.
type pagerEvent struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action"` // trigger or resolve
	DedupKey   string        `json:"dedup_key"`
	Client     string        `json:"client,omitempty"`
	ClientURL  string        `json:"client_url,omitempty"`
	Payload    *pagerPayload `json:"payload,omitempty"`
	Links      []pagerLink   `json:"links,omitempty"`
}

type pagerPayload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp time.Time      `json:"timestamp"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

type pagerLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

func (d *pagerDuty) name() string    { return "pagerduty" }
func (d *pagerDuty) key() string     { return place("pagerduty", d.post.url.String()+" "+d.routingKey) }
func (d *pagerDuty) setting() string { return setPagerDuty }

// plan wakes nobody up for updates: only the beginning and the end of what is critical are sent.
func (d *pagerDuty) plan(e *entry, waiting []*anomaly.Message) plan {
	m := newest(waiting)
	open := m.Open() && m.Severity == anomaly.Critical
	p := plan{do: skip, message: m, news: newsFor(e, m, open), after: e.told(m, open)}
	switch {
	case p.news == opens || p.news == ends:
		p.do = send
	case p.news == wasShort && anyCritical(waiting):
		p.do = withhold
	}
	return p
}

func anyCritical(waiting []*anomaly.Message) bool {
	for _, m := range waiting {
		if m.Severity == anomaly.Critical {
			return true
		}
	}
	return false
}

func (d *pagerDuty) deliver(ctx context.Context, _ *entry, p plan) (string, error) {
	if p.news == ends {
		return d.send(ctx, d.resolve(p.message))
	}
	return d.send(ctx, d.trigger(p.message))
}

func (d *pagerDuty) send(ctx context.Context, e *pagerEvent) (string, error) {
	return d.post.sendJSON(ctx, e, http.StatusAccepted)
}

func (d *pagerDuty) resolve(m *anomaly.Message) *pagerEvent {
	return &pagerEvent{RoutingKey: d.routingKey, Action: "resolve", DedupKey: cut(m.Incident, maxDedupKey)}
}

func (d *pagerDuty) trigger(m *anomaly.Message) *pagerEvent {
	e := &pagerEvent{
		RoutingKey: d.routingKey, Action: "trigger", DedupKey: cut(m.Incident, maxDedupKey),
		Client: "Firstlight", ClientURL: webAddress(d.external),
		Payload: &pagerPayload{
			Summary: cut(m.Title+": "+m.Summary, maxPagerSummary), Source: "firstlight/" + d.product, Severity: string(m.Severity),
			Timestamp: m.At.UTC(), Component: m.Metric.Name, Group: m.Metric.Cohort, Class: string(m.Reason), Details: details(m),
		},
	}
	for _, l := range []pagerLink{{webAddress(m.Metric.Runbook), "Runbook"}, {webAddress(m.Link), "Numbers"}} {
		if l.Href != "" {
			e.Links = append(e.Links, l)
		}
	}
	return e
}

// details are the numbers behind a page.
func details(m *anomaly.Message) map[string]any {
	all := map[string]any{
		"description": cut(description(m), maxPagerText), "incident_id": m.Incident, "opened_at": m.OpenedAt.UTC(),
		"window": m.Window, "window_start": m.WindowStart.UTC(), "window_end": m.WindowEnd.UTC(), "k": m.K, "n": m.N, "unit": m.Unit, "method": m.Method,
	}
	for name, v := range map[string]*float64{
		"value": m.Value, "expected": m.Expected, "expected_low": m.ExpectedLow, "expected_high": m.ExpectedHigh, "limit": m.Limit, "users_lost": m.UsersLost,
	} {
		if v != nil {
			all[name] = *v
		}
	}
	if len(m.Metric.Labels) > 0 {
		all["labels"] = m.Metric.Labels
	}
	return all
}

// test pages, and takes the page back at once.
func (d *pagerDuty) test(ctx context.Context, m *anomaly.Message) (string, string, error) {
	answer, err := d.send(ctx, d.trigger(m))
	if err == nil {
		answer, err = d.send(ctx, d.resolve(m))
	}
	return "trigger and resolve of " + m.Incident, answer, err
}
