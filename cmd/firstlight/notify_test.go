package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestNotifyTest: one line for each destination, exit 1 when one failed, no secret in any of them.
func TestNotifyTest(t *testing.T) {
	b := newBox(t)
	var sent []string
	got := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/services"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "invalid_token "+r.URL.Path)
		case strings.HasPrefix(r.URL.Path, "/v2/enqueue"):
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"status":"success"}`)
		}
	}))
	t.Cleanup(server.Close)
	b.env["PAGERDUTY_URL"], b.env["PAGERDUTY_ROUTING_KEY_FILE"] = server.URL, b.write("key", strings.Repeat("5", 32)+"\n")
	b.env["WEBHOOK_URL"] = server.URL + "/hook"
	r := b.firstlight("notify", "test")
	wantLines(t, r, 0, `^jetstream +sent message test-\d+-1 on anomalies\.critical\.firstlight_test: stored as number 1, \d+ms`,
		`^pagerduty +sent trigger and resolve of test-\d+: 202 Accepted \{"status":"success"\}, `, `^webhook +sent CloudEvent test-\d+-1, not signed \(WEBHOOK_SECRET\): 200 OK, `,
		`^alertmanager +not configured: set ALERTMANAGER_URL$`, `^slack +not configured: set SLACK_WEBHOOK_URL$`)
	for range 3 {
		sent = append(sent, <-got)
	}
	if all := strings.Join(sent, "\n"); strings.Count(all, "TEST: ") != 2 || strings.Count(all, `"resolve"`) != 1 || !strings.Contains(all, `"test":true`) || !strings.Contains(all, `"source":"firstlight/acme"`) {
		t.Errorf("it sent %s", all)
	}
	b.env["SLACK_WEBHOOK_URL"], b.env["ALERTMANAGER_URL"] = server.URL+"/services/T0/B0/hidden", "http://u:hidden@127.0.0.1:1"
	r = b.firstlight("notify", "test", "--severity", "warning")
	wantLines(t, r, 1, `^jetstream +sent message test-\d+-1 on anomalies\.warning`, `^alertmanager +FAILED \(ALERTMANAGER_URL\): alert .*connection refused`, `^pagerduty +sent`,
		`^slack +FAILED \(SLACK_WEBHOOK_URL\): message TEST: .*403 Forbidden: invalid_token x+`, `^webhook +sent`)
	if strings.Contains(r.stdout+r.stderr, "hidden") {
		t.Errorf("a secret is shown: %s", r.stdout+r.stderr)
	}
}

// wantLines compares what was printed with patterns, line by line.
func wantLines(t *testing.T, r result, code int, patterns ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != code || len(lines) != len(patterns) {
		t.Fatalf("exit %d, want %d; %d lines, want %d:\n%s%s", r.code, code, len(lines), len(patterns), r.stdout, r.stderr)
	}
	for i, p := range patterns {
		if !regexp.MustCompile(p).MatchString(lines[i]) {
			t.Errorf("line %d is %q, want %s", i+1, lines[i], p)
		}
	}
}

// TestBadAddresses: settings that make no sense are one line, without what they hold.
func TestBadAddresses(t *testing.T) {
	b := newSharedBox(t)
	for setting, value := range map[string]string{
		"SLACK_WEBHOOK_URL": "hooks.slack.com/hidden", "PAGERDUTY_ROUTING_KEY": "hidden", "ALERTMANAGER_URL": "host:9093/hidden", "WEBHOOK_SECRET": "hidden",
		"FIRSTLIGHT_EXTERNAL_URL": "hidden", "FIRSTLIGHT_MESSAGES_PER_HOUR": "0",
	} {
		b.env[setting] = value
		b.refused(2, []string{setting}, "notify", "test")
		if r := b.firstlight("status"); strings.Contains(r.stderr, "hidden") {
			t.Errorf("%s: %s", setting, r.stderr)
		}
		delete(b.env, setting)
	}
	b.refused(2, []string{"--severity"}, "notify", "test", "--severity", "loud")
	b.refused(2, []string{"notify test"}, "notify")
}
