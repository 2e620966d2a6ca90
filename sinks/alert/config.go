package alert

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/redact"
	"firstlight/pipeline/trouble"
)

// The settings that switch destinations on.
const (
	setAlertmanager = "ALERTMANAGER_URL"
	setPagerDuty    = "PAGERDUTY_ROUTING_KEY"
	setPagerDutyURL = "PAGERDUTY_URL"
	setSlack        = "SLACK_WEBHOOK_URL"
	setWebhook      = "WEBHOOK_URL"
	setExternal     = "FIRSTLIGHT_EXTERNAL_URL"
	setPerHour      = "FIRSTLIGHT_MESSAGES_PER_HOUR"
)

// Config says where messages go. An empty address switches its destination off; the stream is always on.
type Config struct {
	Product  string
	Identity string // whose incidents they are, such as the database: entries of others in the ledger are left alone

	ExternalURL       string
	Alertmanagers     string // addresses, separated by commas
	AlertmanagerToken string // bearer token for all of them
	PagerDutyKey      string
	PagerDutyURL      string // empty: the public one
	SlackURL          string
	WebhookURL        string
	WebhookSecret     string

	PerHour int           // messages to people per hour, as many at once; 0: 20
	Resend  time.Duration // how often Alertmanager is told what fires; 0: a minute
	Digest  time.Duration // how long withheld messages wait to be summed up; 0: an hour

	// Healthy reports whether incidents are being judged: FirstlightWatchdog fires only while it does. nil: always.
	Healthy func() bool
	Metrics *Metrics        // nil: nothing is counted
	Clock   clockwork.Clock // nil: the real one
	Trouble *trouble.Board  // what fails; nil: one of its own
}

const publicPagerDuty = "https://events.pagerduty.com"

// fill sets what was left out.
func (c *Config) fill() {
	orDefault(&c.PagerDutyURL, publicPagerDuty)
	orDefault(&c.PerHour, 20)
	orDefault(&c.Resend, time.Minute)
	orDefault(&c.Digest, time.Hour)
	orDefault(&c.Clock, clockwork.NewRealClock())
	orDefault(&c.Metrics, NewMetrics())
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Check says in one line which setting makes no sense.
func (c Config) Check() error {
	c.fill()
	if c.ExternalURL != "" {
		if _, err := address(setExternal, c.ExternalURL); err != nil {
			return err
		}
	}
	_, err := c.destinations(nil)
	return err
}

// routingKey is the form of an integration key of PagerDuty's Events API v2.
var routingKey = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

// destinations returns what is switched on.
func (c *Config) destinations(js jetstream.JetStream) ([]destination, error) {
	all := []destination{&streamDestination{js: js, product: c.Product}}
	managers, err := c.alertmanagers()
	if err != nil {
		return nil, err
	}
	all = append(all, managers...)
	if c.PagerDutyKey != "" {
		base, err := address(setPagerDutyURL, c.PagerDutyURL)
		switch {
		case err != nil:
			return nil, err
		case !routingKey.MatchString(c.PagerDutyKey):
			return nil, fmt.Errorf("%s has %d characters or others than letters and digits: write the integration key of an \"Events API V2\" integration, 32 letters and digits",
				setPagerDuty, len(c.PagerDutyKey))
		}
		all = append(all, &pagerDuty{post: newPoster(base.JoinPath("v2", "enqueue"), redact.Address, c.PagerDutyKey), routingKey: c.PagerDutyKey, product: c.Product, external: c.ExternalURL})
	}
	if c.SlackURL != "" {
		u, err := address(setSlack, c.SlackURL)
		if err != nil {
			return nil, err
		}
		all = append(all, &slack{post: newPoster(u, redact.Hook), product: c.Product})
	}
	switch {
	case c.WebhookURL != "":
		u, err := address(setWebhook, c.WebhookURL)
		if err != nil {
			return nil, err
		}
		all = append(all, &webhook{post: newPoster(u, redact.Hook, c.WebhookSecret), secret: c.WebhookSecret, product: c.Product, now: c.Clock.Now})
	case c.WebhookSecret != "":
		return nil, fmt.Errorf("WEBHOOK_SECRET is set without %s: set both, or none", setWebhook)
	}
	if c.PerHour < 0 {
		return nil, fmt.Errorf("%s is %d: write a number from 1", setPerHour, c.PerHour)
	}
	return all, nil
}

func (c *Config) alertmanagers() ([]destination, error) {
	var all []destination
	for text := range strings.SplitSeq(c.Alertmanagers, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		u, err := address(setAlertmanager, text)
		if err != nil {
			return nil, err
		}
		post := newPoster(u.JoinPath("api", "v2", "alerts"), redact.Address, c.AlertmanagerToken)
		if c.AlertmanagerToken != "" {
			post.header.Set("Authorization", "Bearer "+c.AlertmanagerToken)
		}
		all = append(all, &alertmanager{
			post: post, title: "alertmanager " + u.Host, id: u.Host + u.Path,
			product: c.Product, external: c.ExternalURL, resend: c.Resend, healthy: c.Healthy, now: c.Clock.Now,
		})
	}
	if len(all) == 1 {
		all[0].(*alertmanager).title = "alertmanager"
	}
	if len(all) == 0 && c.AlertmanagerToken != "" {
		return nil, fmt.Errorf("ALERTMANAGER_TOKEN is set without %s: set both, or none", setAlertmanager)
	}
	return all, nil
}

// missing are the destinations that are switched off.
func (c *Config) missing() (off []Result) {
	for _, d := range []struct{ name, setting, value string }{
		{"alertmanager", setAlertmanager, c.Alertmanagers},
		{"pagerduty", setPagerDuty, c.PagerDutyKey},
		{"slack", setSlack, c.SlackURL},
		{"webhook", setWebhook, c.WebhookURL},
	} {
		if d.value == "" {
			off = append(off, Result{Destination: d.name, Setting: d.setting})
		}
	}
	return off
}

// address reads a web address. What is wrong is said without the address: it may be a secret.
func address(setting, text string) (*url.URL, error) {
	u, err := redact.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "://"):
		return nil, fmt.Errorf("%s %w", setting, err)
	case err != nil:
		return nil, fmt.Errorf("%s does not begin with http:// or https://: write for example https://host/path", setting)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s does not begin with http:// or https://: write for example https://host/path", setting)
	}
	return u, nil
}
