package schemas_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// ruleFile is a file of Prometheus rules.
type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert       string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

const rulesPath = "prometheus/firstlight.rules.yml"

// TestAlertRules runs the rules' own tests with promtool.
func TestAlertRules(t *testing.T) {
	tool(t, "prometheus", "promtool", "check", "rules", "firstlight.rules.yml")
	tool(t, "prometheus", "promtool", "test", "rules", "firstlight.rules.test.yml")
}

// TestAlertsAreExplained holds that every alert says what, why and what to do, and is tested.
func TestAlertsAreExplained(t *testing.T) {
	var rules ruleFile
	if err := yaml.Unmarshal(read(t, rulesPath), &rules); err != nil {
		t.Fatal(err)
	}
	tests := string(read(t, "prometheus/firstlight.rules.test.yml"))
	guide := string(read(t, "../docs/operations.md"))
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			for _, name := range []string{"summary", "description", "runbook_url"} {
				if rule.Annotations[name] == "" {
					t.Errorf("%s has no %s", rule.Alert, name)
				}
			}
			if severity := rule.Labels["severity"]; severity != "critical" && severity != "warning" {
				t.Errorf("%s has the severity %q", rule.Alert, severity)
			}
			if want := `{{ or $externalLabels.firstlight_url "http://127.0.0.1:8080" }}/runbook#` + strings.ToLower(rule.Alert); rule.Annotations["runbook_url"] != want {
				t.Errorf("%s: runbook_url is %q, want %q", rule.Alert, rule.Annotations["runbook_url"], want)
			}
			if !strings.Contains(guide, "\n### "+rule.Alert+"\n") {
				t.Errorf("docs/operations.md has no section %s", rule.Alert)
			}
			if !strings.Contains(tests, "- alertname: "+rule.Alert+"\n") {
				t.Errorf("no test sets off %s", rule.Alert)
			}
		}
	}
}

// TestStackMonitoring checks the configuration of Prometheus and Alertmanager, with paths as they are here.
func TestStackMonitoring(t *testing.T) {
	rules, err := filepath.Abs("prometheus")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prometheus.yml")
	token := filepath.Join(filepath.Dir(path), "token")
	if err := os.WriteFile(token, []byte("t0ken"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/etc/prometheus/rules", rules, "/tmp/firstlight-token", token).Replace(string(read(t, "stack/prometheus.yml")))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := tool(t, ".", "promtool", "check", "config", path); !strings.Contains(out, "1 rule files found") {
		t.Errorf("promtool check config:\n%s", out)
	}
	tool(t, "stack", "amtool", "check-config", "alertmanager.yml")
}
