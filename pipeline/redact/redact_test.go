package redact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/redact"
)

// planted is a secret in forms in which people write it: encoded, forgotten to encode, in the wrong place.
var planted = []string{
	"nats://user:PLANTED@host:4222", "nats://PLANTED@host:4222", "user:PLANTED@host:4222", "PLANTED@host", "nats://user:%zzPLANTED@host",
	"nats://user:PLANTED with space@host", "nats://user:PLANTED/PLANTED@host", "nats://user:12/PLANTED@host", "nats://user:12?PLANTED@host",
	"nats://user:12#PLANTED@host", "nats://user:a@PLANTED@host", "nats://a:PLANTED@one:4222,nats://b:PLANTED@two:4222", "nats://a:x,PLANTED@two:4222",
	"nats:/user:PLANTED@host", "nats:user:PLANTED@host", "://user:PLANTED@host", "nats://host/user:PLANTED@x", "nats://host?token=PLANTED",
	"clickhouse://host/db?password=PLANTED&username=u", "clickhouse://host?http_proxy=http://u:PLANTED@proxy:3128",
	"clickhouse://host?http_proxy=http%3A%2F%2Fu%3APLANTED%40proxy", "http://user:PLANTED@[::1", "http://user:\"PLANTED\\@host", "nats://user:PLANTED\n@host",
}

// TestNothingOfASecretIsShown: neither Parse, Addresses nor Text shows it, nor does an error of net/url that went through Text.
func TestNothingOfASecretIsShown(t *testing.T) {
	for _, secret := range []string{"hunter2secret", "p%2Fs%3As%40w", "ü\"\\<&>'"} {
		for _, form := range planted {
			address := strings.ReplaceAll(form, "PLANTED", secret)
			var s redact.Secrets
			s.Add(redact.Address, address)
			quoted, _ := json.Marshal(address)
			shown := []string{redact.Addresses(address), s.Text("it is " + address + " there"), s.Text(fmt.Sprintf("%q", address)), s.Text(string(quoted))}
			if _, err := redact.Parse(address); err != nil {
				shown = append(shown, err.Error())
			}
			if u, err := url.Parse(address); err != nil {
				shown = append(shown, s.Error(err).Error())
			} else {
				shown = append(shown, s.Text(u.String()))
			}
			for _, text := range shown {
				if strings.Contains(text, secret) || strings.Contains(text, "hunter") {
					t.Errorf("%s: %s", address, text)
				}
			}
		}
	}
}

// TestSecretsAreFound in every spelling, in any text, by kind.
func TestSecretsAreFound(t *testing.T) {
	for _, c := range []struct {
		kind        redact.Kind
		value, text string
		want        string
	}{
		{redact.Whole, "tok/en 1", `Bearer tok/en 1, "tok%2Fen%201", tok%2Fen+1`, `Bearer xxxxx, "xxxxx", xxxxx`},
		{redact.Whole, `a"b\c`, `{"e":"a\"b\\c"}`, `{"e":"xxxxx"}`},
		{redact.Whole, "abc", "abcdef", "abcdef"}, // too short to be looked for in words
		{redact.Whole, "", "nothing", "nothing"},
		{redact.Keys, "# ours\nwk_one web https://acme.example\n\nwk_two backend", "wk_one and wk_two are of web and backend", "xxxxx and xxxxx are of web and backend"},
		{redact.Hook, "https://hooks.example/services/T0/B0/XyZ", "Post /services/T0/B0/XyZ: 404", "Post xxxxx: 404"},
		{redact.Address, "nats://app:p1@host", "dial nats://app:p1@host: refused", "dial nats://xxxxx@host: refused"}, // by its form
		{redact.Database, "clickhouse://reader@host", `does not let user "reader" in`, `does not let user "reader" in`},
		{redact.Address, "nats://longtoken@host", "user longtoken", "user xxxxx"},
		{redact.Address, "nats://app:secret1@one,nats://app:secret2@two", "secret1 secret2 app", "xxxxx xxxxx app"},
	} {
		var s redact.Secrets
		s.Add(c.kind, c.value)
		if got := s.Text(c.text); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.value, got, c.want)
		}
	}
}

// TestOrdinaryTextStays: mail addresses, SQL and links without secrets are shown as they are.
func TestOrdinaryTextStays(t *testing.T) {
	var s redact.Secrets
	s.Add(redact.Address, "nats://127.0.0.1:4222")
	for _, text := range []string{
		"owner growth@acme.example", "see https://acme.example/run?metric=activated&day=1", "WHERE key = 'x'", "listen on 127.0.0.1:8080",
		"https://acme.example/run, owner growth@acme.example",
	} {
		if got := s.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestParseReads(t *testing.T) {
	for _, address := range []string{"nats://h:4222", "nats://u:p%2Fq@h", "tls://[::1]:4222", "clickhouse://u@h:9000,h2:9000/db?secure=true&http_proxy=http://u:p@x"} {
		if _, err := redact.Parse(address); err != nil && !strings.Contains(address, ",") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if got := redact.Addresses("nats://u:p@one:4222, two"); got != "nats://one:4222,nats://two" {
		t.Errorf("shown as %s", got)
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	var s redact.Secrets
	s.Add(redact.Whole, "hunter2")
	cause := errors.New("no")
	err := s.Error(fmt.Errorf("with hunter2: %w", cause))
	if err.Error() != "with xxxxx: no" || !errors.Is(err, cause) || s.Error(nil) != nil {
		t.Errorf("%v", err)
	}
	var out bytes.Buffer
	if n, err := s.Writer(&out).Write([]byte("hunter2!")); n != 8 || err != nil || out.String() != "xxxxx!" {
		t.Errorf("%d %v %q", n, err, out.String())
	}
}

// TestAnyPassword: whatever a password is, an address made of it by the rules hides it everywhere.
func TestAnyPassword(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringN(8, 20, -1).Draw(t, "password")
		address := (&url.URL{Scheme: "nats", User: url.UserPassword("u", password), Host: "h"}).String()
		var s redact.Secrets
		s.Add(redact.Address, address)
		for _, text := range []string{address, fmt.Sprintf("%q", address), "[" + password + "]", fmt.Sprintf("%q", password), redact.Addresses(address)} {
			if strings.Contains(s.Text(text), password) {
				t.Fatalf("%q shows %q", s.Text(text), password)
			}
		}
	})
}
