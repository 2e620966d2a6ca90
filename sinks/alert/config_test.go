package alert_test

import (
	"strings"
	"testing"

	"firstlight/sinks/alert"
)

// TestBadSettings: one line that names the setting and never what it holds.
func TestBadSettings(t *testing.T) {
	key := strings.Repeat("0123456789abcdef", 2)
	for setting, c := range map[string]alert.Config{
		"ALERTMANAGER_URL":             {Alertmanagers: "http://ok:9093, secret-host:9093"},
		"ALERTMANAGER_TOKEN":           {AlertmanagerToken: "secret"},
		"PAGERDUTY_ROUTING_KEY":        {PagerDutyKey: "secret"},
		"PAGERDUTY_URL":                {PagerDutyKey: key, PagerDutyURL: "ftp://secret"},
		"SLACK_WEBHOOK_URL":            {SlackURL: "https://hooks.example/secret%zz"},
		"WEBHOOK_URL":                  {WebhookURL: "https:///secret"},
		"WEBHOOK_SECRET":               {WebhookSecret: "secret"},
		"FIRSTLIGHT_EXTERNAL_URL":      {ExternalURL: "secret"},
		"FIRSTLIGHT_MESSAGES_PER_HOUR": {PerHour: -1},
	} {
		err := c.Check()
		if err == nil || !strings.HasPrefix(err.Error(), setting) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error is %v", setting, err)
		}
	}
	good := alert.Config{
		Alertmanagers: "http://a:9093,https://u:p@b/prefix", AlertmanagerToken: "t", PagerDutyKey: key, SlackURL: "https://hooks.slack.com/services/T/B/x",
		WebhookURL: "http://localhost:1/", WebhookSecret: "s", ExternalURL: "https://firstlight.acme.example",
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
