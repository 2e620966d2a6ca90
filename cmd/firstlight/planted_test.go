package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"firstlight/pipeline/redact"
)

// TestNoSecretComesOut runs the product with a secret in every setting that may hold one, at the highest log level, against
// servers that refuse some of them with the secret in their answer, and reads everything it says.
func TestNoSecretComesOut(t *testing.T) {
	b := newMigratedBox(t)
	addr := stackNATS(t, b.dir, plantedSecret)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, fmt.Sprint("no: ", plantedSecret, r.URL, r.Header, string(body)), http.StatusForbidden)
	}))
	defer echo.Close()
	withUser := strings.Replace(echo.URL, "://", "://user:"+plantedSecret+"@", 1)
	b.env["NATS_URL"] = "nats://firstlight:" + plantedSecret + "@" + addr
	b.env["NATS_INBOX_PREFIX"] = "_INBOX_firstlight"
	b.env["ALERTMANAGER_URL"], b.env["ALERTMANAGER_TOKEN"] = withUser, plantedSecret+"1"
	b.env["SLACK_WEBHOOK_URL"], b.env["WEBHOOK_URL"] = echo.URL+"/services/"+plantedSecret, withUser+"/?token="+plantedSecret
	b.env["WEBHOOK_SECRET"], b.env["PAGERDUTY_ROUTING_KEY"], b.env["PAGERDUTY_URL"] = plantedSecret+"2", strings.Repeat("k", 19)+plantedSecret, withUser
	b.env["FIRSTLIGHT_HTTP_TOKEN"] = plantedSecret + "3"
	b.env["FIRSTLIGHT_WRITE_KEYS"], b.env["FIRSTLIGHT_COLLECT_ADDR"] = plantedSecret+" web", "127.0.0.1:0"
	b.env["LOG_LEVEL"], b.env["LOG_FORMAT"] = "debug", "json"
	for _, f := range settingFields() {
		if setting := f.Tag.Get("env"); f.Tag.Get("secret") != "" && b.env[setting] == "" && setting != "CLICKHOUSE_URL" {
			b.env[setting] = plantedSecret
		}
	}
	d := b.start("run")
	var said strings.Builder
	for _, args := range [][]string{{"status"}, {"notify", "test"}, {"query", "SELECT 1"}, {"annotate", "--kind", "deploy", "--title", "x"}} {
		r := b.firstlight(args...)
		fmt.Fprintf(&said, "%q: %s%s\n", args, r.stdout, r.stderr)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/", "/api/status.json", "/api/pipeline.json"} {
		fmt.Fprintln(&said, path, d.seen(path))
	}
	for _, file := range processes(t) {
		said.WriteString(file)
	}
	data, err := os.ReadFile(filepath.Join(b.env["FIRSTLIGHT_DATA_DIR"], addressesFile))
	if err != nil {
		t.Fatal(err)
	}
	said.Write(data)
	d.terminate()
	said.WriteString(d.stderr.String())
	for _, other := range []struct{ setting, value string }{ // what servers refuse
		{"NATS_URL", "nats://wrong:" + plantedSecret + "@" + addr},
		{"NATS_URL", "nats://" + plantedSecret + "@127.0.0.1:1"},
		{"CLICKHOUSE_URL", withUser + "?password=" + plantedSecret},
		{"CLICKHOUSE_URL", "clickhouse://u:" + plantedSecret + "@127.0.0.1:1"},
	} {
		one := &box{t: t, dir: b.dir, env: map[string]string{}}
		for k, v := range b.env {
			one.env[k] = v
		}
		one.env[other.setting], one.env["FIRSTLIGHT_START_WAIT"] = other.value, "0s"
		r := one.firstlight("run")
		if r.code == 0 {
			t.Errorf("%s=%s is taken", other.setting, other.value)
		}
		said.WriteString(r.stderr)
	}
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, plantedSecret) {
			t.Errorf("says %s", line)
		}
	}
	if !strings.Contains(said.String(), redact.Hidden) {
		t.Error("the secret was nowhere in the way: nothing was tested")
	}
}

// processes are the command lines of all processes of this machine that can be read.
func processes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skip("no list of processes to look at")
	}
	var all []string
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil {
			all = append(all, strings.ReplaceAll(string(line), "\x00", " ")+"\n")
		}
	}
	return all
}

// seen is what a path answers to who knows the token, headers included.
func (d *daemon) seen(path string) string {
	d.b.t.Helper()
	r, err := http.NewRequestWithContext(d.b.t.Context(), http.MethodGet, "http://"+d.at.HTTP+path, nil)
	if err != nil {
		d.b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.b.env["FIRSTLIGHT_HTTP_TOKEN"])
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.b.t.Errorf("%s: %s %s %v", path, answer.Status, body, err)
	}
	return fmt.Sprint(answer.Header, string(body))
}
