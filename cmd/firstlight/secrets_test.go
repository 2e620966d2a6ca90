package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"firstlight/pipeline/redact"
)

// plantedSecret is looked for in everything that comes out. It is not too short to be found, and no part of anything else.
const plantedSecret = "Pl4ntedS3cret"

// malformed are the ways in which an address goes wrong that holds a secret.
var malformed = []string{
	"SCHEME://PLANTED@%zz", "SCHEME://user:%zzPLANTED@host", "SCHEME://user:PLANTED x@host", "SCHEME://user:x/PLANTED@host", "SCHEME://user:12/PLANTED@host",
	"SCHEME://user:x?PLANTED@host", "SCHEME://user:12#PLANTED@host", "SCHEME://user:PLANTED@host:port", "SCHEME://user:PLANTED@[::1", "SCHEME://user:PLANTED@",
	"gopher://user:PLANTED@host", "SCHEME:/user:PLANTED@host", "SCHEME:user:PLANTED@host", "://user:PLANTED@host", "SCHEME://user:PLANTED\n@host",
	"SCHEME://host/user:PLANTED@x", "SCHEME://user:x,PLANTED@host",
}

// TestMalformedAddresses: whatever is wrong with an address, the message names the setting and says nothing of what is in it.
func TestMalformedAddresses(t *testing.T) {
	schemes := map[string]string{"NATS_URL": "nats", "CLICKHOUSE_URL": "clickhouse"}
	for _, f := range settingFields() {
		setting, kind := f.Tag.Get("env"), redact.Kind(f.Tag.Get("secret"))
		if kind == "" || kind == redact.Whole || kind == redact.Keys {
			continue
		}
		scheme := schemes[setting]
		if scheme == "" {
			scheme = "http"
		}
		for _, form := range malformed {
			t.Run(setting+" "+form, func(t *testing.T) {
				t.Setenv(setting, strings.NewReplacer("SCHEME", scheme, "PLANTED", plantedSecret).Replace(form))
				if setting == "PAGERDUTY_URL" { // it is read with a key only
					t.Setenv("PAGERDUTY_ROUTING_KEY", strings.Repeat("k", 32))
				}
				_, err := loadSettings()
				if err == nil {
					if strings.Contains(form, ",") || setting == "NATS_URL" && strings.HasPrefix(form, "SCHEME:user") {
						return // a list of two hosts; a user without a scheme before it
					}
					t.Fatal("it is taken")
				}
				if text := err.Error(); strings.Contains(text, plantedSecret) || strings.Contains(text, "\n") || !strings.HasPrefix(text, setting) {
					t.Errorf("%s", text)
				}
				if !errors.As(err, new(usageError)) {
					t.Error("it is no mistake in usage")
				}
			})
		}
	}
}

// TestEverySecretMayComeFromAFile and is hidden then too.
func TestEverySecretMayComeFromAFile(t *testing.T) {
	for _, f := range settingFields() {
		setting, kind := f.Tag.Get("env"), f.Tag.Get("secret")
		if kind == "" {
			continue
		}
		t.Run(setting, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte("http://user:"+plantedSecret+"@host\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			vars := map[string]string{setting + "_FILE": path}
			if err := readSecretFiles(vars); err != nil || !strings.HasSuffix(vars[setting], plantedSecret+"@host") {
				t.Errorf("%q, %v", vars[setting], err)
			}
			var s redact.Secrets
			s.Add(redact.Kind(kind), vars[setting])
			if kind != string(redact.Whole) && kind != string(redact.Keys) && strings.Contains(s.Text(plantedSecret), plantedSecret) {
				t.Error("it is not hidden")
			}
			vars[setting] = "both"
			if err := readSecretFiles(vars); err == nil || !strings.Contains(err.Error(), setting+"_FILE") {
				t.Errorf("both set: %v", err)
			}
		})
	}
}

// TestWrongCredentials: what is wrong is named, with exit code 2 where it is the setting.
func TestWrongCredentials(t *testing.T) {
	b := newBox(t)
	b.env["NATS_URL"] = "nats://127.0.0.1:1"
	for _, c := range []struct {
		setting, content, word string
	}{
		{"NATS_CREDS", "", "no such file"},
		{"NATS_CREDS", "-----BEGIN NATS USER JWT-----\n" + plantedSecret, "nsc"},
		{"NATS_CA", "", "no such file"},
		{"NATS_CERT", "x", "NATS_KEY"},
		{"NATS_KEY", "x", "NATS_CERT"},
	} {
		one := &box{t: t, dir: b.dir, env: map[string]string{}}
		for k, v := range b.env {
			one.env[k] = v
		}
		one.env[c.setting] = filepath.Join(b.dir, "nowhere")
		if c.content != "" {
			one.env[c.setting] = b.write(c.setting, c.content)
		}
		one.refused(2, []string{c.setting, c.word}, "status")
		if r := one.firstlight("status"); strings.Contains(r.stderr, "NATS_URL") || strings.Contains(r.stderr, plantedSecret) {
			t.Errorf("%s: %s", c.setting, r.stderr)
		}
	}
}

// TestUnknownSettings are named, with the one that was meant; those of Kubernetes are not.
func TestUnknownSettings(t *testing.T) {
	var said strings.Builder
	warnUnknown(map[string]string{
		"FIRSTLIGHT_PARTITION": "8", "FIRSTLIGHT_HTTPADDR": "x", "FIRSTLIGHT_FOO_BAR_BAZ": "x", "FIRSTLIGHT_STREAM": "EVENTS", "NATS_URL_FILE": "x",
		"FIRSTLIGHT_SERVICE_HOST": "10.0.0.1", "FIRSTLIGHT_PORT": "tcp://10.0.0.1:80", "FIRSTLIGHT_PORT_8080_TCP_ADDR": "10.0.0.1", "FIRSTLIGHT_SERVICE_PORT_HTTP": "80",
		"FIRSTLIGHT_NATS_URL": "x", "OTHER": "x",
	}, &said)
	want := []string{
		"FIRSTLIGHT_FOO_BAR_BAZ", "FIRSTLIGHT_HTTPADDR, it does nothing: did you mean FIRSTLIGHT_HTTP_ADDR?", "FIRSTLIGHT_NATS_URL, it does nothing: did you mean NATS_URL?",
		"FIRSTLIGHT_PARTITION, it does nothing: did you mean FIRSTLIGHT_PARTITIONS?",
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("says %q", lines)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("says %q, want %q", lines[i], w)
		}
	}
}
